"""The simulated exchange: what a market does with our orders when all it left behind is bars.

It knows nothing of strategies or money. A bar is matched in three stages, OPEN, RANGE and CLOSE. In each of them every
order has its turns; after a turn that has something to report the matching pauses, so that the core may answer before
the next order is tried. Documented in docs/concepts/execution.md, and checked against an independent twin in decimal
arithmetic.
"""

from __future__ import annotations

from tidemill.kernel.matching.band import first_touched, untouched
from tidemill.kernel.matching.book import split_orders
from tidemill.kernel.matching.commands import accept
from tidemill.kernel.matching.phases import CLOSE, OPEN, RANGE, SAME_CLOSE
from tidemill.kernel.matching.reports import next_report
from tidemill.kernel.matching.stages import (
    begin_bar,
    begin_open,
    begin_stage,
    meet_close,
    meet_newborn,
    meet_open,
    meet_range,
)

__all__ = [
    "CLOSE",
    "OPEN",
    "RANGE",
    "SAME_CLOSE",
    "accept",
    "begin_bar",
    "begin_open",
    "begin_stage",
    "first_touched",
    "meet_close",
    "meet_newborn",
    "meet_open",
    "meet_range",
    "next_report",
    "split_orders",
    "untouched",
]
