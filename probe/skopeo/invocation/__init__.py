"""Command lines of skopeo and its kin, taken apart: which images they read, which they make, which files they need."""

from probe.skopeo.invocation.reading import invocations_of, invocations_of_words

__all__ = ["invocations_of", "invocations_of_words"]
