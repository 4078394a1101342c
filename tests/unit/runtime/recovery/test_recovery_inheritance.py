"""What an earlier process left behind: how much of its tape counts, and what became of its requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from death import lossy_world
from live_scene import SYMBOL, World, flat_prices
from tidemill.adapters.sql.opening import open_store
from tidemill.model.broker import OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import StoreMismatch, TapeBroken
from tidemill.model.journal import Batch, OutboxRow
from tidemill.model.records import EVENT
from tidemill.runtime.account.leftovers import leftovers
from tidemill.runtime.life import run as life
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.record import journal
from tidemill.runtime.record.tape import LAST, TAPE_EVENT, TapeBuffer, TapeEnd, TapeFile, read_tape
from tidemill.runtime.recovery.inheritance import _keep, inherit
from tidemill.runtime.words import poller as commands

MARKET = [EventKind.BAR, EventKind.TRADE, EventKind.QUOTE, EventKind.SPLIT, EventKind.DIVIDEND]
KINDS = [*MARKET, EventKind.FILL, EventKind.ACK, EventKind.OPERATOR, EventKind.ADJUST, EventKind.NONE]


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def rows_of(kinds: list[EventKind], marks: list[int]) -> Any:
    rows = np.zeros(len(kinds), TAPE_EVENT)
    rows["event"]["kind"], rows["mark"] = kinds, marks
    return rows


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.booleans()), max_size=12), st.integers(0, 12))
def test_behind_the_last_transaction_only_whole_market_events_count(
    items: list[tuple[EventKind, bool]], committed: int
) -> None:
    committed = min(committed, len(items))
    rows = rows_of([kind for kind, _ in items], [LAST if last else 0 for _, last in items])
    outside, stepped = (_keep(rows, committed, is_stepped=value) for value in (False, True))
    assert committed <= outside <= len(rows)
    assert all(kind in MARKET for kind, _ in items[committed:outside])  # what a broker said was never booked
    assert outside == len(rows) or items[outside][0] not in MARKET
    assert committed <= stepped <= len(rows)
    if committed < stepped < len(rows) or committed < stepped == len(rows):
        kind, last = items[stepped - 1]
        assert last or kind not in MARKET  # no half group of bars


def test_a_tape_is_cut_even_when_the_process_dies_while_cutting(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.play()
    folder = world.folder / "runs" / world.run_id
    before, end = read_tape(folder)
    buffer, file = TapeBuffer(TapeEnd(end.next_seq, end.hash)), TapeFile(folder, end.next_seq)
    extra = np.zeros(3, EVENT)
    extra["kind"] = [int(EventKind.TRADE), int(EventKind.FILL), int(EventKind.TRADE)]
    extra["close"], extra["now_ns"] = 100.0, 1
    buffer.extend(extra, 0, LAST)
    file.write(buffer.cut(), durable=True)
    file.close()
    spec = store.run(world.run_id).spec_hash
    kept = inherit(store, world.run_id, folder, spec, is_stepped=False).recorded.rows
    assert len(kept) == len(before) + 1
    for path in folder.glob("events-*.tape"):  # as a death between renaming and writing leaves it
        path.rename(path.with_suffix(".cut"))
    (folder / "events-000000000000001.tape").write_bytes(b"half")
    again = inherit(store, world.run_id, folder, spec, is_stepped=False).recorded.rows
    assert again.tobytes() == kept.tobytes()
    assert not list(folder.glob("*.cut"))


def test_rows_that_a_power_cut_took_from_the_tape_come_back_from_the_store(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.play()
    (path,) = (world.folder / "runs" / world.run_id).glob("events-*.tape")
    told, committed = path.read_bytes(), store.last_tape(world.run_id).seq
    rows, _ = read_tape(path.parent)
    path.write_bytes(told[: len(told) // 2])
    run = world.play()
    again, _ = read_tape(path.parent)
    assert again[:committed].tobytes() == rows[:committed].tobytes()
    assert world.broken(run) == []


def test_a_tape_that_is_shorter_than_the_store_knows_is_refused(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_KEPT_BYTES", 0)  # as if every transaction had told of too much
    world, _ = lossy_world(tmp_path, store)
    world.play()
    (path,) = (world.folder / "runs" / world.run_id).glob("events-*.tape")
    path.write_bytes(b"")
    with pytest.raises(TapeBroken, match="the store knows row"):
        world.play()


def test_a_recorded_row_that_tells_nothing_new_ends_the_start(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = {2: ("buy",), 4: ("close",)}
    world = World(tmp_path, script, flat_prices(7), run_id="TWICE", account="SIM-TWICE", shared_store=store)
    world.play()

    def doubled(*args: Any, **options: Any) -> Any:
        found = inherit(*args, **options)
        first, second = sorted(found.fill_of)[:2]
        found.fill_of[second] = found.fill_of[first]
        return found

    monkeypatch.setattr(life, "inherit", doubled)
    with pytest.raises(TapeBroken, match="tells nothing that the rows before"):
        world.play()


def test_a_run_is_not_gone_on_with_other_settings(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.play()
    with pytest.raises(StoreMismatch, match="other settings"):
        inherit(store, world.run_id, world.folder / "runs" / world.run_id, "other", is_stepped=False)


def test_a_run_fed_again_stands_where_it_stood(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: ("buy",)})
    first = world.play()

    def stands(run: Any) -> list[tuple[Any, ...]]:
        return [(name, order.state, order.filled, order.broker_id) for name, order in run.book.by_client.items()]

    core = first.core.engine.fingerprint()
    loop = world.clock.fresh_loop()
    again = world.wire()
    loop.run_until_complete(again.start())
    assert stands(again) == stands(first)
    assert again.core.engine.fingerprint() == core
    assert again.present.units() == {SYMBOL: 10.0}


# --- requests


def _book(intent: Intent, state: OrderState) -> OrderBook:
    request = OrderRequest("TM1", SYMBOL, Side.BUY, OrderType.MARKET, TimeInForce.DAY, 10.0, intent=intent, number=1)
    book = OrderBook()
    book.add(LiveOrder(request, 0, 0, "s", quantity=10.0, state=state))
    return book


def _row(action: str, state: str, attempt: int = 0) -> OutboxRow:
    key = f"TM1/{action}" + (f"~{attempt}" if attempt else "")
    body = '{"quantity": 4.0, "stop_price": 0.0}' if action == "replace" else ""
    return OutboxRow(key, "R", "TM1", action, body, state, attempt=attempt)


@pytest.mark.parametrize(
    ("intent", "state", "rows", "wanted"),
    [
        (Intent.ENTRY, OrderState.SENDING, [_row("submit", "PENDING")], "expired"),
        (Intent.PROTECT, OrderState.SENDING, [_row("submit", "PENDING")], "unsent"),
        (Intent.ENTRY, OrderState.SENDING, [_row("submit", "SENDING")], "doubts"),
        (Intent.ENTRY, OrderState.UNKNOWN, [_row("submit", "UNKNOWN")], "doubts"),
        (Intent.ENTRY, OrderState.SENDING, [_row("submit", "DONE")], "doubts"),  # answered, its report not taken
        (Intent.ENTRY, OrderState.SENDING, [_row("submit", "DROPPED")], "expired"),
        (Intent.PROTECT, OrderState.SENDING, [_row("submit", "DROPPED"), _row("submit", "PENDING", 1)], "unsent"),
        (Intent.PROTECT, OrderState.SENDING, [_row("submit", "DROPPED"), _row("submit", "SENDING", 1)], "doubts"),
        (Intent.ENTRY, OrderState.WORKING, [_row("submit", "DONE")], ""),
        (Intent.ENTRY, OrderState.FILLED, [_row("submit", "SENDING")], ""),
        (Intent.ENTRY, OrderState.CANCEL_PENDING, [_row("submit", "DONE"), _row("cancel", "PENDING")], "unsent"),
        (Intent.ENTRY, OrderState.CANCEL_PENDING, [_row("submit", "DONE"), _row("cancel", "SENDING")], "doubts"),
        (Intent.PROTECT, OrderState.REPLACE_PENDING, [_row("submit", "DONE"), _row("replace", "UNKNOWN")], "doubts"),
    ],
)
def test_what_an_earlier_process_left_open_is_settled_by_its_newest_attempt(
    intent: Intent, state: OrderState, rows: list[OutboxRow], wanted: str
) -> None:
    told = leftovers({row.key: row for row in rows}, _book(intent, state))
    found = {name: len(getattr(told, name)) for name in ("doubts", "unsent", "expired")}
    assert found == {name: int(name == wanted) for name in found}
    if wanted:
        (item,) = getattr(told, wanted)
        assert item.row.key == rows[-1].key
        assert item.quantity == (4.0 if item.action == "replace" else 0.0)


def test_a_run_that_another_build_goes_on_with_is_told_and_each_order_names_its_own(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: ("buy",), 12: ("close",)}, prices=flat_prices(7), tail_s=3.0)
    world.play()
    known = store.run(world.run_id)
    store.commit(Batch(runs=[replace(known, build="b0")]))
    world.prices = flat_prices(14)
    run = world.play()
    (alert,) = [alert for alert in run.alerts if alert.kind == "OTHER_BUILD"]
    assert alert.text.startswith("Build b0 worked on it last, b1 goes on;")
    assert store.run(world.run_id).build == "b1"
    assert [row.body for row in store.tape(world.run_id) if row.kind == "other_build"] == [b"b0"]
    assert {row.build for row in store.intents(world.run_id)} == {"b1"}
    assert [alert for alert in world.play().alerts if alert.kind == "OTHER_BUILD"] == []
