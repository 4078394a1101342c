"""The paper broker: the backtest's own exchange behind the port of a real broker."""

from __future__ import annotations

from tidemill.adapters.paper.broker import PAPER_RULES, PaperBroker
from tidemill.adapters.paper.checks import PaperTerms
from tidemill.adapters.paper.market import Phase, PhaseKind
from tidemill.adapters.paper.restore import (
    CancelSent,
    GroupBegun,
    PaperInput,
    ReplaceSent,
    ReportTaken,
    RowTaken,
    TimeTold,
    restore,
)

__all__ = [
    "PAPER_RULES",
    "CancelSent",
    "GroupBegun",
    "PaperBroker",
    "PaperInput",
    "PaperTerms",
    "Phase",
    "PhaseKind",
    "ReplaceSent",
    "ReportTaken",
    "RowTaken",
    "TimeTold",
    "restore",
]
