"""The paper broker: the backtest's own exchange behind the port of a real broker."""

from __future__ import annotations

from tidemill.adapters.paper.broker import PAPER_RULES, PaperBroker
from tidemill.adapters.paper.checks import PaperTerms
from tidemill.adapters.paper.market import Phase, PhaseKind

__all__ = ["PAPER_RULES", "PaperBroker", "PaperTerms", "Phase", "PhaseKind"]
