"""Mute, pause, link, account, timer: each refuses or closes what it says, exits pass, all can be said twice."""

from __future__ import annotations

import numpy as np
import pytest

from naive.scenario import START
from tidemill.engine.engine import Engine
from tidemill.kernel.replay import feed_rows
from tidemill.model.enums import EventKind, Link, Operator, Session, Timer
from tidemill.model.records import EVENT
from unit.kernel.live_core import LiveCore, do

OFF = {
    "MUTE": (EventKind.OPERATOR, Operator.MUTE, Operator.UNMUTE, "WARMING_UP"),
    "PAUSE": (EventKind.OPERATOR, Operator.PAUSE, Operator.GO_ON, "PAUSED"),
    "HALT": (EventKind.OPERATOR, Operator.HALT, Operator.RESUME, "HALTED"),
    "LINK": (EventKind.LINK, Link.DOWN, Link.UP, "LINK_DOWN"),
}


@pytest.mark.parametrize("name", OFF)
def test_entries_wait_and_exits_pass(name: str) -> None:
    kind, off, on, refusal = OFF[name]
    script = {0: do("buy", quantity=10), 1: do("buy", quantity=1, add=1), 2: do("close"), 3: do("buy", quantity=2)}
    core = LiveCore(script, stop_loss_pct=5.0)
    core.long()
    assert core.feed(kind, code=int(off)) == core.feed(kind, code=int(off)) == []
    core.bar(100)
    assert core.refusals == [refusal]
    core.bar(100)
    core.fill(core.commands[0]["order"], 10, 100)
    assert core.position == 0.0
    assert core.feed(kind, code=int(on)) == core.feed(kind, code=int(on)) == []
    core.bar(100)
    assert core.said == [("SUBMIT", "SIGNAL", 2.0)] and core.refusals == [refusal]


def test_a_muted_strategy_steps_and_learns() -> None:
    core = LiveCore({0: do("buy", quantity=1), 1: do("buy", quantity=1)}, warmup_bars=1)
    core.operator(Operator.MUTE)
    core.bar(100)
    core.operator(Operator.UNMUTE)
    core.bar(100)
    assert core.said == [("SUBMIT", "SIGNAL", 1.0)] and int(core.slot["bars_seen"]) == 2


def test_resuming_ends_no_pause() -> None:
    core = LiveCore({0: do("buy", quantity=1)})
    core.operator(Operator.PAUSE)
    core.operator(Operator.RESUME)
    core.bar(100)
    assert core.refusals == ["PAUSED"]


def test_a_link_of_unknown_state_is_down() -> None:
    core = LiveCore({0: do("buy", quantity=1)})
    core.feed(EventKind.LINK, code=5)
    core.bar(100)
    assert core.refusals == ["LINK_DOWN"]


def test_the_brokers_buying_power_counts_where_it_is_lower() -> None:
    ask = {number: do("buy", quantity=quantity, add=1) for number, quantity in enumerate((400, 601, 600, 1, 9_000))}
    core = LiveCore(ask)
    core.long(400)
    core.feed(EventKind.ACCOUNT_SNAPSHOT, instrument=-1, money=60_000 * 1_000_000)
    core.bar(100)
    assert core.refusals == ["BUYING_POWER"]
    core.bar(100)
    core.fill(core.commands[0]["order"], 600, 100)
    core.bar(100)
    assert core.refusals == ["BUYING_POWER"] * 2  # the rest of what it granted is used up
    core.feed(EventKind.ACCOUNT_SNAPSHOT, instrument=-1, money=-1)
    core.bar(100)
    assert core.refusals == ["BUYING_POWER"] * 2 and core.said[0][2] == 9_000.0


def test_the_brokers_buying_power_never_widens_our_own() -> None:
    core = LiveCore({0: do("buy", quantity=20_001)})
    core.feed(EventKind.ACCOUNT_SNAPSHOT, instrument=-1, money=10**15)
    core.bar(100)
    assert core.refusals == ["BUYING_POWER"]


