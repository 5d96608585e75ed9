"""The kernel's access decision as pure functions over recorded evidence, for any identity.

Source: path_resolution(7), inode(7), acl(5), capabilities(7), user_namespaces(7) and Linux fs/namei.c. Only what the
VFS decides is modelled: security modules, seccomp filters and file servers may still refuse what is granted here.
"""

from typing import TYPE_CHECKING, Any

from probe.access.acl import decode_acl, encode_acl
from probe.access.credentials import Credentials, parse_identity
from probe.access.decide import Decision, Right, Rule, decide, grants_if_member
from probe.access.walk import Judgement, Purpose, Step, judge

if TYPE_CHECKING:
    from probe.access.change import Change, minimal_changes, single_changes

__all__ = [
    "Change",
    "Credentials",
    "Decision",
    "Judgement",
    "Purpose",
    "Right",
    "Rule",
    "Step",
    "decide",
    "decode_acl",
    "encode_acl",
    "grants_if_member",
    "judge",
    "minimal_changes",
    "parse_identity",
    "single_changes",
]


def __getattr__(name: str) -> Any:
    """What would turn a denial: loaded when it is asked for, which a decision alone does not."""
    if name not in ("Change", "minimal_changes", "single_changes"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from probe.access import change

    return getattr(change, name)
