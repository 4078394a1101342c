"""What every store promises, asked of SQLite and of PostgreSQL alike."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace

import pytest

from journal_rows import AWKWARD, LARGE, command, entry, fill, filled, order_batch, request, run_row, tape_rows
from tidemill.adapters.sql import open_store
from tidemill.adapters.sql.connect import make_engine, parse_url
from tidemill.adapters.sql.read_tables import READ_TABLES, key_of
from tidemill.adapters.sql.session import Session
from tidemill.model.chain import verify_tape
from tidemill.model.errors import InvariantBroken, LeaseLost, StoreError
from tidemill.model.journal import (
    AlertRow,
    AnswerRow,
    Batch,
    GuardRow,
    OrderRecord,
    ProjectionRow,
    ReconRow,
    RunRow,
    SnapshotRow,
    ViolationRow,
)

pytest_plugins = ["databases"]

SECOND = 1_000_000_000


@pytest.fixture
def store(store_url):
    with open_store(store_url, patience_ms=300) as opened:
        yield opened


@pytest.fixture
def other(store_url):
    with open_store(store_url, patience_ms=300) as opened:
        yield opened


# --- rows come back as they were written


def test_every_row_comes_back_as_it_was_written(store, other) -> None:
    batch = order_batch("TM1")
    batch.runs = [run_row(spec=AWKWARD, started_ns=LARGE, ended_ns=-LARGE)]
    batch.tape = tape_rows(3)
    batch.fills = [fill("x1", flags="LATE_FILL,OVERFILL", fee_micros=-5)]
    batch.ledger = [entry("x1|cash", "USD", "-1234567890123456.123456")]
    batch.guard = [GuardRow("system", "HALTED", AWKWARD, "ada", 5)]
    batch.violations = [filled(ViolationRow, run_id="R", resolved_ns=0)]
    batch.alerts = [filled(AlertRow, run_id="R", delivered_ns=0)]
    batch.recon = [filled(ReconRow, account="A")]
    batch.snapshots = [SnapshotRow("R", 4, "f", bytes(range(256)))]
    store.commit(batch)
    for reader in (store, other):
        assert reader.run("R") == batch.runs[0]
        assert reader.runs() == batch.runs
        assert reader.tape("R") == batch.tape
        assert reader.last_tape("R") == batch.tape[-1]
        assert reader.intents("R") == batch.intents
        assert reader.outbox("R") == batch.outbox
        assert reader.orders("R") == batch.orders
        assert reader.fills("R") == batch.fills
        assert reader.ledger("A") == reader.ledger("A", "R") == batch.ledger
        assert reader.guard() == batch.guard
        assert reader.violations() == reader.violations("R", unresolved=True) == batch.violations
        assert reader.alerts(undelivered=True) == batch.alerts
        assert reader.recon_runs("A") == batch.recon
        assert reader.last_snapshot("R") == batch.snapshots[0]
    verify_tape(other.tape("R"))


def test_what_is_not_there_is_none_or_empty(store) -> None:
    assert store.run("?") is None and store.last_tape("?") is None and store.last_snapshot("?") is None
    assert store.command("?") is None and store.epoch("?") == 0
    assert store.runs() == store.tape("?") == store.intents("?") == store.outbox("?", ["SENDING"]) == []
    assert store.orders("?") == store.fills("?") == store.guard() == store.new_commands() == []
    assert store.balances("?") == store.heartbeats() == {}
    store.commit(Batch(account="nobody's", epoch=7))  # writes nothing, so it needs no lease


def test_rows_come_in_the_order_their_reader_needs(store) -> None:
    rows = tape_rows(5)
    for row in rows:
        store.commit(Batch(tape=[row]))
    assert store.tape("R", after_seq=3) == rows[3:]
    store.commit(Batch(runs=[run_row("old", started_ns=1), run_row("new", started_ns=2)]))
    assert [row.run_id for row in store.runs()] == ["new", "old"]
    late, early = fill("late", seq=9), fill("early", seq=2)
    store.commit(Batch(fills=[late, early, fill("same", seq=9)]))
    assert [row.exec_id for row in store.fills("R")] == ["early", "late", "same"]
    orders = [filled(OrderRecord, client_id=f"o{at}", run_id="R", created_ns=at) for at in (3, 1, 2)]
    store.commit(Batch(orders=orders))
    assert [row.client_id for row in store.orders("R")] == ["o1", "o2", "o3"]


def test_requests_keep_their_order_of_writing_when_they_change(store) -> None:
    store.commit(Batch(outbox=[request("b"), request("a")]))
    store.commit(Batch(outbox=[request("c"), request("b", state="DONE")]))
    assert [(row.client_id, row.state) for row in store.outbox("R")] == [
        ("b", "DONE"),
        ("a", "PENDING"),
        ("c", "PENDING"),
    ]
    assert [row.client_id for row in store.outbox("R", ["DONE", "UNKNOWN"])] == ["b"]


# --- exactly once


def test_a_known_fill_and_a_known_entry_are_left_as_they_are(store) -> None:
    first, booked = fill("x", price="10"), entry("x|cash", "USD", "-10")
    store.commit(Batch(fills=[first, replace(first, price="12")], ledger=[booked, replace(booked, delta="-11")]))
    store.commit(Batch(fills=[replace(first, price="11", seq=99)], ledger=[replace(booked, delta="-99")]))
    assert store.fills("R") == [first]
    assert store.ledger("A") == [booked]
    store.commit(Batch(fills=[replace(first, account="B"), replace(first, broker="other")]))
    assert len(store.fills("R")) == 3  # the same number of another account or broker is another fill


def test_states_move_on_by_key(store) -> None:
    alert = AlertRow("a1", "R", 1, "halt", "text", 3)
    violation = ViolationRow("v1", "R", "run:R", "daily_loss", "CRITICAL", "text", 3)
    store.commit(Batch(runs=[run_row()], alerts=[alert], violations=[violation]))
    store.commit(
        Batch(
            runs=[run_row(state="STOPPED")],
            alerts=[replace(alert, delivered_ns=9)],
            violations=[replace(violation, resolved_ns=9, resolved_by="ada")],
            guard=[GuardRow("system", "HALTED", "loss", "engine", 1), GuardRow("system", "CLEAR", "fine", "ada", 2)],
        )
    )
    run = store.run("R")
    assert run is not None and run.state == "STOPPED"
    assert store.alerts(undelivered=True) == store.violations(unresolved=True) == []
    assert [row.resolved_by for row in store.violations("R")] == ["ada"]
    assert store.guard() == [GuardRow("system", "CLEAR", "fine", "ada", 2)]


# --- all of it, or nothing


def test_an_intent_that_is_already_there_is_refused_with_everything_beside_it(store) -> None:
    store.commit(order_batch("TM1"))
    again = order_batch("TM1", seq=2)
    again.fills = [fill("x")]
    with pytest.raises(StoreError, match="nothing was written"):
        store.commit(again)
    assert len(store.tape("R")) == len(store.intents("R")) == 1
    assert store.fills("R") == []


def test_two_tape_rows_cannot_carry_on_the_same_row(store, other) -> None:
    rows = tape_rows(2)
    store.commit(Batch(tape=rows))
    with pytest.raises(StoreError, match="nothing was written"):
        other.commit(Batch(tape=[replace(rows[1], hash="another")], fills=[fill("x")]))
    assert store.tape("R") == rows and store.fills("R") == []


@pytest.mark.parametrize("state", ["SENDING", "DONE", "UNKNOWN", "DROPPED"])
def test_a_request_on_its_way_never_waits_again(store, state) -> None:
    store.commit(Batch(outbox=[request("a"), request("b")]))
    store.commit(Batch(outbox=[request("a", state=state)]))
    with pytest.raises(StoreError, match="was to wait again; nothing was written"):
        store.commit(Batch(outbox=[request("b", text="new"), request("a")], fills=[fill("x")]))
    assert [row.state for row in store.outbox("R")] == [state, "PENDING"]
    assert store.fills("R") == []


@pytest.mark.parametrize(
    "batch",
    [
        Batch(outbox=[request("a", state="SENT")]),
        Batch(guard=[GuardRow("system", "MAYBE", "", "", 1)]),
        Batch(runs=[run_row(started_ns=2**63)]),
        Batch(runs=[run_row(message="\ud800")]),
        Batch(runs=[run_row(message=None)]),
        Batch(runs=[run_row(started_ns="soon")]),
    ],
    ids=["outbox state", "guard state", "large number", "half a character", "nothing", "text for a number"],
)
def test_what_is_no_value_of_its_column_is_refused(store, batch) -> None:
    batch.tape = tape_rows(1)
    with pytest.raises(StoreError, match="nothing was written"):
        store.commit(batch)
    assert store.tape("R") == []
    store.commit(Batch(tape=tape_rows(1)))


# --- leases


def test_epochs_only_rise_whoever_owns_the_lease(store, other) -> None:
    first = store.take_lease("A", "one", 0, SECOND)
    again = store.take_lease("A", "one", 1, SECOND)
    store.release_lease(again)
    taken = other.take_lease("A", "two", 2, SECOND)
    elsewhere = store.take_lease("B", "one", 2, SECOND)
    assert [first.epoch, again.epoch, taken.epoch, elsewhere.epoch] == [1, 2, 3, 1]
    assert store.epoch("A") == 3
    assert taken.expires_ns == 2 + SECOND


def test_a_lease_is_taken_from_another_only_when_it_has_run_out(store, other) -> None:
    store.take_lease("A", "one", 0, SECOND)
    with pytest.raises(LeaseLost, match=r"one owns it for another 0\.5 s"):
        other.take_lease("A", "two", SECOND // 2, SECOND)
    assert store.epoch("A") == 1
    assert other.take_lease("A", "two", SECOND, SECOND).epoch == 2


def test_a_lease_is_prolonged_until_somebody_took_it(store, other) -> None:
    lease = store.take_lease("A", "one", 0, SECOND)
    lease = store.renew_lease(lease, 5 * SECOND, SECOND)  # run out, but nobody came
    assert lease.expires_ns == 6 * SECOND
    with pytest.raises(LeaseLost):
        other.take_lease("A", "two", 5 * SECOND, SECOND)
    other.take_lease("A", "two", 7 * SECOND, SECOND)
    with pytest.raises(LeaseLost):
        store.renew_lease(lease, 7 * SECOND, SECOND)
    store.release_lease(lease)  # harmless: it is lost already
    assert store.epoch("A") == 2
    with pytest.raises(LeaseLost):
        store.take_lease("A", "one", 7 * SECOND, SECOND)


def test_a_batch_of_a_lost_lease_writes_nothing(store, other) -> None:
    lease = store.take_lease("A", "one", 0, SECOND)
    store.commit(order_batch("TM1", epoch=lease.epoch))
    other.take_lease("A", "two", 2 * SECOND, SECOND)
    with pytest.raises(LeaseLost, match="nothing was written"):
        store.commit(order_batch("TM2", epoch=lease.epoch, seq=2))
    with pytest.raises(LeaseLost):
        store.commit(order_batch("TM3", account="never leased", epoch=1, seq=3))
    assert [row.client_id for row in store.outbox("R")] == ["TM1"]
    store.commit(order_batch("TM4", seq=4))  # asks for no lease
    assert len(store.tape("R")) == 2


def test_a_request_is_claimed_once_and_only_by_the_owner(store, other) -> None:
    lease = store.take_lease("A", "one", 0, SECOND)
    store.commit(order_batch("TM1", epoch=lease.epoch))
    key = "TM1:submit:0"
    assert not store.claim("no such request", "A", lease.epoch, 5)
    assert store.claim(key, "A", lease.epoch, 5)
    (row,) = other.outbox("R")
    assert (row.state, row.epoch, row.sent_ns) == ("SENDING", lease.epoch, 5)
    assert not other.claim(key, "A", lease.epoch, 6)
    store.commit(order_batch("TM2", epoch=lease.epoch, seq=2))
    taken = other.take_lease("A", "two", 2 * SECOND, SECOND)
    for epoch in (lease.epoch, 0):
        with pytest.raises(LeaseLost):
            store.claim("TM2:submit:0", "A", epoch, 7)
    assert [row.client_id for row in store.outbox("R", ["PENDING"])] == ["TM2"]
    assert other.claim("TM2:submit:0", "A", taken.epoch, 8)


def test_of_many_who_want_a_lease_at_once_one_gets_it(store_url) -> None:
    outcomes: list[str] = []
    gate = threading.Barrier(4)

    def want(name: str) -> None:
        with open_store(store_url) as own:
            gate.wait()
            try:
                outcomes.append(f"epoch {own.take_lease('A', name, 0, SECOND).epoch}")
            except LeaseLost:
                outcomes.append("lost")

    threads = [threading.Thread(target=want, args=(f"owner {at}",)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["epoch 1", "lost", "lost", "lost"]


def test_two_who_write_at_once_take_turns(store_url) -> None:
    def write(name: str) -> None:
        with open_store(store_url) as own:
            lease = own.take_lease(name, name, 0, SECOND)
            for row in tape_rows(40, run_id=name):
                own.commit(Batch(name, lease.epoch, tape=[row]))

    threads = [threading.Thread(target=write, args=(name,)) for name in "ABC"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_store(store_url) as reader:
        assert [len(reader.tape(name)) for name in "ABC"] == [40] * 3


# --- ledger


def test_balances_are_exact_sums_by_asset(store) -> None:
    cents = [entry(f"c{at}", "USD", "0.1") for at in range(10)]
    large = [entry("l1", "BTC", "123456789012345678901234567890.000000001"), entry("l2", "BTC", "-0.000000001")]
    flat = [entry("f1", "NQ", "2"), entry("f2", "NQ", "-2.0"), entry("r2", "USD", "5", run_id="R2")]
    store.commit(Batch(ledger=[*cents, *large, *flat, entry("o", "USD", "7", account="B")]))
    assert store.balances("A") == {"BTC": "123456789012345678901234567890", "NQ": "0", "USD": "6"}
    assert store.balances("A", "R") == {"BTC": "123456789012345678901234567890", "NQ": "0", "USD": "1"}


# --- commands and heartbeats


def test_a_command_is_stored_once(store, other) -> None:
    first = command("k1", body_hash="aa", at_ns=1)
    assert store.put_command(first) == first
    assert other.put_command(replace(first, body="other", body_hash="bb")) == first
    assert store.new_commands() == [first]


def test_commands_stay_until_they_are_answered(store) -> None:
    for key, run_id in (("k1", "R"), ("k2", "S"), ("k3", "R")):
        store.put_command(command(key, run_id=run_id))
    store.answer_commands([AnswerRow("k1", "TAKEN", "")])
    assert [(row.key, row.state) for row in store.new_commands("R")] == [("k1", "TAKEN"), ("k3", "NEW")]
    store.answer_commands([AnswerRow("k1", "DONE", AWKWARD)])
    assert [row.key for row in store.new_commands()] == ["k2", "k3"]
    assert store.command("k1") == command("k1", state="DONE", answer=AWKWARD)
    with pytest.raises(StoreError, match="no command 'k9'"):
        store.answer_commands([AnswerRow("k9", "DONE", "")])


def test_the_last_heartbeat_of_each_process_is_kept(store) -> None:
    for name, at, body in (("engine", 1, "a"), ("watchdog", 2, "b"), ("engine", 3, "c")):
        store.heartbeat(name, at, body)
    assert store.heartbeats() == {"engine": (3, "c"), "watchdog": (2, "b")}


# --- read tables


@pytest.mark.parametrize("name", sorted(READ_TABLES))
def test_a_read_row_comes_back_typed_and_replaces_the_one_of_its_key(store, name) -> None:
    table = READ_TABLES[name]
    kinds = {column.name: column.type.python_type for column in table.columns}
    made = {str: "text", int: 7, float: 0.25}
    key = tuple("R" if part == "run_id" else {str: "k", int: 3}[kinds[part]] for part in key_of(table))
    values = {part: made[kind] for part, kind in kinds.items() if part not in key_of(table)}
    store.commit(Batch(projections=[ProjectionRow(name, key, values)]))
    whole = dict(zip(key_of(table), key, strict=True)) | values
    assert store.projection(name) == [whole]
    one = next(iter(values))
    store.commit(Batch(projections=[ProjectionRow(name, key, {one: values[one]})]))
    assert store.projection(name) == [whole | dict.fromkeys(values) | {one: values[one]}]
    store.commit(Batch(projections=[ProjectionRow(name, ("S", *key[1:]), values)]))
    store.clear_projections("R")
    assert [row["run_id"] for row in store.projection(name)] == ["S"]


def test_read_rows_are_found_by_columns_and_come_by_key(store) -> None:
    rows = [ProjectionRow("round_trips", ("R", n), {"symbol": "AB"[n % 2], "pnl_micros": n}) for n in (10, 9, 2)]
    store.commit(Batch(projections=rows))
    assert [row["number"] for row in store.projection("round_trips")] == [2, 9, 10]
    assert [row["pnl_micros"] for row in store.projection("round_trips", {"symbol": "A", "run_id": "R"})] == [2, 10]


def test_a_read_row_holds_no_bool_and_no_nan(store) -> None:
    values = {"trades": True, "win_rate_pct": float("nan"), "profit_factor": 2, "sharpe_ratio": -0.5}
    store.commit(Batch(projections=[ProjectionRow("risk_metrics", ("R", "day", 19_000), values)]))
    (row,) = store.projection("risk_metrics")
    assert (row["trades"], row["win_rate_pct"], row["sharpe_ratio"]) == (1, None, -0.5)
    assert isinstance(row["profit_factor"], float)


def test_what_is_no_read_table_or_column_is_a_defect(store) -> None:
    for row in (
        ProjectionRow("runs", ("R",), {}),
        ProjectionRow("positions", ("R", "s"), {}),
        ProjectionRow("positions", ("R", "s", "AAPL"), {"colour": 1}),
    ):
        with pytest.raises(InvariantBroken):
            store.commit(Batch(tape=tape_rows(1), projections=[row]))
    with pytest.raises(InvariantBroken):
        store.projection("positions", {"colour": 1})
    with pytest.raises(InvariantBroken):
        store.projection("tape")
    assert store.tape("R") == []


def test_the_newest_three_snapshots_of_each_run_are_kept(store, store_url) -> None:
    for seq in range(1, 7):
        store.commit(Batch(snapshots=[SnapshotRow("R", seq, "f", b"x"), SnapshotRow("S", 9, f"{seq}", b"y")]))
    assert store.last_snapshot("R") == SnapshotRow("R", 6, "f", b"x")
    assert store.last_snapshot("S") == SnapshotRow("S", 9, "6", b"y")
    with closing(Session(make_engine(parse_url(store_url), 300))) as session:
        kept = session.read("SELECT run_id, seq FROM snapshots ORDER BY run_id, seq")
    assert kept == [("R", 4), ("R", 5), ("R", 6), ("S", 9)]


# --- one thread, one life


def test_a_store_belongs_to_the_thread_that_opened_it(store) -> None:
    failures: list[str] = []

    def use() -> None:
        for call in (store.guard, lambda: store.heartbeat("x", 1, ""), store.close):
            try:
                call()
            except InvariantBroken as error:
                failures.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(failures) == 3
    assert all("thread" in text for text in failures)
    assert store.heartbeats() == {}


def test_a_closed_store_says_so(store_url) -> None:
    closed = open_store(store_url)
    closed.close()
    closed.close()
    with pytest.raises(StoreError, match="closed"):
        closed.runs()
    with pytest.raises(StoreError, match="closed"):
        closed.commit(Batch(runs=[RunRow("R", "a", "{}", "h", "paper", "sim", "A", "b", "RUNNING")]))


def test_an_error_inside_a_write_leaves_the_store_usable(store) -> None:
    with pytest.raises(AttributeError):
        store.commit(Batch(tape=tape_rows(1), fills=["no fill"]))
    assert store.tape("R") == []
    store.commit(Batch(tape=tape_rows(1)))
    store.check()
    assert len(store.tape("R")) == 1
