"""Mode bits allow, open refused, and the SELinux label's type or categories are not dominated."""

from __future__ import annotations

from probe.classify.case import Reading
from probe.classify.hypothesis import ReadingHypothesis, Scale
from probe.classify.refusal import needs_unexplained
from probe.classify.selinux import Label, parse_label
from probe.classify.verdict import Assessment, Cause, Fix, Remedy
from probe.evidence.observation import Seen

_CONTAINER_FILES = frozenset({"container_file_t", "container_ro_file_t", "container_share_t", "svirt_sandbox_file_t"})


class SelinuxDenied(ReadingHypothesis):
    """Never more than likely: the AVC record that would prove it lies on the node."""

    cause = Cause.SELINUX_DENIED
    rank = 55
    refines = (Cause.DENIED_UNEXPLAINED,)

    def weigh(self, reading: Reading, scale: Scale) -> Assessment:
        """Compare the process's label with the label of each component."""
        unfit = needs_unexplained(reading, scale)
        if unfit is not None:
            return unfit
        observed = (reading.report.predict_for or reading.report.identity).label
        process = parse_label(observed.value) if isinstance(observed, Seen) else None
        if process is None:
            scale.contradict(reading.identity_at + "/label", "the process carries no SELinux label")
            return scale.refuted("no SELinux label on the process: SELinux does not confine it")
        for index in reversed(reading.observed):
            seen = reading.components[index].label
            label = parse_label(seen.value) if isinstance(seen, Seen) else None
            if label is None:
                continue
            reason = _not_dominated(process, label)
            if reason is not None:
                return self._likely(reading, scale, index, reason)
        scale.miss(reading.chain_at, "the AVC record on the node: ausearch -m AVC -ts recent")
        if any(isinstance(component.label, Seen) for component in reading.components):
            scale.contradict(reading.chain_at, "every label that was seen is dominated by the process's label")
        return scale.possible("the process is confined by SELinux; no label that was seen explains the refusal")

    def _likely(self, reading: Reading, scale: Scale, index: int, reason: str) -> Assessment:
        path = reading.path_of(index)
        scale.support(reading.component_at(index) + "/label", f"{path}: {reason}")
        scale.miss(reading.chain_at, "the AVC record on the node: ausearch -m AVC -ts recent")
        return scale.likely(
            f"SELinux: {path}: {reason}",
            component=path,
            remedy=Remedy(
                smallest=Fix(
                    sentence="Let the pods that share the volume run with one level, so that the categories agree.",
                    yaml="securityContext:\n  seLinuxOptions:\n    level: " + _level(reading),
                )
            ),
        )


def _level(reading: Reading) -> str:
    observed = (reading.report.predict_for or reading.report.identity).label
    label = parse_label(observed.value) if isinstance(observed, Seen) else None
    return f'"{label.level}"' if label is not None else '"s0:c1,c2"'


def _not_dominated(process: Label, file: Label) -> str | None:
    lacking = sorted(file.categories - process.categories)
    if lacking:
        names = ",".join(f"c{number}" for number in lacking[:8])
        return f"label {file.text} has categories {names}, which the process ({process.level}) lacks"
    if process.type.startswith("container") and file.type not in _CONTAINER_FILES and file.type != "unlabeled_t":
        return f"type {file.type} is not one that {process.type} may read" if file.type in _FOREIGN else None
    return None


_FOREIGN = frozenset(
    {"user_home_t", "admin_home_t", "var_t", "var_lib_t", "default_t", "tmp_t", "user_tmp_t", "mnt_t", "home_root_t"}
)
"""Types of ordinary host directories, which the container policy does not open to container_t."""
