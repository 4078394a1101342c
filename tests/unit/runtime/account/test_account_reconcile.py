"""Our record against the broker's: at the start, and while a run lives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from death import Fate, die_at, haunt, lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import BrokerOrder, Execution, OrderRequest, Page
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import NotAuthorised, TapeBroken
from tidemill.model.journal import Batch, LedgerRow
from tidemill.ports.store import CommandRow
from tidemill.runtime.account.budget import Budget
from tidemill.runtime.account.evidence import missing_units, shown_reports, synthetic_fill
from tidemill.runtime.orders.book import LiveOrder
from tidemill.runtime.orders.departures import Departures
from tidemill.runtime.words import poller as commands
from tidemill.testing.exchange import ScriptedBroker
from tidemill.testing.seams import ManualClock

RESTING = {2: ("buy", {"limit_price": 90.0, "type": 1})}


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 0.5)


@pytest.fixture
def _queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every request wait, as if others had to leave before it."""
    monkeypatch.setattr(Departures, "has_room", lambda *_: False)


def kill(world: World, name: str, nth: int = 1) -> None:
    """Let a process die at the nth point of a name."""
    with pytest.MonkeyPatch.context() as patch:
        fate = Fate(name=name, nth=nth)
        haunt(world, fate, patch)
        die_at(world)
    world.wrap_store = world.wrap_broker = lambda inner: inner
    assert fate.is_dead


