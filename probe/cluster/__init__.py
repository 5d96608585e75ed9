"""Kubernetes and Tekton objects as evidence: from files as `oc get -o json` prints them, or from the API."""
