"""Our record against the broker's: at the start before anything new is risked, and all the time while a run lives.

The broker's lists are the truth. Fills that are missing are booked once, orders are adopted or proven absent; what
still differs stops new risk in that instrument until a person has settled it. Nothing is repaired in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import AccountFacts, BrokerOrder
from tidemill.model.enums import OrderState
from tidemill.model.journal import ReconRow
from tidemill.runtime.account.hooks import Snapshot
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.identity import PREFIX
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.record.remarks import remark

__all__ = ["Difference", "Reconciler"]

_SAME = 2  # answers in a row that show a difference before it counts
_EXPECTED_NS = 60 * SECOND_NS
_TINY = 1e-9
_CASH_TOLERANCE_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A position that differs: ours (all runs of the account), the broker's, since when, and in how many answers."""

    symbol: str
    ours: float
    theirs: float
    since_ns: int
    answers: int = 1


class Reconciler:
    """Compares positions and cash, blocks what differs, and writes down what it found.

    Args:
        present: facts of the run, told of differences. book: our orders. journal: takes the report.
        symbols: of the run.
        others: units and cash that other runs hold in the account, by asset.
        settle_ns: how long the broker's lists may lag.
        alert: told severity, kind and sentence.
        cash_offset: the broker's cash less ours when an earlier process looked last, micros; None: it never did.
    """

    def __init__(
        self,
        present: Present,
        book: OrderBook,
        journal: Journal,
        *,
        symbols: Sequence[str],
        others: Mapping[str, str],
        settle_ns: int,
        now: Callable[[], tuple[int, int]],
        alert: Callable[[int, str, str], None],
        cash_offset: int | None = None,
    ) -> None:
        self._present, self._book, self._journal = present, book, journal
        self._symbols, self._settle_ns, self._now, self._alert = list(symbols), settle_ns, now, alert
        self._others = {symbol: float(Decimal(others.get(symbol, "0"))) for symbol in symbols}
        self.differences: dict[str, Difference] = {}
        self.blocked: dict[str, Difference] = {}
        self._foreign: dict[str, BrokerOrder] = {}
        self._cash_offset = cash_offset
        self._cash_answers = 0
        self.compared = 0
        self._expected_until = 0  # monotonic
        self.started_ns = 0

    def ours(self) -> dict[str, float]:
        """Return what the account should hold in each symbol of the run."""
        held = self._present.units()
        return {symbol: held.get(symbol, 0.0) + self._others[symbol] for symbol in self._symbols}

    def expect_difference(self) -> None:
        """Note that somebody else has traded: for a while, one answer that differs is enough."""
        self._expected_until = self._now()[1] + _EXPECTED_NS

    def adjusting(self, symbol: str, units: float) -> None:
        """Note that a person is about to book units of a symbol: our record comes that much nearer to the broker's."""
        difference = self.blocked.get(symbol)
        if difference is not None:
            self.blocked[symbol] = replace(difference, ours=difference.ours + units)

    def confirm(self) -> None:
        """Bring the confirmed positions up to now: our fills, plus what the broker shows beyond them."""
        units = dict(self.ours())
        for symbol, difference in self.blocked.items():
            units[symbol] += difference.theirs - difference.ours
        self._present.health.confirmed_units = units

    def take_positions(self, snapshot: Snapshot) -> None:
        """Compare a whole answer; what differs in two answers, the broker's lag apart, counts."""
        now, mono = self._now()
        self._present.broker = snapshot.account
        theirs = {item.symbol: item.quantity for item in snapshot.positions.items}
        before, self.differences = self.differences, {}
        for symbol, units in self.ours().items():
            shown = theirs.get(symbol, 0.0)
            if abs(shown - units) <= _TINY:
                continue
            known = before.get(symbol)
            is_same = known is not None and (known.ours, known.theirs) == (units, shown)
            since, answers = (known.since_ns, known.answers + 1) if known is not None and is_same else (mono, 1)
            self.differences[symbol] = Difference(symbol, units, shown, since, answers)
        for symbol in [symbol for symbol in self.blocked if symbol not in self.differences]:
            self._unblock(symbol)
        for difference in self.differences.values():
            is_old = difference.answers >= _SAME and mono - difference.since_ns >= self._settle_ns
            if is_old or mono < self._expected_until:
                self._block(difference, now)
        self._take_cash(snapshot.account)
        self.compared += 1
        self._tell_health()

    @property
    def is_settled(self) -> bool:
        """Tell whether at least one comparison is through, and every difference in it is either gone or blocked."""
        return self.compared > 0 and all(symbol in self.blocked for symbol in self.differences)

    def _tell_health(self) -> None:
        foreign = [item.symbol for item in self._foreign.values()]
        self._present.health.recon_symbols = tuple(sorted({*self.differences, *self.blocked, *foreign}))
        self.confirm()

    def _block(self, difference: Difference, now_ns: int) -> None:
        symbol, known = difference.symbol, self.blocked.get(difference.symbol)
        if known is not None and (known.ours, known.theirs) == (difference.ours, difference.theirs):
            return
        self.blocked[symbol] = difference
        units = difference.theirs - difference.ours
        self._alert(
            1,
            "ADJUSTMENT",
            f"{symbol}: the broker shows {difference.theirs:g}, our record {difference.ours:g}. New risk in it is "
            f"stopped. If that is right, book an adjustment of {units:+g} units.",
        )
        self.write("blocked", now_ns)

    def _unblock(self, symbol: str) -> None:
        self.blocked.pop(symbol)
        self._alert(3, "ADJUSTMENT", f"{symbol}: our record and the broker's agree again.")
        self.write("repaired", self._now()[0])

    def _take_cash(self, facts: AccountFacts) -> None:
        """Note cash that moved by no fill of ours: a dividend, a fee, a transfer."""
        cash = int(self._present.cash_micros)
        offset = facts.cash_micros - cash
        known = self._cash_offset
        if known is None:
            self._keep_offset(offset)
            return
        if self.differences or self._is_under_way() or abs(offset - known) <= _CASH_TOLERANCE_MICROS:
            self._cash_answers = 0
            return
        self._cash_answers += 1
        if self._cash_answers >= _SAME:
            moved = (offset - known) / 1e6
            text = f"Cash at the broker moved by {moved:+,.2f} {facts.currency} without a fill of ours."
            self._alert(2, "CASH", text)
            self._keep_offset(offset)

    def _keep_offset(self, offset: int) -> None:
        """Remember by how much the broker's cash differs from ours, also for the process after this one."""
        self._cash_offset, self._cash_answers = offset, 0
        remark(self._journal, self._now(), "account", "cash_offset", "", str(offset).encode())

    def _is_under_way(self) -> bool:
        return any(order.state is not OrderState.WORKING for order in self._book.live.values())

    def take_foreign(self, orders: Sequence[BrokerOrder]) -> None:
        """Note the open orders that are not in our record: they stop new risk in their symbol and are never touched."""
        before, self._foreign = self._foreign, {}
        for order in orders:
            if order.symbol not in self._symbols:
                continue
            self._foreign[order.broker_id] = order
            if order.broker_id in before:
                continue
            text = f"Order {order.broker_id} ({order.side.name} {order.quantity:g} {order.symbol}) is not in our record"
            if order.client_id.startswith(PREFIX):
                text += f" and carries our id {order.client_id}: an older backup was restored, or another engine trades"
            self._alert(1, "EXTERNAL_ORDER", f"{text}. New risk in {order.symbol} is stopped; it is not touched.")
        if before or self._foreign:
            self._tell_health()

    def write(self, outcome: str, ended_ns: int) -> None:
        """Store what a comparison found."""
        lease = self._journal.lease
        report = {
            "differences": [[item.symbol, item.ours, item.theirs] for item in self.differences.values()],
            "blocked": sorted(self.blocked),
            "foreign": sorted(self._foreign),
            "unknown": sorted(order.request.client_id for order in self._book.unknown()),
        }
        started = self.started_ns or ended_ns
        self._journal.batch.recon.append(
            ReconRow(
                key=f"{self._journal.run_id}/{ended_ns}/{outcome}",
                run_id=self._journal.run_id,
                account=self._journal.account,
                epoch=lease.epoch if lease is not None else 0,
                started_ns=started,
                ended_ns=ended_ns,
                outcome=outcome,
                report=json.dumps(report, sort_keys=True),
            )
        )
