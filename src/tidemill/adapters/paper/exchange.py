"""The paper exchange: the backtest's matcher with an account, a list of orders and a clock, moved by events alone.

It is a pure function of its inputs (groups of events, turns, orders, cancels, replacements, in their order): the same
inputs give the same bytes, so that after a crash it is rebuilt from the run's tape.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.paper.account import PaperAccount
from tidemill.adapters.paper.checks import PaperChecks, PaperTerms
from tidemill.adapters.paper.market import PaperMarket, Phase, PhaseKind
from tidemill.adapters.paper.orders import PaperOrder, PaperOrders
from tidemill.engine.plan import EnginePlan
from tidemill.model.broker import (
    OrderReport,
    OrderRequest,
)
from tidemill.model.enums import CommandKind, EventKind, Intent, OrderState
from tidemill.model.errors import AmbiguousOutcome, InvariantBroken, LinkDown, OrderRejected, UnknownOrder
from tidemill.model.units import to_micros
from tidemill.ports.broker import ReportSink

__all__ = ["PaperExchange"]

_AT_ONCE = range(EventKind.ACK, EventKind.EXPIRED + 1)  # what answers these leaves at their own instant


def _group_number(request: OrderRequest) -> int:
    """Return a group as the matcher knows it: entries of a group cancel each other, reducers shrink each other."""
    if not request.group:
        return 0
    number = int.from_bytes(hashlib.blake2b(request.group.encode(), digest_size=7).digest()) + 1
    return -number if request.intent is Intent.ENTRY else number


class PaperExchange:
    """Takes orders and market events in turns, and answers with reports that wait to be taken.

    Args:
        plan: of the run: instruments, calendars, account, costs, fill rules.
        terms: what the account is strict about.
    """

    def __init__(self, plan: EnginePlan, terms: PaperTerms | None = None) -> None:
        self.plan = plan
        self.terms = terms or PaperTerms()
        self.market = PaperMarket(plan, match_trades=self.terms.match_trades)
        self.funds = PaperAccount(plan.instruments, to_micros(plan.run.cash), plan.run.leverage, plan.rates)
        self._checks = PaperChecks(plan, self.terms, self.funds)
        self._book = PaperOrders()
        self._reports: list[OrderReport] = []
        self._taken = 0
        self._moves: Iterator[Phase] | None = None
        self._sink: ReportSink | None = None
        self._now_ns = 0  # latest instant of market and reports
        self._at_ns = 0  # instant of the turn that is being answered

    # what the run loop calls

    @property
    def is_busy(self) -> bool:
        """Tell whether a group of events is not finished yet: ``step`` on before the next one begins."""
        return self._moves is not None

    def begin(self, rows: NDArray[Any]) -> None:
        """Take the events of one instant: EVENT rows in the order of the backtest's streams.

        Splits, dividends and other events come first, then bars from the finest interval up, instruments in the order
        of their tables; trades come alone.

        Raises:
            InvariantBroken: the group before is not finished, or a report was not taken.
        """
        if self._moves is not None:
            raise InvariantBroken("The paper exchange was given new events before it had finished the last ones.")
        self._demand_silence()
        self._moves = self._phases(rows)

    def step(self) -> Phase | None:
        """Move on to the next pause; None when the group is finished.

        Raises:
            InvariantBroken: a report was not taken before.
        """
        self._demand_silence()
        phase = next(self._moves, None) if self._moves is not None else None
        if phase is None:
            self._moves = None
        return phase

    def phases(self, rows: NDArray[Any]) -> Iterator[Phase]:
        """Begin a group of events and step through it to its end."""
        self.begin(rows)
        while (phase := self.step()) is not None:
            yield phase

    def pass_by(self, rows: NDArray[Any]) -> None:
        """Take trades and quotes, each an instant of its own, while ``has_work`` is False.

        It comes to the same as ``begin`` and ``step`` with each of them, at a fraction of the time.
        """
        self._demand_silence()
        self.market.pass_by(rows)
        trades = rows[rows["kind"] == int(EventKind.TRADE)]
        if self.terms.match_trades:
            for instrument in np.unique(trades["instrument"]):
                price = float(trades["close"][trades["instrument"] == instrument][-1])
                self.funds.tell_price(int(instrument), price, marks=True)
        self.tell_time(int(rows["now_ns"].max()))

    @property
    def has_work(self) -> bool:
        """Tell whether an order might meet the next market event."""
        return int(self.market.venue.header["working"][0]) > 0

    @property
    def matches_trades(self) -> bool:
        """Tell whether orders meet trades instead of bars."""
        return self.terms.match_trades

    def take_report(self) -> OrderReport | None:
        """Return the oldest report that waits, or None; the time of what answers it is its time."""
        if self._taken == len(self._reports):
            self._reports.clear()
            self._taken = 0
            return None
        report = self._reports[self._taken]
        self._taken += 1
        self._now_ns = max(self._now_ns, report.ts_ns)
        self._at_ns = report.ts_ns if report.kind in _AT_ONCE else self._now_ns
        return report

    def take_reports(self) -> list[OrderReport]:
        """Return all reports that wait, oldest first."""
        found = []
        while (report := self.take_report()) is not None:
            found.append(report)
        return found

    def push_reports(self) -> None:
        """Hand all reports that wait to the sink given to ``open``: for callers that do not take them."""
        while self._sink is not None and (report := self.take_report()) is not None:
            self._sink(report)

    def tell_time(self, at_ns: int) -> None:
        """Tell the time of a turn that neither market nor report brought: an operator's, a person's."""
        self._now_ns = max(self._now_ns, at_ns)
        self._at_ns = self._now_ns

    def stream_address(self, row: int) -> int:
        """Return the address a MARK phase needs: ``kernel.replay.mark_close(state, broker.stream_address(row))``."""
        return self.market.stream_address(row)

    def accept(self, order: OrderRequest) -> OrderReport:
        """Take one order; the answer is its ACK, which also waits among the reports.

        Raises:
            OrderRejected: not live. AmbiguousOutcome: an order of that client id is here already. LinkDown: not open.
        """
        self._demand_link()
        if order.client_id in self._book.by_client:
            raise AmbiguousOutcome(f"An order {order.client_id} was accepted before; look it up instead.")
        if self.market.is_full:
            raise OrderRejected("The paper exchange has no room for another order; cancel one first.")
        row = self._checks.row_of(order, self._at_ns)
        number = self._book.next_number(order.number)
        limit = 0.0 if math.isnan(order.limit_price) else order.limit_price
        stop = 0.0 if math.isnan(order.stop_price) else order.stop_price
        accepted = PaperOrder(order, number, row, order.quantity, order.limit_price, order.stop_price)
        parent = self._book.by_client.get(order.parent)
        self._book.add(accepted)
        self.market.command(
            kind=int(CommandKind.SUBMIT), order=number, instrument=row, side=int(order.side), type=int(order.type),
            tif=int(order.tif), intent=int(order.intent), quantity=order.quantity, limit_price=limit, stop_price=stop,
            trail_amount=order.trail_amount, trail_pct=order.trail_pct, group=_group_number(order),
            parent=parent.number if parent else 0, at_ns=order.created_ns or self._at_ns, reason=int(order.reason),
        )  # fmt: skip
        self._collect()
        return self._reports[-1]

    def accept_cancel(self, client_id: str) -> None:
        """Take a cancel; CANCELLED or CANCEL_REFUSED waits among the reports. Raises UnknownOrder, LinkDown."""
        order = self._known(client_id)
        self.market.command(
            kind=int(CommandKind.CANCEL), order=order.number, instrument=order.instrument, at_ns=self._at_ns
        )
        self._collect()

    def accept_replace(self, client_id: str, quantity: float, stop_price: float) -> OrderReport:
        """Take another quantity (and trigger, unless NaN); the answer waits among the reports as well.

        Raises:
            OrderRejected: the quantity is none. UnknownOrder, LinkDown.
        """
        order = self._known(client_id)
        if not (0.0 < quantity < math.inf):
            raise OrderRejected(f"The quantity of {client_id} cannot become {quantity:g}; it must be above zero.")
        stop = order.stop_price if math.isnan(stop_price) else stop_price
        if order.is_open:
            order.quantity, order.stop_price = quantity, stop
        self.market.command(
            kind=int(CommandKind.REPLACE), order=order.number, instrument=order.instrument, quantity=quantity,
            stop_price=0.0 if math.isnan(stop) else stop, at_ns=self._at_ns,
        )  # fmt: skip
        self._collect()
        return self._reports[-1]

    # inside

    def _demand_link(self) -> None:
        if self._sink is None:
            raise LinkDown("The paper broker is not open; open it first.")

    def _demand_silence(self) -> None:
        if self._taken < len(self._reports):
            raise InvariantBroken("A report of the paper exchange was not taken before it moved on.")

    def _known(self, client_id: str) -> PaperOrder:
        self._demand_link()
        order = self._book.by_client.get(client_id)
        if order is None:
            raise UnknownOrder(f"The paper account has no order {client_id}.")
        return order

    def _phases(self, rows: NDArray[Any]) -> Iterator[Phase]:
        """Step the market; keep the account's books and the clock in step with it."""
        for phase in self.market.phases(rows):
            if phase.kind is PhaseKind.FEED:
                self._tell(rows[phase.row])
            self._collect()
            yield phase

    def _tell(self, row: Any) -> None:
        """Let the account see an event that the core is about to take."""
        kind, instrument = int(row["kind"]), int(row["instrument"])
        self.tell_time(int(row["now_ns"]))
        if kind in {EventKind.BAR, EventKind.TRADE}:
            finest = self.plan.intervals_ns[instrument]
            marks = kind == EventKind.TRADE or finest in {0, int(row["interval_ns"])}
            self.funds.tell_price(instrument, float(row["close"]), marks=marks)
        elif kind == EventKind.SPLIT:
            ratio = float(row["close"])
            self.funds.split(instrument, ratio)
            self._restate(instrument, ratio)
        elif kind == EventKind.DIVIDEND:
            self.funds.dividend(instrument, float(row["close"]))

    def _restate(self, instrument: int, ratio: float) -> None:
        """Bring our list of an instrument's open orders up to the matcher's after a split."""
        for order in self._book.by_client.values():
            live = self.market.order(order.number) if order.instrument == instrument and order.is_open else None
            if live is not None:
                order.quantity, order.filled = float(live["quantity"]), float(live["filled"])
                order.limit_price /= ratio
                order.stop_price /= ratio

    def _collect(self) -> None:
        """Translate what the matcher said, and book it."""
        waiting = self.market.waiting
        while waiting:
            self._reports.append(self._translate(waiting.popleft()))

    def _translate(self, row: Any) -> OrderReport:
        order = self._book.by_number[int(row["order"])]
        kind = EventKind(int(row["kind"]))
        client_id, is_fill = order.request.client_id, kind is EventKind.FILL
        report = OrderReport(
            kind=kind,
            client_id=client_id,
            broker_id=order.broker_id,
            ts_ns=int(row["ts_ns"]),
            exec_id=f"{client_id}-{order.fills + 1}" if is_fill else "",
            quantity=float(row["volume"]) if is_fill else order.quantity * (kind is EventKind.REPLACED),
            price=float(row["close"]) if is_fill else math.nan,
            fee_micros=int(row["money"]),
            slippage_micros=int(row["extra"]),
            phase=int(row["code"]) if is_fill else 0,
        )
        self._book.apply(order, report)
        if is_fill:
            if self.market.order(order.number) is None:
                order.state = OrderState.FILLED
            self.funds.book(order.instrument, int(order.request.side), report.quantity, report.price, report.fee_micros)
        return report
