"""Agents and their runs: what people own, how many of it may be at work, and how each fares."""
