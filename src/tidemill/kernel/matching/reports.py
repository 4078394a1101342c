"""What the simulated exchange tells the core: a ring of reports, read in the order in which things happened."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import venue_head
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.memory import row_at
from tidemill.model.records import EVENT

__all__ = ["has_reports", "next_report", "report"]


@kernel
def report(venue: int, kind: int, order_id: int, hint: int, instrument: int, ts_ns: int) -> Any:
    """Append a report to the ring and return its row for further fields."""
    top = venue_head(venue)
    row = row_at(venue + top.reports, top.report_tail, top.n_reports, EVENT)
    top.report_tail += 1
    if top.report_tail >= top.n_reports:
        top.report_tail = 0
    row.kind = kind
    row.instrument = instrument
    row.ts_ns = ts_ns
    row.now_ns = ts_ns
    row.interval_ns = 0
    row.open = 0.0
    row.high = 0.0
    row.low = 0.0
    row.close = 0.0
    row.volume = 0.0
    row.bid = 0.0
    row.ask = 0.0
    row.order = order_id
    row.code = 0
    row.money = 0
    row.extra = 0
    row.row = hint
    return row


@inlined
def has_reports(venue: int) -> bool:
    """Tell whether the core has something to read."""
    top = venue_head(venue)
    return top.report_head != top.report_tail


@kernel
def next_report(venue: int, event: Any) -> bool:
    """Move the oldest report into ``event``; False when there is none."""
    top = venue_head(venue)
    if top.report_head == top.report_tail:
        return False
    row = row_at(venue + top.reports, top.report_head, top.n_reports, EVENT)
    top.report_head += 1
    if top.report_head >= top.n_reports:
        top.report_head = 0
    event.kind = row.kind
    event.instrument = row.instrument
    event.ts_ns = row.ts_ns
    event.now_ns = row.now_ns
    event.interval_ns = row.interval_ns
    event.open = row.open
    event.high = row.high
    event.low = row.low
    event.close = row.close
    event.volume = row.volume
    event.bid = row.bid
    event.ask = row.ask
    event.order = row.order
    event.code = row.code
    event.money = row.money
    event.extra = row.extra
    event.row = row.row
    return True
