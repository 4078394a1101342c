"""Compiled functions: the one place where decisions, matching and money are computed. No clock, no I/O, no strings."""
