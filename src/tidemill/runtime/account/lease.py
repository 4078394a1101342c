"""The right to send for an account: taken at the start, prolonged every second, checked anew after every pause.

Brokers cannot check who sends, so the lease has to outlast every call (the guard asks for that), and whoever was
stopped for long asks the database before anything else leaves.
"""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path

from tidemill.model.errors import LeaseLost, StoreMismatch
from tidemill.ports.seams import Clock
from tidemill.ports.store import Lease, Store
from tidemill.runtime.account.owner import is_dead, is_process
from tidemill.runtime.record.writer import Writer

__all__ = ["LEASE_NS", "EpochMark", "LeaseKeeper"]

LEASE_NS = 15_000_000_000
_LOOK_S = 0.5


class EpochMark:
    """The highest epoch ever seen for an account, kept outside the database: a restored backup falls behind it.

    Args:
        folder: of the runs. account: whose.
    """

    def __init__(self, folder: Path, account: str) -> None:
        name = hashlib.blake2b(account.encode(), digest_size=8).hexdigest()
        self.path = folder / f"lease-{name}.epoch"
        self._account = account

    def check(self, epoch: int) -> None:
        """Refuse an epoch that was used before, else write it down, durably.

        Raises:
            StoreMismatch: the database is older than what happened since.
        """
        known = int(self.path.read_text()) if self.path.exists() else 0
        if epoch <= known:
            raise StoreMismatch(
                f"Account {self._account}: the database hands out lease {epoch}, but lease {known} was used already; "
                f"an older backup was restored. Compare orders and positions with the broker's by hand, then remove "
                f"{self.path}."
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, str(epoch).encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(self.path)


class LeaseKeeper:
    """Holds one account's lease.

    Args:
        store, writer, clock: where it is written, through whose hands, and whose time.
        account, owner: what is asked for, in whose name.
    """

    def __init__(self, store: Store, writer: Writer, clock: Clock, account: str, owner: str) -> None:
        self._store, self._writer, self._clock = store, writer, clock
        self._account, self._owner = account, owner
        self.ttl_ns = LEASE_NS
        self.lease: Lease | None = None
        self._until = 0
        self._seen_mono = self._seen_wall = 0

    @property
    def remaining_ns(self) -> int:
        """Return how long the lease surely lasts, by the clock that never jumps; below zero: it may be lost."""
        return self._until - self._clock.monotonic_ns()

    async def take(self) -> Lease:
        """Take the lease; from another engine once it has ended, or has let its lease run out.

        Raises:
            LeaseLost: somebody else holds it, and lives.
        """
        while True:
            held = await self._other()
            now, asked = self._clock.now_ns(), self._clock.monotonic_ns()
            ask = partial(self._store.take_lease, self._account, self._owner, now, self.ttl_ns)
            try:
                return self._hold(await self._writer.run(ask), asked)
            except LeaseLost:
                if held is None or not await self._runs_out(held):
                    raise

    async def _other(self) -> Lease | None:
        """Return the lease as another engine holds it; that of one whose death is certain is given back for it."""
        if not is_process(self._owner):
            return None
        held = await self._writer.run(partial(self._store.lease, self._account))
        if held is None or held.owner == self._owner or not is_process(held.owner):
            return None
        if is_dead(held.owner):
            await self._writer.run(partial(self._store.release_lease, held))
            return None
        return held

    async def _runs_out(self, held: Lease) -> bool:
        """Wait for another's lease to run out or to be given back; False as soon as it is prolonged: somebody lives."""
        while self._clock.now_ns() < held.expires_ns:
            await self._clock.sleep(_LOOK_S)
            seen = await self._writer.run(partial(self._store.lease, self._account))
            if seen != held:
                return seen is not None and not seen.owner
        return True

    async def renew(self) -> Lease:
        """Prolong the lease.

        Raises:
            LeaseLost: it is another's now; nothing may be sent any more.
        """
        lease = self.lease
        if lease is None:
            return await self.take()
        now, asked = self._clock.now_ns(), self._clock.monotonic_ns()
        return self._hold(await self._writer.run(partial(self._store.renew_lease, lease, now, self.ttl_ns)), asked)

    def _hold(self, lease: Lease, asked_mono_ns: int) -> Lease:
        self.lease, self._until = lease, asked_mono_ns + self.ttl_ns
        self._seen_mono, self._seen_wall = asked_mono_ns, self._clock.now_ns()
        return lease

    def was_paused(self) -> bool:
        """Tell whether the process (or the whole machine) stood still for more than half of the lease's time.

        A stopped process sees it on the monotonic clock, a suspended machine on the wall clock.
        """
        mono = self._clock.monotonic_ns() - self._seen_mono
        wall = self._clock.now_ns() - self._seen_wall
        return max(mono, wall) > self.ttl_ns // 2

    async def release(self) -> None:
        """Give the lease back; harmless when it is lost already."""
        lease = self.lease
        if lease is not None:
            self.lease = None
            await self._writer.run(partial(self._store.release_lease, lease))