def test_fills_that_happened_while_nobody_was_there_are_booked_once_and_protected(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    kill(world, "arrived submit")
    run = world.play()
    assert [fill.exec_id for fill in store.fills(world.run_id)] == ["E1"]
    assert world.sent(Intent.PROTECT)[0].remaining == 10.0
    assert world.broken(run) == []
    world.play()
    assert len(store.fills(world.run_id)) == 1


@pytest.mark.usefixtures("_queued")
def test_an_entry_that_never_left_is_over_after_a_restart(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    kill(world, "before claim")
    run = world.play()
    assert [order.state for order in run.book.by_client.values()] == [OrderState.EXPIRED]
    assert world.exchange.truth.arrived == {}
    assert [row.state for row in store.outbox(world.run_id)] == ["DROPPED"]


@pytest.mark.usefixtures("_queued")
def test_protection_that_never_left_leaves_after_a_restart(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    kill(world, "before claim", 2)  # the stop's
    assert world.exchange.position(SYMBOL) == 10.0
    run = world.play()
    assert [order.remaining for order in world.exchange.working()] == [10.0]
    assert world.broken(run) == []


def test_entries_of_an_earlier_process_are_cancelled(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, RESTING)
    world.play()
    assert len(world.exchange.working()) == 1
    run = world.play()
    assert world.exchange.working() == []
    assert world.broken(run) == []


def test_a_start_stores_what_it_compared(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.play()
    first, *_ = store.recon_runs(world.account)
    assert (first.outcome, first.epoch) == ("equal", 1)
    assert json.loads(first.report)["differences"] == []


def test_a_trade_by_hand_stops_new_risk_until_a_person_books_it(tmp_path: Path, store: Any) -> None:
    script = {2: ("buy", {"quantity": 2.0}), 9: ("buy", {"quantity": 3.0, "add": 1}), 19: ("close",)}
    world, _ = lossy_world(tmp_path, store, script, prices=[100.0] * 22, tail_s=30.0)
    command = CommandRow(f"c-{world.run_id}", "ann", world.run_id, "adjust", "", "h", "NEW", "", 0)
    body = json.dumps({"symbol": SYMBOL, "units": 5, "price": 101.0})

    def by_hand() -> None:
        world.exchange.trade_by_hand(SYMBOL, Side.BUY, 5.0)

    def adjust() -> None:
        assert run_of(world).present.health.recon_symbols == (SYMBOL,)
        store.put_command(replace(command, body=body))

    run = world.play_with((10.0, by_hand), (40.0, adjust))
    alert = next(item for item in run.alerts if item.kind == "ADJUSTMENT")
    assert alert.severity == 1
    assert "+5 units" in alert.text
    blocked = [order for order in run.book.by_client.values() if order.text.startswith("recon_difference")]
    assert len(blocked) == 1  # the second entry
    assert world.exchange.position(SYMBOL) == 0.0  # the exit took the adopted units as well
    assert run.present.health.recon_symbols == ()
    assert {row.outcome for row in store.recon_runs(world.account)} == {"equal", "blocked", "repaired"}
    again = world.play()
    assert again.present.units() == {}


def run_of(world: World) -> Any:
    return world.runs[-1]


def test_a_liquidation_is_noticed_at_once_and_the_exit_does_not_flip(tmp_path: Path, store: Any) -> None:
    script = {2: ("buy",), 5: ("close",)}
    world, _ = lossy_world(tmp_path, store, script, prices=[100.0] * 8)
    world.play_with((11.0, lambda: world.exchange.liquidate(SYMBOL)))
    assert world.exchange.position(SYMBOL) == 0.0


def test_a_fill_the_broker_counts_and_does_not_show_is_made_up_after_a_minute_and_gives_way(
    tmp_path: Path, store: Any
) -> None:
    world, lossy = lossy_world(tmp_path, store, tail_s=120.0)
    hidden = [True]
    original = ScriptedBroker.executions

    async def executions(since_ns: int) -> Page[Execution]:
        page = await original(lossy.inner, since_ns)
        return Page(()) if hidden[0] else page

    lossy.executions, lossy.is_mute = executions, True
    lossy.is_mute = True
    seen: list[Any] = []
    run = world.play_with(
        (85.0, lambda: seen.append(dict(run_of(world).present.units()))),
        (90.0, lambda: hidden.__setitem__(0, False)),
    )
    assert seen == [{SYMBOL: 10.0}]
    kinds = [fill.kind for fill in store.fills(world.run_id) if fill.side == "BUY"]
    assert kinds == ["synthetic", "bust", "real"]
    assert "SYNTHETIC_FILL" in world.kinds(run)
    assert run.present.units() == {SYMBOL: 10.0}
    assert float(store.balances(world.account)[SYMBOL]) == 10.0
    again = world.play()
    assert again.present.units() == {SYMBOL: 10.0}


def test_lists_that_are_not_whole_leave_a_run_read_only_until_they_are(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: ("buy",), 8: ("buy",)}, prices=[100.0] * 10)
    world.exchange.truth.prices["ZZZ"] = 10.0
    world.exchange.trade_by_hand("ZZZ", Side.BUY, 1.0)
    world.faults.on("B36")
    run = world.play_with((8.0, world.faults.heal))
    first, second = (order for order in run.book.by_client.values() if order.request.intent is Intent.ENTRY)
    assert "READ_ONLY" in world.kinds(run)
    assert first.text.startswith("reconciled: ")
    assert second.state is OrderState.FILLED


def test_a_second_working_incarnation_is_cancelled(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, RESTING, tail_s=30.0)

    def fork() -> None:
        world.exchange._fork(world.exchange.working()[0])  # noqa: SLF001 - what the broker does by itself

    run = world.play_with((9.0, fork))
    assert "TWO_INCARNATIONS" in world.kinds(run)
    assert [order.broker_id for order in world.exchange.working()] == ["X1"]
    assert world.broken(run) == []


def test_an_open_order_that_is_not_in_our_record_stops_new_risk_and_is_not_touched(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    stranger = OrderRequest("TMOFANOTHERRECORD", SYMBOL, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 1.0, 50.0)
    world.exchange.trade(SYMBOL, 100.0)
    world.exchange.submit(stranger)
    run = world.play()
    alert = next(item for item in run.alerts if item.kind == "EXTERNAL_ORDER")
    assert "older backup" in alert.text
    assert [order.client_id for order in world.exchange.working()] == ["TMOFANOTHERRECORD"]
    assert next(iter(run.book.by_client.values())).text.startswith("recon_difference: ")


@pytest.mark.parametrize(("name", "value"), [("account_id", "OTHER"), ("environment", "live")])
def test_another_account_or_environment_than_promised_is_refused(
    tmp_path: Path, store: Any, name: str, value: str
) -> None:
    world, _ = lossy_world(tmp_path, store)
    setattr(world.exchange.truth, name, value)
    with pytest.raises(NotAuthorised, match="check the credentials"):
        world.play()
    assert world.exchange.truth.requests.get("submit", 0) == 0


def test_a_clock_that_is_wrong_stops_entries(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.faults.on("B43", value=90.0)
    run = world.play()
    assert run.present.health.clock_skew_s == pytest.approx(90.0, abs=0.2)
    assert next(iter(run.book.by_client.values())).text.startswith("clock_skew: ")


def test_a_record_that_does_not_add_up_is_refused(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.play()
    wrong = LedgerRow(f"{world.run_id}/by-hand", world.run_id, world.account, "trade", SYMBOL, "1", 0)
    store.commit(Batch(ledger=[wrong]))
    with pytest.raises(TapeBroken, match="no fill"):
        world.play()


def test_cash_that_no_fill_moved_is_told(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {}, tail_s=120.0)
    run = world.play_with((20.0, lambda: world.exchange.post_cash(12_500_000)))
    assert [alert.text for alert in run.alerts] == ["Cash at the broker moved by +12.50 USD without a fill of ours."]


def test_cash_that_moved_while_no_process_ran_is_told(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {}, tail_s=40.0)
    world.play()
    world.exchange.post_cash(-7_000_000)
    run = world.play()
    assert [alert.text for alert in run.alerts] == ["Cash at the broker moved by -7.00 USD without a fill of ours."]
    assert [alert.text for alert in world.play().alerts] == []  # told once, over all starts


def test_positions_that_lag_are_waited_for(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, settle_s=10.0, tail_s=60.0)
    run = world.play_with((5.0, lambda: world.faults.on("B35", value=8.0)))
    assert "ADJUSTMENT" not in world.kinds(run)
    assert world.broken(run) == []


def test_a_silent_stream_is_found_out_within_fifteen_seconds(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(
        tmp_path, store, RESTING, prices=[100.0, 100.0, 100.0, 89.0, 89.0, 89.0, 89.0], tail_s=30.0
    )
    lossy.is_mute = True
    run = world.play()
    (fill,) = [item for item in store.tape(world.run_id) if item.kind == "FILL"]
    assert fill.wall_ns - world.exchange.truth.fills[0].ts_ns <= 15 * SECOND_NS
    assert world.broken(run) == []


# --- evidence


def _order(state: OrderState = OrderState.WORKING, filled: float = 0.0) -> LiveOrder:
    request = OrderRequest("TM1", SYMBOL, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 10.0, 100.0)
    order = LiveOrder(request, 0, 0, "s", quantity=10.0, filled=filled, value=filled * 100.0, state=state)
    order.broker_id = "X1"
    return order


def _shown(state: OrderState, filled: float = 0.0, average: float = 100.0) -> BrokerOrder:
    return BrokerOrder(
        "TM1", "X1", SYMBOL, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 10.0, filled, average, state, updated_ns=9
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "is_short", "wanted"),
    [
        (OrderState.SENDING, OrderState.WORKING, False, [EventKind.ACK]),
        (OrderState.UNKNOWN, OrderState.PARTIAL, False, [EventKind.ACK]),
        (OrderState.UNKNOWN, OrderState.REJECTED, False, [EventKind.REJECT]),
        (OrderState.UNKNOWN, OrderState.CANCELED, False, [EventKind.ACK, EventKind.CANCELLED]),
        (OrderState.WORKING, OrderState.CANCELED, False, [EventKind.CANCELLED]),
        (OrderState.WORKING, OrderState.CANCELED, True, []),  # an end waits for all fills
        (OrderState.WORKING, OrderState.EXPIRED, False, [EventKind.EXPIRED]),
        (OrderState.WORKING, OrderState.FILLED, True, []),
        (OrderState.FILLED, OrderState.WORKING, False, []),  # an older list never moves a state back
        (OrderState.ABSENT, OrderState.WORKING, False, [EventKind.ACK]),
        (OrderState.ABSENT, OrderState.CANCELED, False, []),
        (OrderState.WORKING, OrderState.UNKNOWN, False, []),  # a status nobody knows
    ],
)
def test_reports_bring_an_order_to_where_the_broker_shows_it(
    ours: OrderState, theirs: OrderState, is_short: bool, wanted: list[EventKind]
) -> None:
    assert [item.kind for item in shown_reports(_order(ours), _shown(theirs), is_short=is_short)] == wanted


def test_a_made_up_fill_brings_the_average_right() -> None:
    order = _order(OrderState.PARTIAL, 4.0)
    shown = _shown(OrderState.FILLED, 10.0, 103.0)
    assert missing_units(order, [shown], []) == 6.0
    fill = synthetic_fill(order, shown, 6.0)
    assert (fill.exec_id, fill.quantity, fill.price) == ("syn:X1:10", 6.0, pytest.approx(105.0))


def test_the_budget_leaves_three_tenths_to_others() -> None:
    clock = ManualClock()
    budget = Budget(60.0, clock)
    taken = 0
    for _ in range(600):
        taken += budget.take(1)
        clock.advance(1.0)
    assert 0.65 * 600 <= taken <= 0.73 * 600
