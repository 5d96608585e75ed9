"""A command run as if the probe were not there, and looked after when it fails."""
