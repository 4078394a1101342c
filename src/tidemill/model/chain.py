"""The hash chain of the tape: each row carries the hash of the one before it, so no row can change unnoticed."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import replace

from tidemill.model.errors import TapeBroken
from tidemill.model.journal import TapeRow

__all__ = ["chain", "verify_tape"]

_DOMAIN = b"tidemill-tape-1"  # another layout of the hashed bytes takes another name
_NUMBERS = struct.Struct("<qqq")
_LENGTH = struct.Struct("<q")


def _digest(row: TapeRow, prev_hash: str) -> str:
    """Return the row's own hash; every field goes in behind its length, so no two rows give the same bytes."""
    digest = hashlib.blake2b(_NUMBERS.pack(row.seq, row.wall_ns, row.mono_ns), digest_size=32, person=_DOMAIN)
    for text in (prev_hash, row.run_id, row.source, row.kind, row.key, row.market_hash):
        data = text.encode()
        digest.update(_LENGTH.pack(len(data)))
        digest.update(data)
    digest.update(row.body)
    return digest.hexdigest()


def chain(row: TapeRow, prev_hash: str) -> TapeRow:
    """Return a row linked to the one before it.

    Args:
        row: what happened; its own ``prev_hash`` and ``hash`` are not looked at.
        prev_hash: hash of the row before it, empty for a run's first.
    """
    return replace(row, prev_hash=prev_hash, hash=_digest(row, prev_hash))


def verify_tape(rows: Iterable[TapeRow], prev_hash: str = "") -> None:
    """Prove that a run's rows are the ones that were written, all of them, in their order.

    Args:
        rows: of one run, in order of writing, from its first row on.
        prev_hash: hash of the row before the first one given, when the rows begin later.

    Raises:
        TapeBroken: names the first row that does not carry on the chain.
    """
    last_seq = None
    for row in rows:
        if row.prev_hash != prev_hash:
            raise TapeBroken(
                f"Run {row.run_id}, row {row.seq}: the row before it is missing or was changed; restore a backup."
            )
        if row.hash != _digest(row, prev_hash):
            raise TapeBroken(f"Run {row.run_id}, row {row.seq}: it was changed after it was written; restore a backup.")
        if last_seq is not None and row.seq < last_seq:
            raise TapeBroken(f"Run {row.run_id}, row {row.seq}: it stands behind row {last_seq}; restore a backup.")
        prev_hash, last_seq = row.hash, row.seq
