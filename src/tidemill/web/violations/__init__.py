"""Limits that were hit, over HTTP."""
