"""The vocabulary: what a report can say. Frozen, bounded, allow-listed by construction.

Nothing in this package looks at the system. Every other package speaks in these types, so a
report that was written by one of them can be read by any other, on any machine.
"""
