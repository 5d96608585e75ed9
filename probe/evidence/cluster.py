"""Kubernetes and Tekton objects, as far as they bear on who could read what, when: an allow-list of typed fields.

Names are those of the API. No environment values, no scripts and no arguments are kept: of those only the image
references and file options that they name (`Invocation`).
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from probe.evidence.base import Frozen, ShortText, Text, Timestamp
from probe.evidence.invocation import Invocation
from probe.evidence.report import Tool

MAX_OBJECTS = 2_000
"""Of one kind in one document."""
MAX_NOTICES = 5_000
Names = tuple[ShortText, ...]


class Key(Frozen):
    """What names one object, and where it was read: `file`, and the object's place in it."""

    name: ShortText
    namespace: ShortText = ""
    uid: ShortText = ""
    source: Text = ""
    """`pods.json: item 3`; empty for an object read from the API."""


class Outcome(StrEnum):
    """How a run, a task or a step stands, by its `Succeeded` condition or its container's state."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RUNNING = "running"
    PENDING = "pending"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class SecurityContext(Frozen):
    """Of a pod or of one container; None where it does not say (then the pod's, or the image's own, counts)."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    fs_group: int | None = None
    fs_group_policy: ShortText | None = None
    """`Always` (the default) or `OnRootMismatch`."""
    supplemental_groups: tuple[int, ...] | None = None
    added: Names = ()
    dropped: Names = ()
    """Capabilities as written: `NET_RAW`, `ALL`."""
    privileged: bool | None = None
    read_only_root: bool | None = None
    no_privilege_escalation: bool | None = None
    se_linux: ShortText | None = None
    """`user:role:type:level`, with empty fields where not given."""
    seccomp: ShortText | None = None


class VolumeMount(Frozen):
    """Where a container sees a volume of its pod."""

    volume: ShortText
    path: Text
    sub_path: Text = ""
    read_only: bool = False
    propagation: ShortText = ""


class PodVolume(Frozen):
    """One volume of a pod: `kind` is its field in the API (`persistentVolumeClaim`, `emptyDir`, `configMap`, ...)."""

    name: ShortText
    kind: ShortText
    claim: ShortText | None = None
    read_only: bool = False
    medium: ShortText = ""
    size_limit: int | None = None
    """Bytes."""
    detail: Text = ""
    """Driver, host path or server, for the kinds that have one."""


class ContainerKind(StrEnum):
    """What a container is to its pod."""

    INIT = "init"
    STEP = "step"
    SIDECAR = "sidecar"
    OTHER = "container"


class Container(Frozen):
    """One container of a pod: what was asked for and how it went."""

    name: ShortText
    kind: ContainerKind
    image: Text = ""
    security: SecurityContext = SecurityContext()
    mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=256)] = ()
    invocations: Annotated[tuple[Invocation, ...], Field(max_length=64)] = ()
    """What its command, arguments and script name."""
    waits: Text = ""
    """Why it has not begun, where it waits: the reason of the API."""
    started: Timestamp | None = None
    """Of the container: in a Tekton pod before the step's turn comes."""
    began: Timestamp | None = None
    """When Tekton let the step itself begin, to the millisecond, where the container's last message says so."""
    ended: Timestamp | None = None
    exit_status: int | None = None
    signal: int | None = None
    reason: ShortText = ""
    message: Text = ""
    restarts: int = 0


class Pod(Frozen):
    """One pod."""

    key: Key
    node: ShortText = ""
    phase: ShortText = ""
    reason: ShortText = ""
    message: Text = ""
    created: Timestamp | None = None
    scheduled: Timestamp | None = None
    started: Timestamp | None = None
    """`status.startTime`: kubelet took it on, before the volumes were set up."""
    pipeline_run: ShortText = ""
    task_run: ShortText = ""
    pipeline_task: ShortText = ""
    scc: ShortText = ""
    """`openshift.io/scc`."""
    security: SecurityContext = SecurityContext()
    host_users: bool | None = None
    """False: the pod has a user namespace of its own."""
    shares_processes: bool = False
    containers: Annotated[tuple[Container, ...], Field(max_length=256)] = ()
    volumes: Annotated[tuple[PodVolume, ...], Field(max_length=256)] = ()


class Workspace(Frozen):
    """What a run binds to a workspace name."""

    name: ShortText
    kind: ShortText = ""
    """`persistentVolumeClaim`, `volumeClaimTemplate`, `emptyDir`, `secret`, ...; empty in a pipeline's task, which
    takes one of the run (`of_run`)."""
    claim: ShortText | None = None
    sub_path: Text = ""
    of_run: ShortText = ""
    """In a pipeline's task: the run's workspace that is used."""


class Step(Frozen):
    """One step or sidecar of a TaskRun: its spec with parameter values put in, and how it went."""

    name: ShortText
    container: ShortText = ""
    sidecar: bool = False
    security: SecurityContext = SecurityContext()
    invocations: Annotated[tuple[Invocation, ...], Field(max_length=64)] = ()
    on_error: ShortText = ""
    started: Timestamp | None = None
    ended: Timestamp | None = None
    exit_status: int | None = None
    reason: ShortText = ""


class Result(Frozen):
    """A result that is a digest, an image reference or a verdict of the probe; other values are not kept."""

    name: ShortText
    value: ShortText


