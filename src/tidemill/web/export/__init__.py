"""Somebody's own rows as files."""
