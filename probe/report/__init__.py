"""Tells: renders documents for people. Computes nothing that a reader of the JSON could not."""
