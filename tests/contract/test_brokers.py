"""Every broker adapter passes every card of the contract that concerns it; a broken one is caught."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tidemill.adapters.paper import PaperBroker
from tidemill.engine.plan import CalendarPlan, EnginePlan, ZoneTable
from tidemill.model.bars import MINUTE_NS
from tidemill.model.broker import OrderReport, OrderRequest, Page
from tidemill.model.enums import EventKind, OrderType, TimeInForce
from tidemill.model.errors import OrderRejected, PluginError
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.model.settings import Costs, FillRules, RunSettings
from tidemill.testing.broker_cards import CARDS, Card, Desk, run_card
from tidemill.testing.exchange import SCRIPTED_RULES, ScriptedBroker, ScriptedExchange
from tidemill.testing.seams import SimClock
from tidemill.testing.simloop import run_simulated

START = 1_704_205_800_000_000_000
PLENTY = 1e9
PLAIN = replace(
    SCRIPTED_RULES,
    order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
    time_in_force=frozenset({TimeInForce.DAY}),
    links_orders=False,
    shows_closed_orders=False,
    finds_by_client_id=False,
    order_id_length=5,
)


class PaperDesk:
    """The paper broker, moved by bars of one price."""

    environment, symbol = "paper", "ABC"

    def __init__(self) -> None:
        utc = ZoneTable(np.array([0], np.int64), np.array([0], np.int64))
        stock = Instrument("ABC", calendar="24/7", zone="UTC")
        run = RunSettings(costs=Costs(commission_per_unit=0.01), fills=FillRules(volume_cap_ratio=1.0))
        self.broker = PaperBroker(EnginePlan([stock], [MINUTE_NS], [CalendarPlan("24/7", utc, 0)], [0], [], run))
        self.reports: list[OrderReport] = []
        self._count = 0

    def fresh_id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    async def trade(self, price: float, size: float = math.inf) -> None:
        self.broker.push_reports()
        self._count += 1
        rows = np.zeros(1, EVENT)
        rows["kind"], rows["interval_ns"] = int(EventKind.BAR), MINUTE_NS
        rows["ts_ns"] = START + self._count * MINUTE_NS
        rows["now_ns"] = rows["ts_ns"] + MINUTE_NS
        for name in ("open", "high", "low", "close"):
            rows[name] = price
        rows["volume"] = min(size, PLENTY)
        for _ in self.broker.phases(rows):
            self.broker.push_reports()

    async def settle(self) -> None:
        self.broker.push_reports()


class ScriptedDesk:
    """A session with the scripted exchange on virtual time."""

    environment, symbol = "paper", "ABC"

    def __init__(self, rules: Any = SCRIPTED_RULES) -> None:
        self.exchange = ScriptedExchange(SimClock(asyncio.get_running_loop()), rules=rules, fee_per_unit=0.01)
        self.broker: Any = ScriptedBroker(self.exchange, latency_s=0.02, stream_s=0.05)
        self.reports: list[OrderReport] = []
        self._count = 0

    def fresh_id(self) -> str:
        self._count += 1
        return f"c{self._count}"

    async def trade(self, price: float, size: float = math.inf) -> None:
        self.exchange.trade(self.symbol, price, size)

    async def settle(self) -> None:
        await asyncio.sleep(1.0)


DESKS: dict[str, Callable[[], Desk]] = {
    "paper": PaperDesk,
    "scripted": ScriptedDesk,
    "scripted, plain": lambda: ScriptedDesk(PLAIN),
}


async def play(card: Card, make: Callable[[], Desk]) -> None:
    desk = make()
    if card.applies(desk.broker.rules):
        await run_card(card, desk)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.code)
@pytest.mark.parametrize("desk", DESKS)
def test_every_broker_passes_every_card(desk: str, card: Card) -> None:
    run_simulated(play(card, DESKS[desk]))


def test_the_deck_is_in_order_and_every_card_concerns_somebody() -> None:
    assert [card.code for card in CARDS] == [f"B{number + 1:02d}" for number in range(len(CARDS))]
    assert len({card.sentence for card in CARDS}) == len(CARDS)
    assert all(card.applies(SCRIPTED_RULES) for card in CARDS)


class Broken:
    """A session that breaks the contract in one way."""

    def __init__(self, desk: ScriptedDesk, how: str) -> None:
        self.inner, self.how, self.exchange = desk.broker, how, desk.exchange
        self.rules, self.name = desk.broker.rules, f"broken ({how})"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def open(self, sink: Callable[[OrderReport], None]) -> Any:
        def worse(report: OrderReport) -> None:
            if self.how == "loses fills" and report.kind is EventKind.FILL:
                return
            if self.how == "repeats fills" and report.kind is EventKind.FILL:
                sink(report)
            if self.how == "repeats cancels" and report.kind is EventKind.CANCELLED:
                sink(report)
            sink(report)

        facts = await self.inner.open(worse)
        return replace(facts, environment="live") if self.how == "lies about money" else facts

    async def submit(self, order: OrderRequest) -> OrderReport:
        if self.how == "sends twice":
            await self.inner.submit(replace(order, client_id=f"{order.client_id}x"))
        if self.how == "repeats requests" and order.client_id in self.exchange.accepted:
            raise OrderRejected("duplicate")
        if self.how == "takes anything":
            order = replace(order, quantity=float(int(order.quantity)) if order.quantity == order.quantity else 1.0)
        if self.how == "forgets stops":
            order = replace(order, stop_price=order.stop_price + 20.0)
        return await self.inner.submit(order)

    async def executions(self, since_ns: int) -> Any:
        page = await self.inner.executions(0 if self.how == "forgets since" else since_ns)
        return Page(page.items, is_complete=False) if self.how == "cuts pages" else page


@pytest.mark.parametrize(
    ("how", "codes"),
    [
        ("loses fills", {"B09", "B19"}),
        ("repeats fills", {"B09", "B10"}),
        ("repeats cancels", {"B06", "B21"}),
        ("lies about money", {"B01"}),
        ("sends twice", {"B09", "B25"}),
        ("repeats requests", {"B04"}),
        ("takes anything", {"B16", "B17"}),
        ("forgets stops", {"B12", "B20"}),
        ("forgets since", {"B24"}),
        ("cuts pages", {"B09", "B24"}),
    ],
)
def test_a_broken_broker_is_caught_by_its_card(how: str, codes: set[str]) -> None:
    def broken() -> Desk:
        desk = ScriptedDesk()
        desk.broker = Broken(desk, how)
        return desk

    caught = {}
    for card in CARDS:
        try:
            run_simulated(play(card, broken))
        except PluginError as error:
            caught[card.code] = str(error)
    assert codes <= set(caught)
    assert all(text.startswith(f"broken ({how}) breaks card {code} (") for code, text in caught.items())
