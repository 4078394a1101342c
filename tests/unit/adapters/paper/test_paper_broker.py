"""The paper broker alone: its answers, its account, and what it refuses."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest
from paper_loop import call, ignore

from naive.scenario import START
from tidemill.adapters.paper import PaperBroker, PaperTerms, Phase, PhaseKind
from tidemill.engine.plan import CalendarPlan, EnginePlan, ZoneTable
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import (
    EventKind,
    Intent,
    OrderState,
    OrderType,
    Side,
    Slippage,
    TimeInForce,
)
from tidemill.model.errors import (
    AmbiguousOutcome,
    InvariantBroken,
    LinkDown,
    OrderRejected,
    UnknownOrder,
)
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.model.records import EVENT
from tidemill.model.settings import Costs, FillRules, RunSettings

STOCK = Instrument("ABC", calendar="24/7", zone="UTC")
FUTURE = Instrument("FUT", AssetClass.FUTURE, 0.25, 1.0, 20.0, 500.0, calendar="24/7", zone="UTC")
UTC = ZoneTable(np.array([0], np.int64), np.array([0], np.int64))


def plan(*instruments: Instrument, interval: int = MINUTE_NS, sessions: bool = False, **settings: object) -> EnginePlan:
    calendar = CalendarPlan("24/7", UTC, 0)
    if sessions:
        opens = np.array([START + 14 * HOUR_NS], np.int64)
        closes = opens + HOUR_NS
        calendar = CalendarPlan("test", UTC, 0, opens // DAY_NS, opens - HOUR_NS, opens, closes, closes + HOUR_NS)
    chosen = instruments or (STOCK,)
    run = RunSettings(**settings)
    return EnginePlan(chosen, [interval] * len(chosen), [calendar], [0] * len(chosen), [], run)


def opened(made: EnginePlan, terms: PaperTerms | None = None) -> PaperBroker:
    broker = PaperBroker(made, terms)
    asyncio.run(broker.open(ignore))
    return broker


def event(kind: EventKind, at: int, *, instrument: int = 0, **values: float) -> np.ndarray:
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["instrument"], rows["ts_ns"], rows["now_ns"] = int(kind), instrument, at, at
    for name, value in values.items():
        rows[name] = value
    return rows


def bar(number: int, prices: tuple[float, float, float, float], volume: float = 1_000.0, **more: int) -> np.ndarray:
    rows = event(EventKind.BAR, START + number * MINUTE_NS, volume=volume, interval_ns=MINUTE_NS, **more)
    rows["now_ns"] += MINUTE_NS
    rows["open"], rows["high"], rows["low"], rows["close"] = prices
    return rows


def flat(number: int, price: float, **more: int) -> np.ndarray:
    return bar(number, (price, price, price, price), **more)


def move(broker: PaperBroker, rows: np.ndarray) -> list[OrderReport]:
    found = []
    for _ in broker.phases(rows):
        found += broker.take_reports()
    return found


def order(client_id: str, side: Side = Side.BUY, quantity: float = 10.0, **more: object) -> OrderRequest:
    given = {"symbol": "ABC", "type": OrderType.MARKET, "tif": TimeInForce.GTC, **more}
    return OrderRequest(client_id, side=side, quantity=quantity, **given)


def test_an_order_is_answered_at_once_and_fills_at_the_next_open_with_a_derived_identity() -> None:
    broker = opened(plan(costs=Costs(commission_per_unit=0.01), cash=10_000.0))
    move(broker, flat(0, 50.0))
    answer = call(broker.submit(order("a")))
    assert (answer.kind, answer.client_id, answer.broker_id) == (EventKind.ACK, "a", "P1")
    assert broker.take_reports() == [answer]
    (fill,) = move(broker, bar(1, (51.0, 52.0, 50.0, 51.5)))
    assert (fill.kind, fill.exec_id, fill.quantity, fill.price) == (EventKind.FILL, "a-1", 10.0, 51.0)
    assert (fill.ts_ns, fill.fee_micros, fill.phase) == (START + MINUTE_NS, 100_000, 1)
    facts = call(broker.account())
    assert (facts.environment, facts.currency, facts.server_ns) == ("paper", "USD", START + 2 * MINUTE_NS)
    assert facts.cash_micros == 10_000_000_000 - 510_000_000 - 100_000
    assert facts.equity_micros == facts.cash_micros + 515_000_000
    assert facts.buying_power_micros == facts.equity_micros - 515_000_000
    (execution,) = call(broker.executions(0)).items
    assert (execution.exec_id, execution.side, execution.price) == ("a-1", Side.BUY, 51.0)
    (position,) = call(broker.positions()).items
    assert (position.symbol, position.quantity, position.average_price) == ("ABC", 10.0, 51.0)
    found = call(broker.find("a"))
    assert (found.state, found.filled, found.average_price) == (OrderState.FILLED, 10.0, 51.0)


def test_a_volume_cap_fills_in_parts_that_sum_to_the_order() -> None:
    broker = opened(plan(fills=FillRules(volume_cap_ratio=0.1)))
    call(broker.submit(order("a", quantity=25.0)))
    broker.take_reports()
    parts = [fill for number in range(4) for fill in move(broker, flat(number, 50.0, volume=100.0))]
    assert [(fill.exec_id, fill.quantity) for fill in parts] == [("a-1", 10.0), ("a-2", 10.0), ("a-3", 5.0)]
    assert call(broker.find("a")).state is OrderState.FILLED


def test_one_client_id_is_one_order_for_ever() -> None:
    broker = opened(plan())
    call(broker.submit(order("a")))
    with pytest.raises(AmbiguousOutcome, match="accepted before"):
        call(broker.submit(order("a", quantity=20.0)))
    assert len(call(broker.orders(0)).items) == 1


def test_siblings_shrink_and_end_and_children_wait_for_their_parents() -> None:
    broker = opened(plan())
    move(broker, flat(0, 50.0))
    call(broker.submit(order("in", type=OrderType.LIMIT, limit_price=49.0)))
    reduce = {"side": Side.SELL, "intent": Intent.PROTECT, "parent": "in"}
    call(broker.submit(order("stop", type=OrderType.STOP, stop_price=45.0, group="g", **reduce)))
    call(broker.submit(order("goal", type=OrderType.LIMIT, limit_price=55.0, group="g", **reduce)))
    broker.take_reports()
    assert [call(broker.find(name)).state for name in ("in", "stop", "goal")] == [
        OrderState.WORKING,
        OrderState.HELD,
        OrderState.HELD,
    ]
    assert [fill.client_id for fill in move(broker, bar(1, (50.0, 50.0, 48.0, 50.0)))] == ["in"]
    assert call(broker.find("stop")).state is OrderState.WORKING
    told = [(report.client_id, report.kind) for report in move(broker, bar(2, (54.0, 56.0, 54.0, 56.0)))]
    assert told == [("goal", EventKind.FILL), ("stop", EventKind.CANCELLED)]
    assert call(broker.positions()).items == ()


def test_cancel_and_replace_are_answered_as_reports_also_when_too_late() -> None:
    broker = opened(plan())
    call(broker.submit(order("a", type=OrderType.LIMIT, limit_price=10.0)))
    answer = call(broker.replace("a", "P1", 7.0, math.nan))
    assert (answer.kind, answer.quantity, call(broker.find("a")).quantity) == (EventKind.REPLACED, 7.0, 7.0)
    call(broker.cancel("a", "P1"))
    call(broker.cancel("a", "P1"))
    kinds = [report.kind for report in broker.take_reports()]
    assert kinds == [EventKind.ACK, EventKind.REPLACED, EventKind.CANCELLED, EventKind.CANCEL_REFUSED]
    with pytest.raises(UnknownOrder, match="no order b"):
        call(broker.cancel("b", ""))
    with pytest.raises(OrderRejected, match="above zero"):
        call(broker.replace("a", "P1", 0.0, math.nan))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"symbol": "XYZ"}, "not traded"),
        ({"quantity": 0.0}, "above zero"),
        ({"quantity": math.nan}, "above zero"),
        ({"type": OrderType.LIMIT}, "limit price"),
        ({"type": OrderType.STOP_LIMIT, "limit_price": 5.0}, "trigger"),
        ({"type": OrderType.TRAILING_STOP}, "distance"),
    ],
)
def test_an_order_without_sense_is_refused_for_certain(wrong: dict[str, object], text: str) -> None:
    broker = opened(plan())
    with pytest.raises(OrderRejected, match=text):
        call(broker.submit(order("a", **wrong)))
    assert call(broker.find("a")) is None and broker.take_reports() == []


def test_an_account_with_strict_terms_refuses_entries_it_cannot_pay_for_and_never_exits() -> None:
    broker = opened(plan(STOCK, FUTURE, cash=1_000.0), PaperTerms(check_buying_power=True))
    with pytest.raises(OrderRejected, match=r"Buying power 1000\.00"):
        call(broker.submit(order("blind", quantity=1.0)))  # nothing has a price yet
    move(broker, flat(0, 50.0))
    move(broker, flat(0, 4_000.0, instrument=1))
    with pytest.raises(OrderRejected, match="does not cover"):
        call(broker.submit(order("a", quantity=21.0)))
    call(broker.submit(order("b", quantity=20.0)))
    broker.take_reports()
    move(broker, flat(1, 50.0))
    assert call(broker.account()).buying_power_micros == 0
    with pytest.raises(OrderRejected, match="does not cover"):
        call(broker.submit(order("c", quantity=1.0, symbol="FUT")))
    call(broker.submit(order("d", Side.SELL, 20.0)))
    call(broker.submit(order("e", Side.SELL, 99.0, intent=Intent.EXIT)))


def test_regular_hours_only_refuses_entries_outside_the_session() -> None:
    broker = opened(plan(sessions=True), PaperTerms(regular_hours_only=True))
    first = START + 14 * HOUR_NS
    for at, is_open in ((first - 1, False), (first, True), (first + HOUR_NS - 1, True), (first + HOUR_NS, False)):
        wanted = order(f"t{at}", created_ns=at)
        if is_open:
            call(broker.submit(wanted))
        else:
            with pytest.raises(OrderRejected, match="session of ABC is closed"):
                call(broker.submit(wanted))
        call(broker.submit(replace(wanted, client_id=f"x{at}", side=Side.SELL, intent=Intent.EXIT)))


def test_trades_are_bars_of_one_price_and_quotes_give_the_spread() -> None:
    terms = PaperTerms(match_trades=True)
    broker = opened(plan(costs=Costs(Slippage.HALF_SPREAD, 0.02), fills=FillRules(volume_cap_ratio=0.5)), terms)
    move(broker, event(EventKind.QUOTE, START, bid=49.9, ask=50.1))
    call(broker.submit(order("a", quantity=5.0)))
    broker.take_reports()
    (fill,) = move(broker, event(EventKind.TRADE, START + MINUTE_NS, close=50.0, volume=4.0))
    assert (fill.quantity, fill.price) == (2.0, 50.1)
    assert move(broker, bar(0, (10.0, 10.0, 10.0, 10.0))) == [], "its trades have told all that"
    move(broker, event(EventKind.QUOTE, START, bid=60.0, ask=50.0))  # crossed: nobody believes it
    (fill,) = move(broker, event(EventKind.TRADE, START + 2 * MINUTE_NS, close=51.0, volume=10.0))
    assert (fill.quantity, fill.price, fill.exec_id) == (3.0, 51.1, "a-2")


def test_bars_of_an_instrument_without_trades_fill_all_the_same() -> None:
    broker = opened(plan(), PaperTerms(match_trades=True))
    call(broker.submit(order("a", quantity=5.0)))
    broker.take_reports()
    (fill,) = move(broker, bar(0, (10.0, 10.0, 10.0, 10.0)))
    assert (fill.quantity, fill.price) == (5.0, 10.0)


def test_splits_and_dividends_move_positions_cash_and_orders() -> None:
    broker = opened(plan(cash=1_000.0))
    call(broker.submit(order("a", quantity=3.0)))
    call(broker.submit(order("b", Side.SELL, 3.0, type=OrderType.LIMIT, limit_price=80.0, intent=Intent.EXIT)))
    broker.take_reports()
    move(broker, flat(0, 50.0))
    move(broker, event(EventKind.DIVIDEND, START + MINUTE_NS, close=1.0))
    move(broker, event(EventKind.SPLIT, START + MINUTE_NS, close=1.5))
    shown = call(broker.find("b"))
    assert (shown.quantity, round(shown.limit_price, 6)) == (4.0, 53.333333)
    facts = call(broker.account())
    assert facts.cash_micros == 850_000_000 + 3_000_000 + 16_666_667  # half a share at 33.33
    assert call(broker.positions()).items[0].quantity == 4.0


def test_foreign_money_waits_for_its_price_and_is_converted() -> None:
    pair = Instrument("EURUSD", AssetClass.FX, 0.00001, 1.0, 1.0, 0.0, calendar="24/7", zone="UTC")
    stock = replace(STOCK, currency="EUR")
    made = plan(pair, stock, cash=1_000.0)
    made.rates = {1: (0, False)}
    broker = opened(made)
    with pytest.raises(OrderRejected, match="no price yet"):
        call(broker.submit(order("a", quantity=1.0)))
    move(broker, flat(0, 1.25))
    call(broker.submit(order("a", quantity=2.0)))
    broker.take_reports()
    move(broker, flat(0, 100.0, instrument=1))
    facts = call(broker.account())
    assert (facts.cash_micros, facts.equity_micros) == (750_000_000, 1_000_000_000)


def test_futures_pay_margin_and_the_result_only() -> None:
    broker = opened(plan(FUTURE, cash=2_000.0))
    call(broker.submit(order("a", quantity=2.0, symbol="FUT")))
    broker.take_reports()
    move(broker, bar(0, (100.0, 101.0, 100.0, 101.0)))
    facts = call(broker.account())
    assert (facts.cash_micros, facts.equity_micros) == (2_000_000_000, 2_040_000_000)
    assert facts.buying_power_micros == 1_040_000_000
    call(broker.submit(order("b", Side.SELL, 3.0, symbol="FUT")))
    broker.take_reports()
    move(broker, flat(1, 102.0))
    assert call(broker.account()).cash_micros == 2_080_000_000
    (position,) = call(broker.positions()).items
    assert (position.quantity, position.average_price) == (-1.0, 102.0)


def test_nothing_is_answered_before_open_or_after_close() -> None:
    broker = PaperBroker(plan())
    with pytest.raises(LinkDown):
        call(broker.submit(order("a")))
    asyncio.run(broker.open(ignore))
    call(broker.submit(order("a")))
    asyncio.run(broker.close())
    with pytest.raises(LinkDown):
        call(broker.orders(0))


def test_reports_may_be_pushed_and_must_be_taken_before_the_market_moves() -> None:
    heard: list[OrderReport] = []
    broker = PaperBroker(plan())
    asyncio.run(broker.open(heard.append))
    call(broker.submit(order("a")))
    with pytest.raises(InvariantBroken, match="not taken"):
        broker.begin(flat(0, 50.0))
    broker.push_reports()
    assert [report.kind for report in heard] == [EventKind.ACK]
    broker.begin(flat(0, 50.0))
    assert broker.is_busy
    with pytest.raises(InvariantBroken, match="before it had finished"):
        broker.begin(flat(1, 50.0))
    assert broker.step() == Phase(PhaseKind.REPORTS)
    broker.push_reports()
    assert broker.step() == Phase(PhaseKind.FEED, 0)
    assert broker.step() is None and not broker.is_busy
