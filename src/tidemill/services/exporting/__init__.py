"""Somebody's own rows as files other programs read."""
