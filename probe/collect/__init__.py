"""Seeing: one target, looked at by this process, as a report. Nothing here judges.

The process that calls `gather` never touches the inspected mount; a child does, and may be abandoned there.
"""
