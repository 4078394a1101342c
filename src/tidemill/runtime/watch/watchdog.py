"""The watchdog: a small process that cancels entries when the engine has gone silent, and wakes somebody.

It reads heartbeats in the database and in a file next to it, so a locked database blinds it not. Stops stay where they
are. It closes positions only if its owner chose so, and then only with the account's lease in its hands, which proves
that no engine may send.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import AccountFacts, BrokerPosition, OrderReport, OrderRequest
from tidemill.model.enums import Intent, OrderType, Reason, Side, TimeInForce
from tidemill.model.errors import (
    AmbiguousOutcome,
    BrokerError,
    GuardRefusal,
    LeaseLost,
    OrderRejected,
    StoreError,
    TransientError,
    UnknownOrder,
)
from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.ports.store import Lease, Store
from tidemill.runtime.guard.chain import EXIT_RULES
from tidemill.runtime.guard.facts import Facts, Scope, ScopeFacts, SymbolFacts
from tidemill.runtime.guard.halts import SYSTEM, Halts, Rung
from tidemill.runtime.guard.heartbeat import read_beat
from tidemill.runtime.guard.limits import no_limits
from tidemill.runtime.guard.send import submit_approved
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.silence import ENDED, Sight, Step, Watch, WatchSettings, decide, orders_to_cancel

__all__ = ["Watchdog"]

_NAME = "watchdog"
_HEED_S = 0.5  # an engine that is well has carried out a halt by then
_GLANCE_S = 0.1
_FAILED = (AmbiguousOutcome, BrokerError, OSError, StoreError, TransientError)


@dataclass(slots=True)
class _Known:
    """What was last read from the database."""

    beat: str = ""
    is_stopped: bool = False
    intents: dict[str, str] = field(default_factory=dict)
    rest_until_ns: int = 0
    failures: int = 0


class Watchdog:
    """Watches one engine and one account with its own connection.

    Args:
        account, mode: what the broker must prove to be before anything is closed.
        beat_file: the engine's heartbeat as a file. heart: name of its heartbeat row.
        broker: opened only when it has to act, so that it never takes the living engine's stream.
        store, clock, halts: as everywhere. alert: takes severity, kind and sentence.
    """

    def __init__(  # noqa: PLR0913 - it shares nothing with the engine, so it is given everything
        self,
        account: str,
        mode: str,
        *,
        broker: Broker,
        store: Store,
        clock: Clock,
        halts: Halts,
        alert: Callable[[int, str, str], Awaitable[None]],
        beat_file: Path,
        heart: str = "engine",
        settings: WatchSettings | None = None,
    ) -> None:
        self._account, self._mode, self._beat_file = account, mode, beat_file
        self._broker, self._store, self._clock, self._halts = broker, store, clock, halts
        self._alert, self._settings = alert, settings or WatchSettings()
        self._heart = heart
        self._known = _Known()
        self._standing: dict[str, int] = {}  # halts to be carried out: when they were seen first
        self._facts: AccountFacts | None = None
        now = clock.monotonic_ns()
        self._watch = Watch(now, now)

    async def run(self) -> None:
        """Watch until cancelled."""
        looked = 0
        while True:
            now = self._clock.monotonic_ns()
            if now - looked >= self._settings.tick_s * SECOND_NS:
                looked = now
                await self.look()
            await self.heed()
            await self._clock.sleep(min(_GLANCE_S, self._settings.tick_s))

    async def heed(self) -> None:
        """Carry out halts that the engine does not: it hangs, it is down, or its database is locked.

        Entries are cancelled half a second after the halt; a FLATTEN waits for the engine's lease to run out.
        """
        beat, now = read_beat(self._beat_file), self._clock.monotonic_ns()
        done = beat.heeded if beat is not None else ()
        asked = {
            halt.mark: halt.rung
            for halt in self._halts.standing()
            if halt.scope in {SYSTEM, f"account:{self._account}"} and halt.rung >= Rung.CANCEL and halt.by != _NAME
        }
        self._standing = {key: self._standing.get(key, now) for key in asked if key not in done}
        for key, since in self._standing.items():
            if not since <= now - int(_HEED_S * SECOND_NS):
                continue
            self._standing[key] = now + int(self._settings.repeat_s * SECOND_NS)
            try:
                await self._act(Step.FLATTEN if asked[key] is Rung.FLATTEN else Step.CANCEL_ENTRIES)
            except _FAILED as error:
                await self._alert(1, "watchdog", f"The halt {key} was not carried out and is tried again: {error}")

    async def look(self) -> tuple[Step, ...]:
        """Look once and act."""
        self._watch, steps = decide(self._watch, self._see(), self._clock.monotonic_ns(), self._settings)
        if self._facts is not None and not self._watch.was_alerted:
            self._facts = None  # the engine is back: its stream is its own again
            await self._broker.close()
        for step in steps:
            try:
                await self._act(step)
            except _FAILED as error:
                await self._alert(1, "watchdog", f"{step.name} failed and is tried again: {error}")
        return steps

    def _see(self) -> Sight:
        """Read both heartbeats; a database that does not answer is left alone for a while."""
        now, known = self._clock.monotonic_ns(), self._known
        if now >= known.rest_until_ns:
            try:
                self._read_store(known)
            except StoreError:
                known.failures += 1
                known.rest_until_ns = now + int(self._settings.store_rest_s * SECOND_NS)
        file = read_beat(self._beat_file)
        beat = f"{known.beat}|{file.count}.{file.now_ns}" if file is not None else known.beat
        return Sight(beat, file.state == "STOPPED" if file is not None else known.is_stopped)

    def _read_store(self, known: _Known) -> None:
        beats = self._store.heartbeats()
        if self._heart in beats:
            at_ns, body = beats[self._heart]
            known.beat, known.is_stopped = str(at_ns), "STOPPED" in body
        self._store.heartbeat(_NAME, self._clock.now_ns(), "")
        if self._watch.was_alerted or not known.intents:
            for run in self._store.runs():
                known.intents.update((row.client_id, row.intent) for row in self._store.orders(run.run_id))

    async def _act(self, step: Step) -> None:
        if step is Step.ALERT:
            await self._alert(1, "engine_silent", f"The engine of account {self._account} gives no sign of life.")
            return
        if self._facts is None:
            self._facts = await self._broker.open(_ignore)
        if step is Step.CANCEL_ENTRIES:
            await self._cancel(everything=False)
        else:
            await self._flatten(self._facts)

    async def _cancel(self, *, everything: bool) -> dict[str, float] | None:
        """Cancel entries, or everything; return the positions, None when they are not completely known."""
        page = await self._broker.positions()
        positions = _net(page.items) if page.is_complete else None
        orders = (await self._broker.orders(0)).items
        chosen = [order for order in orders if order.state not in ENDED]
        if not everything:
            chosen = orders_to_cancel(orders, positions, self._known.intents)
        for order in chosen:
            try:
                await self._broker.cancel(order.client_id, order.broker_id)
            except (UnknownOrder, OrderRejected):
                continue  # it has ended meanwhile: somebody was faster
        if chosen:
            names = ", ".join(f"{order.symbol} {order.client_id or order.broker_id}" for order in chosen)
            await self._alert(1, "watchdog_cancelled", f"Cancelled on account {self._account}: {names}.")
        return positions

    async def _flatten(self, account: AccountFacts) -> None:
        """Close what is open: with the lease, behind a halt, after every other order is gone."""
        now, ttl = self._clock.now_ns(), int(self._settings.lease_ttl_s * SECOND_NS)
        scope = f"account:{self._account}"
        try:
            lease = self._store.take_lease(self._account, _NAME, now, ttl)
        except StoreError as error:
            reason = "another engine holds the account" if isinstance(error, LeaseLost) else str(error)
            await self._alert(1, "flatten_refused", f"Positions of {self._account} stay open: {reason}.")
            return
        try:
            self._halts.halt(scope, Rung.FLATTEN, "the engine is silent", _NAME, now)
            await self._close_all(account, lease)
        finally:
            self._store.release_lease(lease)

    async def _close_all(self, account: AccountFacts, lease: Lease) -> None:
        await self._cancel(everything=True)
        page, left = await self._broker.positions(), await self._broker.orders(0)
        if not (page.is_complete and left.is_complete) or any(order.state not in ENDED for order in left.items):
            await self._alert(1, "flatten_waits", f"Not every order of {self._account} is gone yet; trying again.")
            return
        positions = _net(page.items)
        guard = SendGuard(EXIT_RULES, {Scope.ACCOUNT: no_limits(Scope.ACCOUNT)}, self._halts)
        facts = self._exit_facts(account, lease, positions)
        for symbol, units in positions.items():
            order = self._exit(symbol, units)
            try:
                await submit_approved(self._broker, guard.approve(order, facts), self._clock)
            except GuardRefusal as error:
                await self._alert(1, "flatten_refused", str(error))
        await self._alert(1, "watchdog_flattened", f"Closing {len(positions)} positions of account {self._account}.")

    def _exit_facts(self, account: AccountFacts, lease: Lease, positions: Mapping[str, float]) -> Facts:
        now, mono = self._clock.now_ns(), self._clock.monotonic_ns()
        symbols = {symbol: SymbolFacts(confirmed_units=held, own_units=held) for symbol, held in positions.items()}
        return Facts(
            now_ns=now,
            mono_ns=mono,
            trading_day=0,
            account=self._account,
            run_id="watchdog",
            strategy="watchdog",
            mode=self._mode,
            broker_account=account.account_id,
            broker_environment=account.environment,
            symbols=symbols,
            scopes={Scope.ACCOUNT: ScopeFacts(units=dict(positions))},
            lease_remaining_ns=lease.expires_ns - now,
        )

    def _exit(self, symbol: str, units: float) -> OrderRequest:
        """Return the market exit of a position; the same silence and try give it the same id."""
        text = f"{self._account}|{symbol}|{self._watch.beat}|{self._watch.flattened}"
        name = "TW" + hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
        side = Side.SELL if units > 0.0 else Side.BUY
        kind, tif = OrderType.MARKET, TimeInForce.DAY
        return OrderRequest(name, symbol, side, kind, tif, abs(units), intent=Intent.EXIT, reason=Reason.HALT)


def _net(positions: Sequence[BrokerPosition]) -> dict[str, float]:
    net: dict[str, float] = {}
    for position in positions:
        net[position.symbol] = net.get(position.symbol, 0.0) + position.quantity
    return {symbol: units for symbol, units in net.items() if units != 0.0}


def _ignore(report: OrderReport) -> None:
    """The watchdog asks; what is pushed to it in the meantime changes nothing."""
