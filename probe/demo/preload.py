"""Everything that an actor's process will want to import, imported before there are actors.

The interpreter and this package may lie below a directory that only their owner may enter (a virtual environment in a
home directory of mode 0700): after the change of identity an import that is made inside a function would fail there.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from probe.evidence.base import Frozen

_PACKAGES = (
    "probe.evidence",
    "probe.access",
    "probe.image",
    "probe.skopeo",
    "probe.collect",
    "probe.classify",
    "probe.handoff",
)


def preload() -> None:
    """Import all that a check may import, at any depth, and build the evidence models, otherwise built at first use."""
    wanted = {"subprocess"}
    for package in map(importlib.import_module, _PACKAGES):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            wanted.update(_named_in(importlib.import_module(found.name)))
    for name in sorted(wanted):
        try:
            importlib.import_module(name)
        except ImportError:  # an optional dependency that is not installed, or a name of another kind
            continue
    for model in _descendants(Frozen):
        model.model_rebuild()


def _descendants(model: type[Frozen]) -> Iterator[type[Frozen]]:
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)


def _named_in(module: ModuleType) -> Iterator[str]:
    """The modules of all import statements, at any depth, of a module's source."""
    loader = module.__spec__.loader if module.__spec__ is not None else None
    source = getattr(loader, "get_source", lambda _: None)(module.__name__)
    for node in ast.walk(ast.parse(source or "")):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
