"""One transaction on its way to the disk: after an end nobody knows it is looked for before it is written again."""

from __future__ import annotations

from tidemill.model.errors import StoreBusy, StoreError
from tidemill.model.journal import Batch
from tidemill.ports.store import Store
from tidemill.runtime.record.tape import TapeFile

__all__ = ["LOOKS", "Transaction", "claim_surely"]

LOOKS = 10  # tries of a commit that ends unknown for a reason that does not pass by itself: about two seconds


class Transaction:
    """Writes blocks of the tape and a batch, once, however often it is called.

    Args:
        file, blocks: of the tape, written first. store, batch: what belongs together.
        durable: the disk is waited for before the store is asked.
    """

    def __init__(self, file: TapeFile, blocks: list[bytes], store: Store, batch: Batch, *, durable: bool) -> None:
        self._file, self._blocks, self._store, self._batch = file, blocks, store, batch
        self._durable, self._doubts = durable, 0

    def __call__(self) -> None:
        """Write, or find that the last try has written.

        Raises:
            StoreBusy: nothing is known to be there yet; the same call may be made again. StoreError: it may not.
        """
        if self._blocks:
            self._file.write(self._blocks, durable=self._durable)
            self._blocks.clear()
        if self._doubts and self._is_there():
            return
        try:
            self._store.commit(self._batch)
        except StoreError as error:
            self._doubts += error.is_unknown
            if not error.is_unknown or (self._doubts >= LOOKS and not error.may_pass):
                raise
            raise StoreBusy(str(error)) from error

    def _is_there(self) -> bool:
        """Tell whether the batch is in the store: its newest tape row is; one without such rows may be repeated."""
        if not self._batch.tape:
            return False
        row = self._batch.tape[-1]
        last = self._store.last_tape(row.run_id)
        return last is not None and last.hash == row.hash


def claim_surely(store: Store, run_id: str, key: str, account: str, epoch: int, now_ns: int) -> bool:
    """Claim a request; where the outcome is unknown, read whose claim stands.

    Raises:
        StoreBusy: it was not claimed. LeaseLost, StoreError: as of ``Store.claim``.
    """
    try:
        return store.claim(key, account, epoch, now_ns)
    except StoreError as error:
        if not error.is_unknown:
            raise
        mine = [row for row in store.outbox(run_id, ["SENDING"]) if row.key == key]
        if mine and (mine[0].epoch, mine[0].sent_ns) == (epoch, now_ns):
            return True  # ours, just now: nobody else owns the lease, and nothing was sent on it
        raise StoreBusy(str(error)) from error
