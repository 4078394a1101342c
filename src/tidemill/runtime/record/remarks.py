"""Rows of the store's tape that belong to no event: what a process has to remember beyond its end."""

from __future__ import annotations

from tidemill.model.journal import TapeRow
from tidemill.runtime.record.journal import Journal

__all__ = ["remark"]


def remark(journal: Journal, now: tuple[int, int], source: str, kind: str, key: str, body: bytes) -> None:
    """Put a remark behind the newest tape row, into the present transaction, whatever is written already.

    Args:
        journal: of the run. now: wall and monotonic clock.
        source, kind, key, body: as of any tape row.
    """
    seq = max(journal.next_seq - 1, journal.committed_seq)
    journal.batch.tape.append(TapeRow(journal.run_id, seq, *now, source, kind, key, body))
