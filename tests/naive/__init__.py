"""Slow, obvious twins of fast code: written from the definition, for comparison only."""
