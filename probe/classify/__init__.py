"""Judges: recorded evidence in, verdict out. Never touches the file system, the network or the clock."""
