"""What happened to a path, as moments, and the bounded file that they go to."""
