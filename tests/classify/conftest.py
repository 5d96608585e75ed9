"""Fixtures for the classifier: the stage that the causes act on."""

from __future__ import annotations

from causes.conftest import small_archive, stage

__all__ = ["small_archive", "stage"]
