"""Backtests: asked for, followed, compared, kept."""
