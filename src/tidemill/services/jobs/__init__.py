"""Backtests as jobs: queued within a tier's quota, worked off by processes with limits, kept with their results."""
