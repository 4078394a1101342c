"""The durable record of a simulated process: a real database and real tape files whose disk fails on demand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tidemill.model.errors import StoreBusy, StoreError
from tidemill.model.journal import Batch
from tidemill.ports.store import Lease, Store
from tidemill.testing.exchange.faults import Faults

__all__ = ["FencedStore", "LeaseShadow", "RecordWatcher", "SimWriter"]

T = TypeVar("T")
_SECOND_NS = 1_000_000_000
_AGAIN_S = 0.2  # until a locked database is asked again


class RecordWatcher(Protocol):
    """Is told what a process has written."""

    def committed(self, process: int, batch: Batch) -> None:
        """Take note of a transaction."""

    def claimed(self, process: int, key: str) -> None:
        """Take note of a request that passed the point of no return."""

    def leased(self, process: int, lease: Lease) -> None:
        """Take note of a lease."""


class LeaseShadow:
    """The last renewal of the lease that the database was not told of yet."""

    def __init__(self) -> None:
        self.epoch = 0
        self.renewed: tuple[Lease, int, int] | None = None

    def tell(self, store: Store) -> None:
        """Tell the database."""
        renewed, self.renewed = self.renewed, None
        if renewed is not None:
            store.renew_lease(*renewed)


class FencedStore:
    """A process's own handle on the shared database.

    Args:
        process: number of the process; once it is dead, nothing passes.
        store: the database.
        faults: K1, K6, K7.
        watcher: told what was written.
        folder: of the tape, to know what is safely on the disk.
        alive: tells whether a process is.
        now_ns: monotonic clock of the world.
        shadow: renewals of the lease that the database was not told of.
    """

    def __init__(
        self,
        process: int,
        store: Store,
        faults: Faults,
        watcher: RecordWatcher,
        folder: Path,
        alive: Callable[[int], bool],
        now_ns: Callable[[], int],
        shadow: LeaseShadow,
    ) -> None:
        self._shadow = shadow
        self._process, self._store, self._faults, self._watcher = process, store, faults, watcher
        self._folder, self._alive, self._now_ns = folder, alive, now_ns
        self._broken_until = 0
        self._broken: type[StoreError] = StoreError
        self.written = 0
        self._may_lose_power = "K3" in faults.active
        self.durable = (Path(), 0)  # newest tape file, bytes that are safely on the disk

    def __getattr__(self, name: str) -> Any:
        """Pass on what is only read."""
        self._pass()
        return getattr(self._store, name)

    def _pass(self) -> None:
        if not self._alive(self._process):
            raise StoreError("This process is dead.")
        now = self._now_ns()
        for name, text, kind in (("K1", "the disk is full", StoreError), ("K6", "the database is locked", StoreBusy)):
            if self._faults.fires(name):
                self._broken_until = now + round(self._faults.value(name) * _SECOND_NS)
                self._broken = kind
                raise kind(f"The record cannot be written: {text}.")
        if self._broken_until > now:
            raise self._broken("The record still cannot be written.")

    def check(self) -> None:
        """Look whether the record is sound: in memory it lies on no page that could be damaged."""
        self._pass()

    def commit(self, batch: Batch) -> None:
        """Write a batch, or fail before or after it is written."""
        self.written += 1
        self._note_durable()
        self._pass()
        self._store.commit(batch)
        self._watcher.committed(self._process, batch)
        if self._faults.fires("K7"):
            raise StoreError("The connection was lost while the transaction was committed.")

    def _note_durable(self) -> None:
        """Remember how much of the tape has been waited for; the journal writes the tape right before."""
        if not self._may_lose_power:
            return
        files = sorted(self._folder.glob("events-*.tape"))
        if files:
            self.durable = (files[-1], files[-1].stat().st_size)

    def claim(self, key: str, account: str, epoch: int, now_ns: int) -> bool:
        """Claim a request."""
        self.written += 1
        self._pass()
        is_ours = self._store.claim(key, account, epoch, now_ns)
        if is_ours:
            self._watcher.claimed(self._process, key)
        return is_ours

    def take_lease(self, account: str, owner: str, now_ns: int, ttl_ns: int) -> Lease:
        """Take the lease; what its owner said last is told to the database first."""
        self.written += 1
        self._pass()
        self._shadow.tell(self._store)
        lease = self._store.take_lease(account, owner, now_ns, ttl_ns)
        self._shadow.epoch = lease.epoch
        self._watcher.leased(self._process, lease)
        return lease

    def renew_lease(self, lease: Lease, now_ns: int, ttl_ns: int) -> Lease:
        """Prolong the lease, of its owner in memory only: nobody looks until somebody else wants it."""
        self._pass()
        if lease.epoch != self._shadow.epoch:
            return self._store.renew_lease(lease, now_ns, ttl_ns)
        self._shadow.renewed = (lease, now_ns, ttl_ns)
        return Lease(lease.account, lease.epoch, lease.owner, now_ns + ttl_ns)

    def release_lease(self, lease: Lease) -> None:
        """Give the lease back."""
        self._pass()
        self._shadow.renewed = None
        self._store.release_lease(lease)

    def new_commands(self, run_id: str = "") -> Any:
        """Look for commands; this is asked so often that faults have their chance elsewhere."""
        return self._store.new_commands(run_id) if self._alive(self._process) else []


class SimWriter:
    """Runs the store's calls one after the other, each after the disk's own time.

    Args:
        store: that is written to.
        faults: K2 makes the disk slow.
        delay_s: of a call.
    """

    def __init__(self, store: FencedStore, faults: Faults, delay_s: float) -> None:
        self._store, self._faults, self._delay_s = store, faults, delay_s
        self._is_quick = delay_s == 0.0 and "K2" not in faults.active
        self._lock = asyncio.Lock()
        self._later: list[Callable[[], object]] = []
        self._failed: StoreError | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Do one piece of work; a kill may come right before or right after."""
        if self._is_free:
            before = self._store.written
            quick = work()
            if self._store.written != before:
                await asyncio.sleep(0)
            return quick
        return await self._in_turn(work)

    @property
    def _is_free(self) -> bool:
        return self._is_quick and not self._lock.locked() and not self._later and self._failed is None

    async def surely(self, work: Callable[[], T]) -> T:
        """Do one piece of work, again and again while the database is locked; what follows waits."""
        if self._is_free:
            with contextlib.suppress(StoreBusy):  # nobody can have come in between
                return await self.run(work)
        return await self._in_turn(work, is_patient=True)

    async def _in_turn(self, work: Callable[[], T], *, is_patient: bool = False) -> T:
        async with self._lock:
            self._catch_up()
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            slow = self._faults.value("K2") if self._faults.fires("K2") else 0.0
            if self._delay_s + slow > 0.0:
                await asyncio.sleep(self._delay_s + slow)
            result = await self._insist(work) if is_patient else work()
            await asyncio.sleep(0)
            return result

    @staticmethod
    async def _insist(work: Callable[[], T]) -> T:
        while True:
            try:
                return work()
            except StoreBusy:
                await asyncio.sleep(_AGAIN_S)

    def soon(self, work: Callable[[], object]) -> None:
        """Do one piece of work before the next."""
        self._later.append(work)
        if not self._lock.locked():
            self._catch_up()

    def _catch_up(self) -> None:
        later, self._later = self._later, []
        for work in later:
            try:
                work()
            except StoreError as error:
                self._failed = self._failed or error

    def close(self) -> None:
        """Finish what was asked."""
        self._catch_up()
