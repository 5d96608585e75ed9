"""Claims, volumes, storage classes, drivers and namespaces."""

from __future__ import annotations

from probe.cluster.raw import Raw, mapping, path, text, texts, within
from probe.cluster.security import id_range
from probe.evidence.cluster import Claim, Driver, Key, Namespace, StorageClass, Volume

_NO_SOURCE = frozenset(
    {
        "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy",
        "storageClassName", "volumeMode", "volumeAttributesClassName",
    }
)  # fmt: skip
"""The fields of a PersistentVolume that do not say what it is on."""


def claim_of(key: Key, raw: Raw) -> Claim:
    """A PersistentVolumeClaim."""
    spec = mapping(raw.get("spec"))
    return Claim(
        key=key,
        phase=text(within(raw, "status").get("phase")),
        volume=text(spec.get("volumeName")),
        storage_class=text(spec.get("storageClassName")),
        access_modes=texts(spec.get("accessModes")),
        volume_mode=text(spec.get("volumeMode")),
    )


def volume_of(key: Key, raw: Raw) -> Volume:
    """A PersistentVolume."""
    spec = mapping(raw.get("spec"))
    kind = next((name for name in spec if name not in _NO_SOURCE and isinstance(spec[name], dict)), "")
    source = mapping(spec.get(kind))
    return Volume(
        key=key,
        phase=text(within(raw, "status").get("phase")),
        claim=text(within(spec, "claimRef").get("name")),
        claim_namespace=text(within(spec, "claimRef").get("namespace")),
        kind=text(kind),
        driver=text(source.get("driver")),
        handle=source_detail(kind, source),
        filesystem=text(source.get("fsType")),
        access_modes=texts(spec.get("accessModes")),
        storage_class=text(spec.get("storageClassName")),
    )


def source_detail(kind: str, source: Raw) -> str:
    """What a volume is on: a driver's handle, a server with a path, a path of the node."""
    if kind == "nfs":
        return path(f"{text(source.get('server'))}:{path(source.get('path'))}")
    if kind == "csi":
        return path(source.get("volumeHandle")) or text(source.get("driver"))
    return path(source.get("path")) or text(source.get("driver"))


def storage_class_of(key: Key, raw: Raw) -> StorageClass:
    """A StorageClass."""
    return StorageClass(key=key, provisioner=text(raw.get("provisioner")), binding=text(raw.get("volumeBindingMode")))


def driver_of(key: Key, raw: Raw) -> Driver:
    """A CSIDriver."""
    return Driver(key=key, fs_group_policy=text(within(raw, "spec").get("fsGroupPolicy")))


def namespace_of(key: Key, raw: Raw) -> Namespace:
    """A Namespace, as far as OpenShift wrote down the ids of its pods."""
    notes = within(raw, "metadata", "annotations")
    return Namespace(
        key=key,
        uid_range=id_range(notes.get("openshift.io/sa.scc.uid-range")),
        group_range=id_range(notes.get("openshift.io/sa.scc.supplemental-groups")),
        se_linux=text(notes.get("openshift.io/sa.scc.mcs")),
    )
