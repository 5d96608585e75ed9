"""`getfacl` as the access model takes it."""

from __future__ import annotations

from probe.access.acl import check_acl
from probe.classify.told.account import Account
from probe.evidence.path import Acl, AclEntry, AclTag
from probe.evidence.transcript import AclStated, IdentityStated

_TAGS = {
    ("user", False): AclTag.OWNER,
    ("user", True): AclTag.USER,
    ("group", False): AclTag.OWNING_GROUP,
    ("group", True): AclTag.GROUP,
    ("mask", False): AclTag.MASK,
    ("other", False): AclTag.OTHER,
}
_ORDER = (AclTag.OWNER, AclTag.USER, AclTag.OWNING_GROUP, AclTag.GROUP, AclTag.MASK, AclTag.OTHER)


def stated_acl(account: Account, path: str) -> Acl | None:
    """The last ACL that a log shows of a path; None where it shows none, or a name in it stands for no number."""
    stated = [one.value for one in account.stated(AclStated) if one.value.path == path]
    if not stated:
        return None
    names = {one.value.user: one.value.uid for one in account.stated(IdentityStated) if one.value.user}
    names["root"] = 0
    entries = []
    for subject, permissions in stated[-1].entries:
        kind, _, name = subject.partition(":")
        name = name.strip(":")
        tag = _TAGS.get((kind, bool(name)))
        if tag is None:
            continue  # `default:`: of what is made in the directory later
        number = _number(name, names if tag is AclTag.USER else {"root": 0}) if name else None
        if name and number is None:
            return None
        entries.append(AclEntry(tag=tag, id=number, permissions=permissions))
    entries.sort(key=lambda entry: _ORDER.index(entry.tag))
    acl = Acl(entries=tuple(entries))
    try:
        check_acl(acl)
    except ValueError:
        return None
    return acl


def _number(name: str, names: dict[str, int]) -> int | None:
    if name.isascii() and name.isdigit() and len(name) <= 10:
        return int(name)
    return names.get(name)
