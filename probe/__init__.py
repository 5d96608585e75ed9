"""pod-probe: why a task could not read the image archive on the shared workspace, with proof."""

__version__ = "0.1.0"
