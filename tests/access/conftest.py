"""Fixtures for the access model: the kernel's own answers, and places where everybody may try."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def _load(name: str) -> ModuleType:
    known = f"access_test_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module
        spec.loader.exec_module(module)
    return sys.modules[known]


@pytest.fixture(scope="session")
def kernel() -> ModuleType:
    """tests/access/kernel.py."""
    return _load("kernel")


@pytest.fixture(scope="session")
def cases() -> ModuleType:
    """tests/access/cases.py."""
    _load("kernel")
    return _load("cases")


def _floor(parent: str) -> Iterator[Path]:
    floor = Path(tempfile.mkdtemp(prefix="access-", dir=parent))
    floor.chmod(0o711)
    yield floor
    shutil.rmtree(floor)


@pytest.fixture
def floor() -> Iterator[Path]:
    """A fresh directory that every identity may search, on the disk."""
    yield from _floor("/var/tmp")


@pytest.fixture(params=["/var/tmp", "/dev/shm"])
def each_floor(request: pytest.FixtureRequest) -> Iterator[Path]:
    """As `floor`, on the disk and on tmpfs."""
    if not os.access(request.param, os.W_OK):
        pytest.skip(f"{request.param} is not writable")
    yield from _floor(request.param)


@pytest.fixture
def floors() -> Iterator[list[Path]]:
    """One such directory on the disk and one on tmpfs, where this machine has both."""
    parents = [parent for parent in ("/var/tmp", "/dev/shm") if os.access(parent, os.W_OK)]
    made = [_floor(parent) for parent in parents]
    yield [next(one) for one in made]
    for one in made:
        next(one, None)
