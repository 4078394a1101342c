"""Runs of every face: ``/v1/runs``; ticks for those that listen: ``/v1/tick``."""
