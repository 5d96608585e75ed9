"""Acts in time: the gate, the seal, the watch, and the command that leaves evidence when it fails."""
