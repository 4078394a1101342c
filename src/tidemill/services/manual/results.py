"""What a person's desk has won and lost: today, in all, day by day, and what is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from tidemill.adapters.sql.database import Row
from tidemill.model.instrument import Instrument, infer_instrument
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock
from tidemill.runtime.guard.baseline import DayClock
from tidemill.services.fleet.facts import Facts, Portfolio, PositionFact, usd
from tidemill.services.fleet.runs import OwnedRun
from tidemill.services.manual.desk import Desk, Desks

__all__ = ["DayResult", "Results", "Summary"]

_EPOCH = date(1970, 1, 1)
_MOST_TRIPS = 100_000


@dataclass(frozen=True, slots=True)
class DayResult:
    """One trading day: its date, realised result after fees, round trips that ended, and how many of them won."""

    day: date
    realised: float
    fees: float
    trades: int
    wins: int
    losses: int


@dataclass(frozen=True, slots=True)
class Summary:
    """All of a desk's runs together: money in USD, percent where the name says so."""

    realised: float
    unrealised: float
    fees: float
    trades: int
    wins: int
    losses: int
    best: float
    worst: float
    gross_win: float
    gross_loss: float
    average_r: float | None

    @property
    def win_rate_pct(self) -> float | None:
        """Return wins over round trips, None before the first."""
        return round(self.wins / self.trades * 100.0, 2) if self.trades else None

    @property
    def profit_factor(self) -> float | None:
        """Return what was won over what was lost, None while nothing was lost."""
        return round(self.gross_win / -self.gross_loss, 4) if self.gross_loss < 0.0 else None


class Results:
    """Results of everybody's desks; each call sees that of one.

    Args:
        clock: of the installation. desks, facts: where they are read.
    """

    def __init__(self, clock: Clock, desks: Desks, facts: Facts) -> None:
        self._clock, self._desks, self._facts = clock, desks, facts

    def _clock_of(self, scope: UserScope) -> DayClock:
        """Return the trading day of a desk: that of its first symbol, as its guard counts it."""
        desk = self._desks.find(scope)
        symbols = desk.symbols if desk is not None else self._desks.symbols(scope)
        first: Instrument = infer_instrument(symbols[0])
        return DayClock(first.zone, first.day_roll_minutes)

    def today(self, scope: UserScope) -> date:
        """Return the trading day that is now."""
        return _date(self._clock_of(scope).day(self._clock.now_ns()))

    def is_of_today(self, scope: UserScope, at_ns: int) -> bool:
        """Tell whether a moment lies in the trading day that is now."""
        clock = self._clock_of(scope)
        return clock.day(at_ns) == clock.day(self._clock.now_ns())

    def portfolio(self, scope: UserScope) -> tuple[Desk | None, Portfolio]:
        """Return a desk and its money at the newest prices; before its first use, what it will begin with."""
        desk = self._desks.find(scope)
        if desk is None:
            cash = self._desks.initial_cash
            return None, self._facts.portfolio_of(None, cash, self._clock.now_ns())
        money = self._facts.portfolio(desk.run, desk.agent.spec.run.cash)
        marked = _total(item.unrealised for item in self._facts.positions([desk.run]))
        shift = _total(item.unrealised for item in self.positions(scope)) - marked
        today = money.daily_pnl if self.is_of_today(scope, money.updated_ns) else 0.0
        return desk, replace(
            money,
            equity=round(money.equity + shift, 2),
            daily_pnl=round(today + shift, 2),
            total_pnl=round(money.total_pnl + shift, 2),
        )

    def positions(self, scope: UserScope) -> Sequence[PositionFact]:
        """Return what is open on a desk, at the newest prices its engine told."""
        desk = self._desks.find(scope)
        if desk is None:
            return []
        seen = self._facts.view(desk.run)
        prices, at_ns = seen.get("prices", {}), int(seen.get("at_ns", 0))
        return [
            _valued(item, prices.get(item.symbol, item.market_price) if at_ns > item.updated_ns else item.market_price)
            for item in self._facts.positions([desk.run])
        ]

    def _closed(self, runs: Sequence[OwnedRun]) -> Sequence[Row]:
        return self._facts.trips(runs, _MOST_TRIPS, status="CLOSED")

    def day(self, scope: UserScope, day: date | None = None) -> DayResult:
        """Return the result of one trading day, today's when none is named."""
        clock, wanted = self._clock_of(scope), day or self.today(scope)
        rows = [
            row for row in self._closed(self._desks.runs(scope)) if _date(clock.day(row["exited_ns"] or 0)) == wanted
        ]
        return _day_result(wanted, rows)

    def history(self, scope: UserScope, days: int) -> Sequence[DayResult]:
        """Return the last trading days on which something ended, oldest first."""
        clock = self._clock_of(scope)
        since = self.today(scope) - timedelta(days=days - 1)
        by_day: dict[date, list[Row]] = {}
        for row in self._closed(self._desks.runs(scope)):
            day = _date(clock.day(row["exited_ns"] or 0))
            if day >= since:
                by_day.setdefault(day, []).append(row)
        return [_day_result(day, rows) for day, rows in sorted(by_day.items())]

    def summary(self, scope: UserScope) -> Summary:
        """Return everything together."""
        rows = self._closed(self._desks.runs(scope))
        results = [usd(row["pnl_micros"]) for row in rows]
        multiples = [row["r_multiple"] for row in rows if row["r_multiple"] is not None]
        return Summary(
            _total(results),
            _total(item.unrealised for item in self.positions(scope)),
            _total(usd(row["fees_micros"]) for row in rows),
            len(results),
            sum(item > 0.0 for item in results),
            sum(item < 0.0 for item in results),
            max(results, default=0.0),
            min(results, default=0.0),
            _total(item for item in results if item > 0.0),
            _total(item for item in results if item < 0.0),
            round(sum(multiples) / len(multiples), 4) if multiples else None,
        )


def _valued(item: PositionFact, price: float) -> PositionFact:
    """Return a position at the newest price, which may have come after its last mark."""
    if not (price > 0.0):
        return item
    multiplier = infer_instrument(item.symbol).multiplier
    unrealised = round((price - item.average_price) * item.quantity * multiplier, 2)
    cost = abs(item.average_price * item.quantity * multiplier)
    return replace(
        item,
        market_price=price,
        market_value=round(price * item.quantity * multiplier, 2),
        unrealised=unrealised,
        unrealised_pct=round(unrealised / cost * 100.0, 4) if cost else 0.0,
    )


def _day_result(day: date, rows: Sequence[Row]) -> DayResult:
    results = [usd(row["pnl_micros"]) for row in rows]
    fees = _total(usd(row["fees_micros"]) for row in rows)
    wins, losses = sum(item > 0.0 for item in results), sum(item < 0.0 for item in results)
    return DayResult(day, _total(results), fees, len(rows), wins, losses)


def _total(amounts: Iterable[float]) -> float:
    return round(sum(amounts), 2)


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)
