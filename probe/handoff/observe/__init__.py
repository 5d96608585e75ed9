"""Keeps an eye on paths: a child that touches the mount, wakes by inotify or by the clock, and says what changed."""
