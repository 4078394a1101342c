"""What is true of a run right now, as the guard wants to know it before an order leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from tidemill.model.broker import AccountFacts
from tidemill.model.enums import Intent, Session
from tidemill.model.instrument import Instrument
from tidemill.model.units import to_micros
from tidemill.runtime.core import Core, Written
from tidemill.runtime.guard.baseline import Baseline, DayClock, observe, roll
from tidemill.runtime.guard.closes import DailyCloses
from tidemill.runtime.guard.facts import (
    Arming,
    Facts,
    OpenOrder,
    Scope,
    ScopeFacts,
    SymbolFacts,
)
from tidemill.runtime.guard.ranges import Ranges
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.counters import Counters
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.symbols import SymbolsNow

__all__ = ["Health", "Present"]

_BPS = 10_000.0
_SLIPPAGE_FILLS = 20  # fills over which the mean slippage is taken


@dataclass(slots=True)
class Health:
    """How the machinery fares; whoever measures writes it here."""

    loop_lag_s: float = 0.0
    clock_skew_s: float = 0.0
    db_latency_s: float = 0.0
    disk_free_bytes: int = 2**62
    alert_channel_ok: bool = True
    order_stream_ready: bool = True
    market_data_ready: bool = True
    inbox_depth: int = 0
    lease_remaining_ns: Callable[[], int] = lambda: 0
    is_reconciled: bool = False
    recon_symbols: tuple[str, ...] = ()
    rejects_in_row: int = 0
    confirmed_units: dict[str, float] | None = None  # of the whole account, as the broker shows it; None: our fills
    blocked: dict[str, str] = field(default_factory=dict)  # symbol to reason


class Present:
    """Gathers the facts of one run.

    Args:
        core, book: of the run.
        instruments: in the order of the run.
        strategies: names by strategy row.
        run_id, account, mode: who sends.
        scopes: scopes of limits that this run's sub-ledger answers to; the account's always among them.
        tolerances: windows of the counters.
        day_clock: tells the account's trading day.
        session_of: tells an instrument's session at an instant.
        interval_ns: bar size the feed brings, 0 for ticks; ``delay_ns``: how late it is by contract.
    """

    def __init__(  # noqa: PLR0913 - the facts come from many places
        self,
        core: Core,
        book: OrderBook,
        *,
        instruments: Sequence[Instrument],
        strategies: Sequence[str],
        run_id: str,
        account: str,
        mode: str,
        scopes: Sequence[Scope],
        tolerances: Tolerances,
        day_clock: DayClock,
        session_of: Callable[[int, int], Session],
        interval_ns: int = 0,
        delay_ns: int = 0,
    ) -> None:
        self._core, self._book, self._instruments = core, book, list(instruments)
        self._strategies, self._run_id, self._account, self._mode = strategies, run_id, account, mode
        self._scopes, self._day_clock, self._session_of = tuple(scopes), day_clock, session_of
        self._interval_ns, self._delay_ns = interval_ns, delay_ns
        self.health = Health()
        self.broker: AccountFacts | None = None
        self.arming = Arming()
        self.closes: DailyCloses | None = None  # only where a limit looks at them
        self.baseline: Baseline | None = None
        self.counters = Counters(tolerances, strategies)
        self.ranges = Ranges(len(self._instruments), interval_ns)
        self._volume_micros = self._volume_day = self._losses = 0
        self._slippage: deque[float] = deque(maxlen=_SLIPPAGE_FILLS)
        self._slots = core.engine.state.tables["slots"]
        self._rows = core.engine.state.tables["instruments"]
        self._accounts = core.engine.state.tables["accounts"]

    def take(self, rows: NDArray[Any]) -> None:
        """Take the EVENT rows of an instant right before the core does: what is measured over bars."""
        self.ranges.take(rows)
        if self.closes is not None:
            self.closes.take(rows)

    def follow(self, written: Written) -> None:
        """Take note of fills and round trips the core has booked."""
        for fill in written.fills:
            value = float(fill["quantity"] * fill["price"]) * self._instruments[int(fill["instrument"])].multiplier
            day = self._day_clock.day(int(fill["ts_ns"]))
            if day != self._volume_day:
                self._volume_day, self._volume_micros = day, 0
            self._volume_micros += to_micros(value)
            if value > 0.0:
                self._slippage.append(float(fill["slippage"]) / to_micros(value) * _BPS)
        for trip in written.trips:
            self._losses = self._losses + 1 if int(trip["pnl"]) < 0 else 0

    @property
    def cash_micros(self) -> int:
        """Return the sub-ledger's cash."""
        return int(self._accounts[0]["cash"])

    @property
    def equity_micros(self) -> int:
        """Return the sub-ledger's equity at its last marks."""
        account = self._accounts[0]
        return int(account["cash"]) + int(account["market"])

    def roll_day(self, now_ns: int) -> Baseline:
        """Bring the loss baseline up to now."""
        day = self._day_clock.day(now_ns)
        equity = self.equity_micros
        before = self.baseline
        if before is None or day > before.day:
            self.baseline = roll(before, f"account:{self._account}", day, equity)
        else:
            self.baseline = observe(before, equity)
        return self.baseline

    def units(self) -> dict[str, float]:
        """Return signed positions by symbol, flat ones left out."""
        held: dict[str, float] = {}
        quantities = self._slots["quantity"].tolist()
        if not any(quantities):
            return held
        for instrument, quantity in zip(self._slots["instrument"].tolist(), quantities, strict=True):
            if quantity:
                symbol = self._instruments[instrument].symbol
                held[symbol] = held.get(symbol, 0.0) + quantity
        return held

    def _units_of(self, strategy: str, held: dict[str, float]) -> dict[str, float]:
        """Return the signed positions of one strategy by symbol; ``held``: of all of them."""
        if len(self._strategies) == 1 or not held:
            return held
        own: dict[str, float] = {}
        for slot in self._slots[self._slots["quantity"] != 0.0]:
            if self._strategies[int(slot["strategy"])] == strategy:
                symbol = self._instruments[int(slot["instrument"])].symbol
                own[symbol] = own.get(symbol, 0.0) + float(slot["quantity"])
        return own

    def _symbol(
        self, row: int, now_ns: int, mono_ns: int, held: dict[str, float], own: dict[str, float]
    ) -> SymbolFacts:
        item, known = self._instruments[row], self._rows[row]
        symbol, health = item.symbol, self.health
        confirmed = held if health.confirmed_units is None else health.confirmed_units
        stamp = int(known["last_ns"])
        age = max(now_ns - stamp, 0)
        return SymbolFacts(
            instrument=item,
            last=float(known["last"]),
            bid=float(known["bid"]),
            ask=float(known["ask"]),
            stamp_ns=stamp,
            arrived_mono_ns=mono_ns - age,
            is_fresh=health.market_data_ready,
            interval_ns=self._interval_ns,
            delay_ns=self._delay_ns,
            atr=self.ranges.average(row),
            session=self._session_of(row, now_ns),
            block=health.blocked.get(symbol, ""),
            confirmed_units=confirmed.get(symbol, 0.0),
            own_units=own.get(symbol, 0.0),
            sector=item.sector,
        )

    def _open_orders(self) -> list[OpenOrder]:
        return [
            OpenOrder(
                order.request,
                order.at_stake if order.request.intent is Intent.ENTRY else order.remaining,
                f"{self._run_id}/{order.strategy}",
                is_unknown=order.is_unknown,
                is_acknowledged=bool(order.broker_id),
                filled=order.filled,
                has_left=order.has_left,
            )
            for order in self._book.open_orders()
        ]

    def facts(self, item: Outgoing, now_ns: int, mono_ns: int) -> Facts:
        """Return everything a rule may look at before a request leaves."""
        return self._facts(item.order.strategy, [item.order.instrument], now_ns, mono_ns)

    def facts_of_nobody(self, now_ns: int, mono_ns: int) -> Facts:
        """Return the same for the rules that need no order."""
        return self._facts(self._strategies[0], [], now_ns, mono_ns)

    def _facts(self, strategy: str, instruments: list[int], now_ns: int, mono_ns: int) -> Facts:
        health = self.health
        strategies: Any = self._core.engine.state.tables["strategies"]
        day = self._day_clock.day(now_ns)
        held = self.units()
        own = self._units_of(strategy, held)
        orders = self._open_orders() if instruments else []  # rules that need no order look at none
        baseline = self.roll_day(now_ns)
        equity = baseline.last_micros
        ledger = ScopeFacts(
            units=held,
            orders=orders,
            equity_micros=equity,
            baseline=baseline,
            trades_today=sum(strategies["opened_today"].tolist()),
            volume_today_micros=self._volume_micros if self._volume_day == day else 0,
            losses_in_row=self._losses,
            slippage_bps=sum(self._slippage) / len(self._slippage) if self._slippage else 0.0,
        )
        concerned = {*instruments, *(order.instrument for order in self._book.live.values())}
        if held:
            concerned.update(row for row, instrument in enumerate(self._instruments) if instrument.symbol in held)
        rows = sorted(concerned)
        names = [self._instruments[row].symbol for row in rows]
        broker = self.broker
        return Facts(
            now_ns=now_ns,
            mono_ns=mono_ns,
            trading_day=day,
            account=self._account,
            run_id=self._run_id,
            strategy=strategy,
            mode=self._mode,
            broker_account=broker.account_id if broker is not None else "",
            broker_environment=broker.environment if broker is not None else "",
            arming=self.arming,
            symbols=SymbolsNow(
                dict(zip(names, rows, strict=True)),
                lambda row: self._symbol(row, now_ns, mono_ns, held, own),
            ),
            scopes=dict.fromkeys(self._scopes, ledger),
            orders_in_window=self.counters.orders(mono_ns),
            messages_in_window=self.counters.messages(mono_ns),
            strategy_orders_in_window=self.counters.entries(strategy, mono_ns),
            rejects_in_row=health.rejects_in_row,
            recent=self.counters.recent,
            recon_symbols=health.recon_symbols,
            is_reconciled=health.is_reconciled,
            lease_remaining_ns=health.lease_remaining_ns(),
            loop_lag_s=health.loop_lag_s,
            clock_skew_s=health.clock_skew_s,
            db_latency_s=health.db_latency_s,
            disk_free_bytes=health.disk_free_bytes,
            alert_channel_ok=health.alert_channel_ok,
            order_stream_ready=health.order_stream_ready,
            market_data_ready=health.market_data_ready,
            inbox_depth=health.inbox_depth,
            buying_power_micros=broker.buying_power_micros if broker is not None else equity,
            correlations=self.closes.matrix(names, day) if self.closes is not None else None,
        )
