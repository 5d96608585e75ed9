"""The incident, re-enacted on this machine: real processes, identities, archives and skopeo; no cluster.

A *stage* says which identities this machine lets us play, a *scene* is a short script on it, and what the scene shows
is what a shell shows to the pusher, and then the verdict of a real check made by the pusher's own process.
"""
