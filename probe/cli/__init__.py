"""The command line: one file per group of verbs. Parses, calls, prints, exits."""
