"""Incremental indicators, one file each: one update per bar, equal in batch and in stream, NaN until warm."""
