"""Feeds: stored data played again, ticks pushed by hand, a simulated market, and streams over the network."""

from __future__ import annotations

from tidemill.adapters.feeds.plain import PlainDialect
from tidemill.adapters.feeds.pushed import PushedFeed
from tidemill.adapters.feeds.replay import ReplayData, ReplayFeed
from tidemill.adapters.feeds.streamed import StreamedFeed, StreamTerms
from tidemill.adapters.feeds.synthetic import SyntheticFeed

__all__ = [
    "PlainDialect",
    "PushedFeed",
    "ReplayData",
    "ReplayFeed",
    "StreamTerms",
    "StreamedFeed",
    "SyntheticFeed",
]
