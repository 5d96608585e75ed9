"""The gate in front of a reader: when it opens, and the waiting for that."""
