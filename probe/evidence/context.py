"""Where and when the looking happened: pod, node, task, step, and the starts that order events."""

from typing import Annotated

from pydantic import Field

from probe.evidence.base import Frozen, ShortText, Timestamp
from probe.evidence.observation import Observation


class Context(Frozen):
    """The place of one report in a pipeline run.

    Names come from files of the pod or from the command line, never from environment values.
    """

    hostname: ShortText = ""
    boot_id: ShortText | None = None
    """Random, and anew at each boot of the node (random(4)): the monotonic clocks of reports that share it are one."""
    pod: ShortText | None = None
    namespace: ShortText | None = None
    node: ShortText | None = None
    pipeline_run: ShortText | None = None
    task_run: ShortText | None = None
    task: ShortText | None = None
    step: ShortText | None = None
    role: ShortText | None = None
    """`producer` or `consumer`, where told."""
    fs_group: int | None = None
    """The fsGroup that the pod asks for, where told (an identity alone does not show which group that is)."""
    workspace: ShortText | None = None
    """The mount point on which a volume is expected, where told."""
    in_container: bool | None = None
    """Whether process 1 of this PID namespace is not the node's own."""
    container_started: Observation[Timestamp]
    """Start of process 1 of this PID namespace: after kubelet's ownership sweep of this pod, before its commands."""
    probe_started: Timestamp
    protected_symlinks: bool | None = None
    """fs.protected_symlinks of this kernel (proc_sys_fs(5))."""
    protected_regular: int | None = None
    """fs.protected_regular of this kernel."""
    clock_ticks_error_ms: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Process start times are counted in clock ticks (proc_pid_stat(5)): they may be this much too early."""
