"""The watchdog acts on the engine's silence only, once per need, and never flattens on doubt (P5, P13, P14)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tidemill.model.broker import AccountFacts, BrokerOrder, BrokerPosition, Page
from tidemill.model.enums import Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import LeaseLost, LinkDown, StoreError, UnknownOrder
from tidemill.model.journal import OrderRecord, RunRow
from tidemill.ports.store import Lease
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.runtime.guard.heartbeat import Beat, read_beat, write_beat
from tidemill.runtime.guard.silence import Sight, Step, Watch, WatchSettings, decide, orders_to_cancel
from tidemill.runtime.watch.watchdog import Watchdog

SECOND = 1_000_000_000
SOURCE = Path(__file__).resolve().parents[4] / "src/tidemill/runtime/watch/watchdog.py"


class VirtualClock:
    def __init__(self) -> None:
        self.now, self.mono = 1_000 * SECOND, 50 * SECOND

    def now_ns(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        return self.mono

    async def sleep(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.mono += int(seconds * SECOND)


def shown(name: str, symbol: str = "AAPL", side: Side = Side.BUY, quantity: float = 10.0, **values: Any) -> BrokerOrder:
    state = values.pop("state", OrderState.WORKING)
    kind = values.pop("type", OrderType.LIMIT)
    return BrokerOrder(name, f"b-{name}", symbol, side, kind, TimeInForce.DAY, quantity, 0.0, 0.0, state, **values)


class Account:
    """A broker account in memory."""

    name = "paper"

    def __init__(self, positions: dict[str, float] | None = None, working: list[BrokerOrder] | None = None) -> None:
        self.held, self.working = positions or {}, working or []
        self.cancelled: list[str] = []
        self.sent: list = []
        self.opened = self.closed = 0
        self.is_down, self.is_complete, self.refuses_cancel = False, True, False

    async def open(self, _sink) -> AccountFacts:
        if self.is_down:
            raise LinkDown("no connection")
        self.opened += 1
        return AccountFacts("A1", "paper", "USD", 0, 0, 0)

    async def close(self) -> None:
        self.closed += 1

    async def positions(self) -> Page[BrokerPosition]:
        return Page(tuple(BrokerPosition(name, units, 1.0) for name, units in self.held.items()), self.is_complete)

    async def orders(self, _since_ns: int) -> Page[BrokerOrder]:
        return Page(tuple(self.working), self.is_complete)

    async def cancel(self, client_id: str, _broker_id: str) -> None:
        if self.refuses_cancel:
            raise UnknownOrder("gone")
        self.cancelled.append(client_id)
        self.working = [order for order in self.working if order.client_id != client_id]

    async def submit(self, request):
        self.sent.append(request)
        self.held[request.symbol] += request.quantity * request.side


class Database:
    """A store in memory that can be locked."""

    def __init__(self) -> None:
        self.beats: dict[str, tuple[int, str]] = {}
        self.is_locked = self.is_owned = False
        self.records: list[OrderRecord] = []
        self.reads = self.released = 0

    def _answer(self) -> None:
        self.reads += 1
        if self.is_locked:
            raise StoreError("locked")

    def heartbeats(self):
        self._answer()
        return self.beats

    def heartbeat(self, name: str, now_ns: int, body: str) -> None:
        self.beats[name] = (now_ns, body)

    def runs(self):
        return [RunRow("R1", "a", "", "", "paper", "paper", "A1", "", "RUNNING")]

    def orders(self, _run_id: str):
        return self.records

    def take_lease(self, account: str, owner: str, now_ns: int, ttl_ns: int) -> Lease:
        self._answer()
        if self.is_owned:
            raise LeaseLost("an engine has it")
        return Lease(account, 2, owner, now_ns + ttl_ns)

    def release_lease(self, _lease: Lease) -> None:
        self.released += 1


def record(name: str, intent: str) -> OrderRecord:
    return OrderRecord(
        name, "R1", "", "AAPL", "BUY", "LIMIT", "DAY", intent, "", "10", "0", "", "", "", "WORKING", 0, 0
    )


class Scene:
    """A watchdog with everything around it."""

    def __init__(self, folder: Path, account: Account | None = None, **settings: Any) -> None:
        self.clock, self.account, self.store = VirtualClock(), account or Account(), Database()
        self.file, self.halts = folder / "tidemill.db.beat", Halts(folder / "halts")
        self.alerts: list[tuple[int, str, str]] = []
        self.beats = 0
        self.dog = Watchdog(
            "A1",
            "paper",
            broker=self.account,
            store=self.store,
            clock=self.clock,
            halts=self.halts,
            alert=self._alert,
            beat_file=self.file,
            settings=WatchSettings(**settings),
        )

    async def _alert(self, severity: int, kind: str, text: str) -> None:
        self.alerts.append((severity, kind, text))

    def beat(self, state: str = "RUNNING") -> None:
        self.beats += 1
        write_beat(self.file, Beat(self.beats, self.clock.now, state))
        if not self.store.is_locked:
            self.store.beats["engine"] = (self.clock.now, state)

    def live(self, seconds: int, *, beating: bool = True) -> list[Step]:
        steps: list[Step] = []
        for _ in range(seconds):
            if beating:
                self.beat()
            steps += asyncio.run(self.dog.look())
            self.clock.pass_time(1.0)
        return steps

    def silent(self, seconds: int) -> list[Step]:
        return self.live(seconds, beating=False)

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.alerts]


def test_the_watchdog_is_a_small_program() -> None:
    assert len(SOURCE.read_text(encoding="utf-8").splitlines()) < 300


def test_a_living_engine_is_left_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert scene.live(300) == []
    assert (scene.account.opened, scene.alerts) == (0, [])
    assert "watchdog" in scene.store.beats


def test_ten_seconds_call_thirty_cancel_and_stops_stay_p5(tmp_path: Path) -> None:
    stop = shown("S", side=Side.SELL, type=OrderType.STOP)
    scene = Scene(tmp_path, Account({"AAPL": 10.0}, [shown("E"), stop, shown("N", "MSFT")]))
    scene.live(5)
    assert scene.silent(9) == []
    assert scene.silent(1) == [Step.ALERT] and scene.alerts[0][:2] == (1, "engine_silent")
    assert scene.silent(19) == [] and scene.account.cancelled == []
    assert scene.silent(1) == [Step.CANCEL_ENTRIES]
    assert scene.account.cancelled == ["E", "N"]
    assert [order.client_id for order in scene.account.working] == ["S"]
    assert Step.FLATTEN not in scene.silent(300) and scene.account.sent == []  # off unless chosen


def test_entries_that_show_up_late_are_cancelled_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.live(3)
    scene.silent(40)
    scene.account.working.append(shown("LATE"))
    scene.silent(11)
    assert scene.account.cancelled == ["LATE"]


def test_cancelling_beside_the_engine_is_harmless_p14(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({}, [shown("E")]))
    scene.account.refuses_cancel = True
    scene.live(3)
    assert Step.CANCEL_ENTRIES in scene.silent(40)
    assert "watchdog" not in scene.kinds()  # that somebody was faster is no failure


def test_an_engine_that_comes_back_gets_its_stream_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.live(3)
    scene.silent(40)
    assert (scene.account.opened, scene.account.closed) == (1, 0)
    assert scene.live(60) == []
    assert scene.account.closed == 1


def test_a_clean_stop_is_no_silence(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.live(3)
    scene.beat("STOPPED")
    assert scene.silent(300) == []


def test_a_locked_database_blinds_it_not_k6(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({}, [shown("E")]))
    scene.live(5)
    scene.store.is_locked = True
    reads = scene.store.reads
    assert scene.live(120) == []  # the file still beats
    assert scene.store.reads - reads <= 5  # and a locked database is not hammered
    assert scene.silent(35) == [Step.ALERT, Step.CANCEL_ENTRIES]
    assert scene.account.cancelled == ["E"]


def test_a_lost_file_leaves_the_database(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.live(3)
    for _ in range(60):
        scene.file.unlink(missing_ok=True)
        scene.store.beats["engine"] = (scene.clock.now, "")
        assert scene.silent(1) == []


def test_a_jump_of_the_wall_clock_is_no_silence_t1(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.live(3)
    scene.clock.now += 3_600 * SECOND
    assert scene.live(5) == []
    scene.clock.now -= 7_200 * SECOND
    assert scene.live(5) == []


def test_its_own_sleep_is_no_silence_t3_p13(tmp_path: Path) -> None:
    scene = Scene(tmp_path, flattens=True)
    scene.live(3)
    scene.clock.pass_time(7_200.0)  # the machine slept, the engine's next beat comes a moment later
    assert scene.silent(9) == []
    assert scene.live(5) == []


def test_a_broker_out_of_reach_is_tried_again_and_told_n23(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({}, [shown("E")]))
    scene.account.is_down = True
    scene.live(3)
    scene.silent(35)
    assert scene.account.cancelled == [] and "watchdog" in scene.kinds()
    scene.account.is_down = False
    scene.silent(11)
    assert scene.account.cancelled == ["E"]


# --- flatten


def flattening(tmp_path: Path) -> Scene:
    stop = shown("S", side=Side.SELL, type=OrderType.STOP)
    scene = Scene(tmp_path, Account({"AAPL": 10.0, "MSFT": -5.0}, [stop]), flattens=True)
    scene.live(3)
    return scene


def test_flatten_when_chosen_after_two_minutes_behind_a_halt(tmp_path: Path) -> None:
    scene = flattening(tmp_path)
    assert Step.FLATTEN not in scene.silent(119)
    scene.silent(10)
    assert [(order.symbol, order.side, order.quantity, order.intent) for order in scene.account.sent] == [
        ("AAPL", Side.SELL, 10.0, Intent.EXIT),
        ("MSFT", Side.BUY, 5.0, Intent.EXIT),
    ]
    assert all(len(order.client_id) == 20 for order in scene.account.sent)
    assert scene.account.cancelled == ["S"]  # first, or stop and exit together would turn the position round
    halt = scene.halts.find(("account:A1",))
    assert halt is not None and (halt.rung, halt.by) == (Rung.FLATTEN, "watchdog")
    scene.silent(120)
    assert len(scene.account.sent) == 2 and scene.account.held == {"AAPL": 0.0, "MSFT": 0.0}
    assert scene.store.released == 3


def test_no_flatten_while_an_engine_holds_the_account_p13_p14(tmp_path: Path) -> None:
    scene = flattening(tmp_path)
    scene.store.is_owned = True
    scene.silent(200)
    assert scene.account.sent == [] and scene.account.cancelled == []
    assert scene.kinds().count("flatten_refused") == 3


def test_no_flatten_with_a_locked_database_nobody_is_proved_gone_p13(tmp_path: Path) -> None:
    scene = flattening(tmp_path)
    scene.store.is_locked = True
    scene.silent(200)
    assert scene.account.sent == []


def test_no_flatten_of_an_engine_never_seen_alive_p13(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({"AAPL": 10.0}), flattens=True)
    scene.beat()  # an old beat from before
    assert Step.FLATTEN not in scene.silent(400)
    (tmp_path / "blind").mkdir()
    assert Step.FLATTEN not in Scene(tmp_path / "blind", Account({"AAPL": 10.0}), flattens=True).silent(400)


def test_no_flatten_while_orders_or_pages_are_left(tmp_path: Path) -> None:
    scene = flattening(tmp_path)
    scene.account.is_complete = False
    scene.silent(200)
    assert scene.account.sent == [] and "flatten_waits" in scene.kinds()


def test_no_flatten_of_another_account_or_environment_b38(tmp_path: Path) -> None:
    scene = flattening(tmp_path)

    async def elsewhere(sink) -> AccountFacts:
        return AccountFacts("B9", "live", "USD", 0, 0, 0)

    scene.account.open = elsewhere
    scene.silent(200)
    assert scene.account.sent == [] and "flatten_refused" in scene.kinds()


# --- pure parts


def test_which_orders_are_entries_by_our_record_or_by_the_position() -> None:
    orders = [
        shown("ENTRY"),
        shown("STOP", side=Side.SELL, type=OrderType.STOP),
        shown("TARGET", side=Side.SELL),
        shown("CHILD", "MSFT", Side.SELL, type=OrderType.STOP),
        shown("STRANGE", "GOOG"),
        shown("DONE", state=OrderState.FILLED),
    ]
    intents = {"ENTRY": "ENTRY", "STOP": "PROTECT", "CHILD": "protect"}

    def names(positions, known=intents):
        return [order.client_id for order in orders_to_cancel(orders, positions, known)]

    assert names({"AAPL": 10.0}) == ["ENTRY", "STRANGE"]
    assert names({"AAPL": -10.0}, {}) == ["STOP", "TARGET", "CHILD", "STRANGE"]
    assert names(None) == ["ENTRY"]  # what cannot be judged is left alone


@pytest.mark.parametrize("blind", [True, False])
def test_the_decision_is_pure_and_never_repeats_within_its_pause(blind: bool) -> None:
    settings, sight = WatchSettings(flattens=True), Sight("" if blind else "7")
    watch = Watch(0, 0, "7", was_alive=True)
    acts = []
    for second in range(1, 301):
        assert decide(watch, sight, second * SECOND, settings) == decide(watch, sight, second * SECOND, settings)
        watch, steps = decide(watch, sight, second * SECOND, settings)
        acts += [(second, step) for step in steps]
    assert [at for at, step in acts if step is Step.ALERT] == [10]
    assert [at for at, step in acts if step is Step.CANCEL_ENTRIES] == list(range(30, 301, 10))
    assert [at for at, step in acts if step is Step.FLATTEN] == ([] if blind else [120, 130, 140])
    assert decide(watch, replace(sight, beat="8"), 301 * SECOND, settings)[0].acted_ns == 0


def test_a_heartbeat_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    assert read_beat(path) is None
    write_beat(path, Beat(3, 5))
    assert read_beat(path) == Beat(3, 5, "RUNNING")
    for body in ("", "{", "[]", '{"count": 1}'):
        path.write_text(body)
        assert read_beat(path) is None
