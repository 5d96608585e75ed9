"""The registry: every cause that can be assessed, one file each. A new cause is one file here and one line below."""

from __future__ import annotations

from probe.classify.hypotheses.absent_then_present import AbsentThenPresent
from probe.classify.hypotheses.access_healed import AccessHealed
from probe.classify.hypotheses.acl_denied import AclDenied
from probe.classify.hypotheses.archive_in_progress import ArchiveInProgress
from probe.classify.hypotheses.corrupt import Corrupt
from probe.classify.hypotheses.created_after_sweep import CreatedAfterSweep
from probe.classify.hypotheses.denied_unexplained import DeniedUnexplained
from probe.classify.hypotheses.different_image import DifferentImage
from probe.classify.hypotheses.different_reference import DifferentReference
from probe.classify.hypotheses.different_volume import DifferentVolume
from probe.classify.hypotheses.dir_search_denied import DirSearchDenied
from probe.classify.hypotheses.file_read_denied import FileReadDenied
from probe.classify.hypotheses.fsgroup_not_applied import FsgroupNotApplied
from probe.classify.hypotheses.group_not_held import GroupNotHeld
from probe.classify.hypotheses.healthy import Healthy
from probe.classify.hypotheses.no_space import NoSpace
from probe.classify.hypotheses.not_mounted import NotMounted
from probe.classify.hypotheses.other_path_failed import OtherPathFailed
from probe.classify.hypotheses.read_only import ReadOnly
from probe.classify.hypotheses.registry_denied import RegistryDenied
from probe.classify.hypotheses.root_without_capability import RootWithoutCapability
from probe.classify.hypotheses.selinux_denied import SelinuxDenied
from probe.classify.hypotheses.server_denied import ServerDenied
from probe.classify.hypotheses.stale_handle import StaleHandle
from probe.classify.hypotheses.stale_ownership import StaleOwnership
from probe.classify.hypotheses.swept_by_another_pod import SweptByAnotherPod
from probe.classify.hypotheses.truncated import Truncated
from probe.classify.hypotheses.unmapped_ids import UnmappedIds
from probe.classify.hypotheses.write_denied import WriteDenied
from probe.classify.hypotheses.wrong_path import WrongPath
from probe.classify.hypotheses.wrong_transport import WrongTransport
from probe.classify.hypothesis import Hypothesis

HYPOTHESES: tuple[Hypothesis, ...] = (
    OtherPathFailed(),
    RegistryDenied(),
    NoSpace(),
    StaleHandle(),
    AccessHealed(),
    CreatedAfterSweep(),
    SweptByAnotherPod(),
    NotMounted(),
    DifferentVolume(),
    ReadOnly(),
    UnmappedIds(),
    StaleOwnership(),
    FsgroupNotApplied(),
    RootWithoutCapability(),
    AclDenied(),
    GroupNotHeld(),
    DirSearchDenied(),
    FileReadDenied(),
    WriteDenied(),
    ServerDenied(),
    SelinuxDenied(),
    DeniedUnexplained(),
    DifferentReference(),
    DifferentImage(),
    AbsentThenPresent(),
    WrongPath(),
    WrongTransport(),
    ArchiveInProgress(),
    Truncated(),
    Corrupt(),
    Healthy(),
)
