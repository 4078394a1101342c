"""What the border set aside, written on the tape: one row a second at most, however much of it there is."""

from __future__ import annotations

import json

from tidemill.model.journal import TapeRow
from tidemill.ports.seams import Clock
from tidemill.runtime.market.quarantine import Border
from tidemill.runtime.record.journal import Journal

__all__ = ["note_set_aside"]


def note_set_aside(journal: Journal, border: Border, clock: Clock) -> None:
    """Put counts by fault on the store's tape, of all that was set aside since this was asked last."""
    fresh = border.fresh()
    if not fresh:
        return
    body = json.dumps({fault.name: count for fault, count in fresh.items()}).encode()
    seq = max(journal.next_seq - 1, journal.committed_seq)
    row = TapeRow(journal.run_id, seq, clock.now_ns(), clock.monotonic_ns(), "border", "SET_ASIDE", "", body)
    journal.batch.tape.append(row)
