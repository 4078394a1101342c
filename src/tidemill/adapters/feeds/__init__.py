"""Feeds that need no vendor: stored data played again, ticks pushed by hand, a simulated market."""

from __future__ import annotations

from tidemill.adapters.feeds.pushed import PushedBar, PushedFeed
from tidemill.adapters.feeds.replay import ReplayData, ReplayFeed
from tidemill.adapters.feeds.synthetic import SyntheticFeed

__all__ = ["PushedBar", "PushedFeed", "ReplayData", "ReplayFeed", "SyntheticFeed"]
