"""The sender: one call per request, in the right order, every outcome classified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import Intent, OrderState
from tidemill.model.errors import LinkDown, NotAuthorised, OrderRejected, RateLimited
from tidemill.runtime.orders.departures import Departures
from tidemill.runtime.words import poller as commands
from tidemill.runtime.words.words import CancelWord

RESTING = {2: ("buy", {"limit_price": 90.0, "type": 1})}


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def failing(world: World, lossy: Any, intent: Intent, *errors: Exception) -> list[int]:
    """Let the first submits of an intent fail; return when each was tried."""
    left, at = list(errors), []

    async def submit(order: Any) -> Any:
        if order.intent is intent:
            at.append(world.clock.now_ns())
            if left:
                raise left.pop(0)
        return await lossy.inner.submit(order)

    lossy.submit = submit
    return at


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (OrderRejected("no"), "DONE"),
        (NotAuthorised("no"), "DONE"),
        (LinkDown("cut before a byte left"), "DROPPED"),
        (RateLimited("wait"), "DROPPED"),
    ],
)
def test_an_entry_that_certainly_is_not_live_is_over(tmp_path: Path, store: Any, error: Exception, state: str) -> None:
    world, lossy = lossy_world(tmp_path, store)
    at = failing(world, lossy, Intent.ENTRY, error)
    run = world.play()
    assert len(at) == 1
    assert [row.state for row in store.outbox(world.run_id)] == [state]
    assert [order.state for order in run.book.by_client.values()] == [OrderState.REJECTED]
    assert world.broken(run) == []


def test_rejects_in_a_row_are_counted_until_one_is_taken(tmp_path: Path, store: Any) -> None:
    script = {number: ("buy", {"limit_price": 90.0, "type": 1}) for number in (2, 3, 4)}
    world, lossy = lossy_world(tmp_path, store, script)
    failing(world, lossy, Intent.ENTRY, OrderRejected("a"), OrderRejected("b"))
    seen: list[int] = []
    run = world.play_with((10.5, lambda: seen.append(world.runs[-1].present.health.rejects_in_row)))
    assert seen == [2]
    assert run.present.health.rejects_in_row == 0


def test_protection_that_certainly_did_not_arrive_leaves_again_with_the_same_id(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store)
    at = failing(world, lossy, Intent.PROTECT, LinkDown("cut"), LinkDown("cut"))
    run = world.play()
    rows = [row for row in store.outbox(world.run_id) if "~" in row.key or row.text.startswith("not_sent")]
    assert [(row.key[20:], row.state, row.attempt) for row in rows] == [
        ("/submit", "DROPPED", 0),
        ("/submit~1", "DROPPED", 1),
        ("/submit~2", "DONE", 2),
    ]
    assert len({row.client_id for row in rows}) == 1
    assert len(at) == 3
    assert [order.remaining for order in world.exchange.working()] == [10.0]
    assert world.broken(run) == []


def test_a_broker_that_asks_to_wait_is_obeyed(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store)
    at = failing(world, lossy, Intent.PROTECT, RateLimited("wait", 2.5))
    world.play()
    first, second = at
    assert second - first >= 2.5 * SECOND_NS


def test_an_order_cancelled_before_it_left_never_leaves(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, RESTING)

    def close_gate() -> None:
        outside = world.runs[-1].outside
        assert outside is not None
        outside.sender.close_gate()

    def cancel() -> None:
        run = world.runs[-1]
        run.parts.inbox.operator(CancelWord(next(iter(run.book.by_client)), "ann"))

    def open_gate() -> None:
        outside = world.runs[-1].outside
        assert outside is not None
        outside.sender.open_gate()

    run = world.play_with((5.0, close_gate), (7.0, cancel), (8.0, open_gate))
    assert lossy.calls == []
    assert [(row.action, row.state) for row in store.outbox(world.run_id)] == [
        ("submit", "DROPPED"),
        ("cancel", "DROPPED"),
    ]
    assert [order.state for order in run.book.by_client.values()] == [OrderState.CANCELED]


def test_an_entry_that_waited_too_long_never_leaves(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, RESTING)

    def gate(*, is_open: bool) -> None:
        outside = world.runs[-1].outside
        assert outside is not None
        if is_open:
            outside.sender.open_gate()
        else:
            outside.sender.close_gate()

    run = world.play_with((5.0, lambda: gate(is_open=False)), (12.0, lambda: gate(is_open=True)))
    assert lossy.calls == []
    (order,) = run.book.by_client.values()
    assert order.state is OrderState.REJECTED
    assert order.text.startswith("entry_ttl: ")


def test_requests_about_one_order_leave_one_after_the_other(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, RESTING)
    lossy.held_s["submit"] = 2.0

    def cancel() -> None:
        run = world.runs[-1]
        run.parts.inbox.operator(CancelWord(next(iter(run.book.by_client)), "ann"))

    run = world.play_with((6.5, cancel))
    assert [name for name, _ in lossy.calls] == ["submit", "cancel"]
    assert [order.state for order in run.book.by_client.values()] == [OrderState.CANCELED]
    assert world.exchange.working() == []


def test_a_request_is_durable_before_it_leaves(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store)
    states: list[str] = []

    async def submit(order: Any) -> Any:
        row = next(row for row in store.outbox(world.run_id) if row.client_id == order.client_id)
        assert any(item.client_id == order.client_id for item in store.intents(world.run_id))
        states.append(row.state)
        return await lossy.inner.submit(order)

    lossy.submit = submit
    world.play()
    assert states == ["SENDING", "SENDING"]


def test_a_request_that_somebody_else_claimed_is_not_sent(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Departures, "has_room", lambda *_: False)  # so that it waits before it is claimed
    world, lossy = lossy_world(tmp_path, store)
    world.wrap_store = _Claimed
    run = world.play()
    assert lossy.calls == []
    assert "NOT_PENDING" in world.kinds(run)


def test_an_order_that_may_leave_at_once_is_claimed_in_the_transaction_of_its_decision(
    tmp_path: Path, store: Any
) -> None:
    world, lossy = lossy_world(tmp_path, store, RESTING)
    written: list[tuple[list[str], list[str]]] = []

    class Watched(_Claimed):
        def commit(self, batch: Any) -> None:
            self._inner.commit(batch)
            if batch.intents:
                written.append(([row.state for row in batch.outbox], list(lossy.calls)))

    world.wrap_store = Watched  # its claim says no: nobody asks it
    run = world.play()
    assert written == [(["SENDING"], [])]
    assert [order.remaining for order in world.exchange.working()] == [10.0]
    row = store.outbox(world.run_id)[0]
    assert (row.state, row.epoch) == ("DONE", run.journal.lease.epoch if run.journal.lease else 0)
    assert row.sent_ns > 0


def test_what_the_guard_refuses_before_the_transaction_is_dropped_and_told(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, RESTING)

    def lapse() -> None:
        world.runs[-1].present.health.lease_remaining_ns = lambda: 0

    run = world.play_with((0.5, lapse))
    assert lossy.calls == []
    assert [row.state for row in store.outbox(world.run_id)] == ["DROPPED"]
    assert [order.state.name for order in run.book.by_client.values()] == ["REJECTED"]
    assert run.approver.refused == 1


class _Claimed:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def claim(self, *_: Any) -> bool:
        return False


def test_what_reduces_risk_waits_for_the_lease_and_an_entry_does_not(tmp_path: Path, store: Any) -> None:
    script = {2: ("buy",), 4: ("buy", {"limit_price": 90.0, "type": 1})}
    world, lossy = lossy_world(tmp_path, store, script, has_rules=False)

    async def submit(order: Any) -> Any:
        world.runs[-1].present.health.lease_remaining_ns = lambda: 0
        return await lossy.inner.submit(order)

    def heal() -> None:
        keeper = world.runs[-1].keeper
        world.runs[-1].present.health.lease_remaining_ns = lambda: keeper.remaining_ns

    lossy.submit = submit
    run = world.play_with((8.0, heal))
    stop = world.sent(Intent.PROTECT)[0]
    assert stop.created_ns - world.exchange.truth.fills[0].ts_ns >= 2 * SECOND_NS
    second = [order for order in run.book.by_client.values() if order.request.intent is Intent.ENTRY][1]
    assert second.text.startswith("lease: ")
    assert world.exchange.position(SYMBOL) == stop.remaining == 10.0
    assert world.broken(run) == []
