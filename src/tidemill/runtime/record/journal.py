"""The durable record of a run: tape rows and table rows gathered during turns, written together, in order.

Before anything leaves the machine ``commit`` has put the tape up to here and every row of the turn on the disk. During
a restart the same calls are made again over the recorded tape: they then compare instead of writing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.chain import chain
from tidemill.model.errors import TapeBroken
from tidemill.model.journal import Batch, TapeRow
from tidemill.model.records import EVENT
from tidemill.ports.seams import Clock
from tidemill.ports.store import Lease, Store
from tidemill.runtime.record.tape import TAPE_EVENT, TapeBuffer, TapeEnd, TapeFile
from tidemill.runtime.record.transaction import Transaction, claim_surely
from tidemill.runtime.record.writer import Writer

__all__ = ["BLOCK", "Journal", "Recorded"]

BLOCK = "BLOCK"  # kind of the store's row that carries blocks of the tape's file
_EVENT_BYTES = EVENT.itemsize
_KEPT_BYTES = 16_384  # of the tape, that one transaction carries at most: about ninety rows


@dataclass(slots=True)
class Recorded:
    """What an earlier process of the same run left behind.

    Args:
        rows: the tape, TAPE_EVENT rows from number 1 on.
        end: where the tape stands.
        committed_seq: rows up to here have all their table rows in the store.
        last_hash: hash of the store's newest tape row.
    """

    rows: NDArray[Any] = field(default_factory=lambda: np.zeros(0, TAPE_EVENT))
    end: TapeEnd = field(default_factory=TapeEnd)
    committed_seq: int = 0
    last_hash: str = ""


class Journal:
    """Writes a run's tape and tables; lives on the loop's thread, its writes on the writer's.

    Args:
        run_id, account: whose record it is.
        store, file, writer, clock: where it goes and through whose hands.
        recorded: what is there already.
    """

    def __init__(
        self,
        run_id: str,
        account: str,
        *,
        store: Store,
        file: TapeFile,
        writer: Writer,
        clock: Clock,
        recorded: Recorded,
    ) -> None:
        self.run_id, self.account = run_id, account
        self.lease: Lease | None = None
        self.batch = Batch()
        self.committed_seq = recorded.committed_seq
        self.commits = 0
        self.keeps_blocks = False  # a few rows of the tape go into the transaction: one wait for the disk, not two
        self._loose: list[bytes] = []  # blocks handed to the file since the disk was last waited for
        self._loose_bytes = 0
        self._store, self._file, self._writer, self._clock = store, file, writer, clock
        self._buffer = TapeBuffer(recorded.end)
        self._recorded = recorded.rows
        self._packed = recorded.rows["event"].view(f"V{_EVENT_BYTES}") if len(recorded.rows) else None
        self._at = 0
        self._last_hash = recorded.last_hash
        self.watch: Callable[[int, int], None] | None = None  # told number and wall clock before a row joins the tape
        self.before_commit: Callable[[Batch], None] | None = None  # adds to every transaction

    @property
    def next_seq(self) -> int:
        """Return the number the next row takes."""
        return self._at + 1 if self.is_replaying else self._buffer.next_seq

    @property
    def is_replaying(self) -> bool:
        """Tell whether the recorded tape is still being fed again."""
        return self._at < len(self._recorded)

    def peek(self, ahead: int = 0) -> Any:
        """Return a recorded row that lies ahead, None behind the end."""
        at = self._at + ahead
        return self._recorded[at] if at < len(self._recorded) else None

    def recorded_rows(self, count: int) -> NDArray[Any]:
        """Return the next recorded rows without passing them."""
        return self._recorded[self._at : self._at + count]

    def is_known(self, seq: int) -> bool:
        """Tell whether the table rows that belong to a tape row are in the store already."""
        return seq <= self.committed_seq

    def append(self, event: int, mark: int = 0) -> int:
        """Put the EVENT row at an address on the tape; return its number.

        Raises:
            TapeBroken: the run is being fed again and another event was recorded here.
        """
        if not self.is_replaying:
            wall_ns = self._clock.now_ns()
            if self.watch is not None:
                self.watch(self._buffer.next_seq, wall_ns)
            return self._buffer.append(event, wall_ns, mark)
        if self.watch is not None:
            self.watch(self._at + 1, int(self._recorded[self._at]["wall_ns"]))
        recorded = self._packed[self._at].tobytes() if self._packed is not None else b""
        if ctypes.string_at(event, _EVENT_BYTES) != recorded or int(self._recorded[self._at]["mark"]) != mark:
            raise TapeBroken(
                f"Row {self._at + 1} of run {self.run_id} tells another event than this program makes of the rows "
                "before it; start the run with the version that began it, or begin a new run."
            )
        self._at += 1
        return self._at

    def pass_on(self, count: int) -> int:
        """Pass recorded rows that went to the core as they lie on the tape; return the number of the last."""
        self._at += count
        return self._at

    def extend(self, rows: NDArray[Any], mark: int = 0) -> int:
        """Put EVENT rows on the tape one behind the other; return the number of the first."""
        if not self.is_replaying:
            wall_ns = self._clock.now_ns()
            if self.watch is not None:
                self.watch(self._buffer.next_seq, wall_ns)
            return self._buffer.extend(rows, wall_ns, mark)
        base, first = int(rows.ctypes.data), self.next_seq
        for at in range(len(rows)):
            self.append(base + at * _EVENT_BYTES, mark)
        return first

    def note(self, seq: int, source: str, kind: str, key: str, body: bytes) -> None:
        """Add a row to the store's tape, unless it is there already."""
        if self.is_known(seq):
            return
        self.batch.tape.append(
            TapeRow(self.run_id, seq, self._clock.now_ns(), self._clock.monotonic_ns(), source, kind, key, body)
        )

    async def commit(self) -> None:
        """Put everything gathered so far on the disk; return when it is there.

        While somebody else locks the database this waits: nothing that is not written leaves, so no new order does.

        Raises:
            LeaseLost, StoreError: nothing of it counts.
        """
        batch = self.batch
        if self.before_commit is not None:
            self.before_commit(batch)
        if batch.is_empty():
            return
        self.batch = Batch()
        blocks = self._buffer.cut()
        is_kept = self._keep(blocks, batch)
        market_hash = self._buffer.hash.hex()
        for number, row in enumerate(batch.tape):
            row.market_hash = market_hash
            batch.tape[number] = chain(row, self._last_hash)
            self._last_hash = batch.tape[number].hash
        if self.lease is not None:
            batch.account, batch.epoch = self.lease.account, self.lease.epoch
        await self._writer.surely(Transaction(self._file, blocks, self._store, batch, durable=not is_kept))
        self.commits += 1
        if batch.tape:
            self.committed_seq = max(self.committed_seq, batch.tape[-1].seq)

    def _keep(self, blocks: list[bytes], batch: Batch) -> bool:
        """Put what the tape's file may still lose into the transaction, if it is little; tell whether it was.

        Whatever a committed row was decided on is durable then: in the file, or beside the row.
        """
        self._loosen(blocks)
        count, loose = self._loose_bytes, self._loose
        self._loose_bytes, self._loose = 0, []
        if not self.keeps_blocks or not 0 < count <= _KEPT_BYTES:
            return False
        seq = batch.tape[-1].seq if batch.tape else self.committed_seq
        clock = self._clock
        row = TapeRow(self.run_id, seq, clock.now_ns(), clock.monotonic_ns(), "engine", BLOCK, "", b"".join(loose))
        batch.tape.append(row)
        return True

    def _loosen(self, blocks: list[bytes]) -> None:
        """Remember blocks that the disk is not waited for; too many for a transaction are only counted."""
        self._loose_bytes += sum(len(block) for block in blocks)
        self._loose = [*self._loose, *blocks] if self._loose_bytes <= _KEPT_BYTES else []

    async def claim(self, key: str) -> bool:
        """Pass the point of no return for one request: False when it must not be sent."""
        lease = self.lease
        epoch = lease.epoch if lease is not None else 0
        now = self._clock.now_ns()
        return await self._writer.run(lambda: claim_surely(self._store, self.run_id, key, self.account, epoch, now))

    def flush(self) -> None:
        """Hand market rows to the disk without waiting for it."""
        blocks = self._buffer.cut()
        if blocks:
            file = self._file
            self._loosen(blocks)
            self._writer.soon(lambda: file.write(blocks, durable=False))