class TaskRun(Frozen):
    """One TaskRun."""

    key: Key
    pipeline_run: ShortText = ""
    pipeline_task: ShortText = ""
    task: ShortText = ""
    """The Task that it refers to, if it does."""
    pod: ShortText = ""
    created: Timestamp | None = None
    started: Timestamp | None = None
    """Does not order readers: see the steps' and the logs' times."""
    completed: Timestamp | None = None
    outcome: Outcome = Outcome.UNKNOWN
    reason: ShortText = ""
    message: Text = ""
    retries: int = 0
    """Runs that were made before and failed (`status.retriesStatus`)."""
    security: SecurityContext = SecurityContext()
    """Of the pod template."""
    steps: Annotated[tuple[Step, ...], Field(max_length=256)] = ()
    workspaces: Annotated[tuple[Workspace, ...], Field(max_length=64)] = ()
    results: Annotated[tuple[Result, ...], Field(max_length=64)] = ()


class PipelineTask(Frozen):
    """One task of a pipeline, and what it waits for."""

    name: ShortText
    run_after: Names = ()
    results_of: Names = ()
    """Tasks whose results it uses in parameters or conditions: those order it too."""
    final: bool = False
    """In `finally`: runs after all others."""
    workspaces: Annotated[tuple[Workspace, ...], Field(max_length=64)] = ()
    steps: Annotated[tuple[Step, ...], Field(max_length=256)] = ()
    """Of an embedded or a given Task, with what is known of its parameters put in."""
    security: SecurityContext = SecurityContext()
    """Of the pod template that the run gives to this task."""
    task: ShortText = ""
    retries: int = 0
    conditional: bool = False
    """Has `when`."""


class Skipped(Frozen):
    """A task that the run left out: absence is not success."""

    name: ShortText
    reason: Text = ""


class PipelineRun(Frozen):
    """One PipelineRun."""

    key: Key
    pipeline: ShortText = ""
    created: Timestamp | None = None
    started: Timestamp | None = None
    completed: Timestamp | None = None
    outcome: Outcome = Outcome.UNKNOWN
    reason: ShortText = ""
    message: Text = ""
    security: SecurityContext = SecurityContext()
    """Of the pod template."""
    tasks: Annotated[tuple[PipelineTask, ...], Field(max_length=512)] = ()
    workspaces: Annotated[tuple[Workspace, ...], Field(max_length=64)] = ()
    skipped: Annotated[tuple[Skipped, ...], Field(max_length=512)] = ()
    task_runs: Annotated[tuple[tuple[ShortText, ShortText], ...], Field(max_length=1024)] = ()
    """Pairs of pipeline task and TaskRun (`status.childReferences`)."""


class Claim(Frozen):
    """One PersistentVolumeClaim."""

    key: Key
    phase: ShortText = ""
    volume: ShortText = ""
    storage_class: ShortText = ""
    access_modes: Names = ()
    volume_mode: ShortText = ""


class Volume(Frozen):
    """One PersistentVolume."""

    key: Key
    phase: ShortText = ""
    claim: ShortText = ""
    claim_namespace: ShortText = ""
    kind: ShortText = ""
    """`csi`, `nfs`, `hostPath`, `local`, ..."""
    driver: ShortText = ""
    handle: Text = ""
    """What the driver calls it; server and path for nfs, the path for hostPath and local."""
    filesystem: ShortText = ""
    """`fsType`."""
    access_modes: Names = ()
    storage_class: ShortText = ""


class StorageClass(Frozen):
    """One StorageClass."""

    key: Key
    provisioner: ShortText = ""
    binding: ShortText = ""


class Driver(Frozen):
    """One CSIDriver: whether kubelet applies an fsGroup to its volumes."""

    key: Key
    fs_group_policy: ShortText = ""
    """`None`, `File`, `ReadWriteOnceWithFSType`."""


class Namespace(Frozen):
    """What OpenShift gives the pods of a namespace: the first id and how many."""

    key: Key
    uid_range: tuple[int, int] | None = None
    group_range: tuple[int, int] | None = None
    se_linux: ShortText = ""


class Notice(Frozen):
    """One Event of the API."""

    kind: ShortText
    name: ShortText
    """Of the object that it is about."""
    namespace: ShortText = ""
    reason: ShortText = ""
    message: Text = ""
    warning: bool = False
    first: Timestamp | None = None
    last: Timestamp | None = None
    count: int = 1
    source: Text = ""


class Cluster(Frozen):
    """Everything that was read from one place: files of one directory, or the API at one moment."""

    schema_id: Literal["pod-probe/cluster/v1"] = Field("pod-probe/cluster/v1", alias="schema")
    tool: Tool
    taken: Timestamp | None = None
    """When the API was asked; None for files."""
    runs: Annotated[tuple[PipelineRun, ...], Field(max_length=MAX_OBJECTS)] = ()
    tasks: Annotated[tuple[TaskRun, ...], Field(max_length=MAX_OBJECTS)] = ()
    pods: Annotated[tuple[Pod, ...], Field(max_length=MAX_OBJECTS)] = ()
    claims: Annotated[tuple[Claim, ...], Field(max_length=MAX_OBJECTS)] = ()
    volumes: Annotated[tuple[Volume, ...], Field(max_length=MAX_OBJECTS)] = ()
    storage_classes: Annotated[tuple[StorageClass, ...], Field(max_length=MAX_OBJECTS)] = ()
    drivers: Annotated[tuple[Driver, ...], Field(max_length=MAX_OBJECTS)] = ()
    namespaces: Annotated[tuple[Namespace, ...], Field(max_length=MAX_OBJECTS)] = ()
    notices: Annotated[tuple[Notice, ...], Field(max_length=MAX_NOTICES)] = ()
    problems: Annotated[tuple[Text, ...], Field(max_length=256)] = ()
    """What could not be had, a sentence each: forbidden, gone, not valid."""

    model_config = ConfigDict(populate_by_name=True)