def test_a_timer_closes_before_the_session_ends_when_no_bar_comes() -> None:
    core = LiveCore({0: do("buy", quantity=10)}, sessions=[(START, START + 600 * 10**9)], flat_before_close_min=5.0)
    core.long()
    for seconds, said in ((239, []), (1, [("SUBMIT", "SESSION_END", 10.0)]), (1, [])):
        core.later(seconds)
        core.feed(EventKind.TIMER, instrument=-1, code=int(Timer.SESSION_END))
        assert core.said == said


def test_protection_for_which_there_is_no_room_is_counted() -> None:
    core = LiveCore(stop_loss_pct=5.0, take_profit_pct=10.0)
    core.bar(100)
    core.engine.state.header["free_order"] = -1
    core.adjust(10, 100)
    assert (core.said, core.count("unprotected"), core.position) == ([], 2, 10.0)


def test_a_session_change_changes_nothing() -> None:
    core = LiveCore({0: do("buy", quantity=10)})
    core.long()
    before = core.slot.tobytes() + core.account.tobytes()
    core.feed(EventKind.SESSION_CHANGE, code=int(Session.CLOSED))
    assert core.slot.tobytes() + core.account.tobytes() == before and core.commands == []


# rows in a row


def _stream(count: int) -> np.ndarray:
    """Return bars, quotes and trades on which a script trades now and then."""
    rows = np.zeros(count, EVENT)
    generator = np.random.default_rng(5)
    minute = 60_000_000_000
    prices = np.round(100 + np.cumsum(generator.normal(0, 0.1, count)), 2)
    for number, row in enumerate(rows):
        kind = (EventKind.TRADE, EventKind.QUOTE, EventKind.BAR)[number % 3]
        begin = START + number // 3 * minute
        row["kind"], row["row"], row["ts_ns"], row["now_ns"] = int(kind), -1, begin, begin + minute
        for name in ("open", "high", "low", "close", "bid", "ask"):
            row[name] = prices[number]
        row["volume"], row["interval_ns"] = 100.0, minute if kind is EventKind.BAR else 0
    return rows


def _core() -> LiveCore:
    return LiveCore({number: do("buy", quantity=1, limit=50, tif="ioc") for number in range(0, 300, 7)})


def _bytes(engine: Engine) -> bytes:
    return engine.fingerprint() + engine.tape.content()


@pytest.mark.parametrize("stride", [EVENT.itemsize, EVENT.itemsize + 24])
def test_feeding_rows_equals_feeding_them_one_by_one(stride: int) -> None:
    rows = _stream(900)
    one = _core()
    alone = []
    for at, row in enumerate(rows):
        one.engine.event[0] = row
        if one.engine.feed():
            alone.append((at, one.engine.commands.tobytes()))
    room = np.zeros(len(rows) * stride, np.uint8)
    for at, row in enumerate(rows):
        room[at * stride : at * stride + EVENT.itemsize] = np.frombuffer(row.tobytes(), np.uint8)
    many = _core()
    together, at = [], 0
    while at < len(rows):
        taken = many.engine.feed_rows(int(room.ctypes.data) + at * stride, stride, len(rows) - at)
        assert taken > 0
        at += taken
        if len(many.engine.commands):
            together.append((at - 1, many.engine.commands.tobytes()))
    assert together == alone and len(alone) > 0
    assert _bytes(many.engine) == _bytes(one.engine)


def test_feeding_rows_stops_before_the_tape_is_full() -> None:
    core = LiveCore({number: do("buy", quantity=1e9) for number in range(300)})  # one refusal per bar
    engine, rows = core.engine, _stream(900)
    small = engine.tape.tables["refusals"] = np.zeros(150, engine.tape.tables["refusals"].dtype)
    engine.tape.header["refusals"], engine.tape.header["n_refusals"] = small.ctypes.data, len(small)
    taken, stops = 0, 0
    while taken < len(rows) and stops < 9:
        done = engine.feed_rows(int(rows.ctypes.data) + taken * EVENT.itemsize, EVENT.itemsize, len(rows) - taken)
        taken += done
        if not done:
            stops += 1
            engine.tape.grow(16 + 4 * len(engine.state.tables["orders"]))
    assert stops > 0 and core.refusals == ["BUYING_POWER"] * 300
    assert int(engine.state.header["seq"][0]) == 900
    assert feed_rows(engine.state.address, engine.tape.address, int(engine.code.ctypes.data), 0, 0, 0) == 0
