"""What ends processes from outside: stops asked twice, a supervisor that dies, flattening, broken databases."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from up_scene import COMMAND, Up, until, write_agent

from patience import PATIENCE_S, stretch
from tidemill.adapters.sql.opening import open_store
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.services.halting import halt, resume
from tidemill.services.operating import ask_cancel, ask_order, ask_tick

SIZES = count(10)
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs Unix signals")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an agent that trades at any hour and decides nothing by itself."""
    return write_agent(tmp_path_factory.mktemp("agent"), "calm", symbols=["BTCUSD"])


@pytest.fixture
def ups(tmp_path: Path, agent: Path) -> Iterator[Callable[[], Up]]:
    """Return what starts ``tidemill up``; all of them work in one folder, and none outlives the test."""
    started: list[Up] = []

    def start() -> Up:
        # the watchdog cancels nothing: it would, at its usual pace in these tests, before a busy machine starts again
        started.append(Up(tmp_path, [agent], hang_s=60.0, cancel_s=60.0))
        started[-1].wait_ready()
        return started[-1]

    yield start
    for up in started:
        up.stop()


def tick(up: Up, price: float) -> None:
    assert ask_tick(up.home, "BTCUSD", price, run_id=up.run_of("calm"), wait_s=PATIENCE_S).state == "DONE"


def ask(up: Up, **body: Any) -> tuple[str, str]:
    """Ask for an order; return its id and state, or what was refused."""
    whole = {"symbol": "BTCUSD", "side": "buy", "quantity": next(SIZES), **body}
    answer = ask_order(up.home, whole, run_id=up.run_of("calm"), wait_s=PATIENCE_S)
    assert answer.state == "DONE", answer.text
    name, state = answer.text.split()[:2]
    return name, state


def position(up: Up) -> float:
    with open_store(up.home.url, verify=False) as store:
        rows = store.projection("positions", {"run_id": up.run_of("calm")})
    return sum(float(row["quantity"]) for row in rows)


def hold(up: Up) -> float:
    """Open a position; return its units."""
    tick(up, 500.0)
    ask(up, stop_loss=450.0)
    until(lambda: (tick(up, 500.0), position(up) > 0 and _is_calm(up))[1], what="the position")
    return position(up)


def _is_calm(up: Up) -> bool:
    """Tell whether no order is on its way to another state."""
    with open_store(up.home.url, verify=False) as store:
        return {row.state for row in store.orders(up.run_of("calm"))} <= {"FILLED", "WORKING", "CANCELED"}


def record(up: Up) -> dict[str, object]:
    """Return what a run's record says of orders, fills and money, without times and names of processes."""
    run = up.run_of("calm")
    with open_store(up.home.url, verify=False) as store:
        return {
            "orders": [(row.client_id, row.state, row.quantity, row.filled) for row in store.orders(run)],
            "fills": [(row.exec_id, row.quantity, row.price) for row in store.fills(run)],
            "ledger": [(row.ref, row.delta) for row in store.ledger(f"paper:{run}", run)],
            "balances": dict(store.balances(f"paper:{run}", run)),
        }


def test_a_stop_and_a_kill_leave_the_same_ledger_and_positions(ups: Callable[[], Up]) -> None:
    up = ups()
    hold(up)
    order, _ = ask(up, limit_price=400.0)
    before = record(up)
    up.kill(up.run_of("calm"))
    up.wait_ready(2)
    killed = record(up)
    assert killed == before
    assert up.stop() == 0
    stopped = record(up)
    assert stopped == before
    again = ups()
    assert record(again) == before
    assert position(again) > 0
    assert order in [name for name, state, *_ in record(again)["orders"] if state == "WORKING"]  # type: ignore[attr-defined]


def test_a_second_word_during_a_stop_kills_at_once_and_nothing_is_lost(ups: Callable[[], Up]) -> None:
    up = ups()
    hold(up)
    before, run = record(up), up.run_of("calm")
    up.kill(run, signal.SIGSTOP)  # an engine that does not answer the first word
    with up.locked():  # and could not even end its run
        up.process.terminate()
        time.sleep(0.3)
        assert up.process.poll() is None
        began = time.monotonic()
        up.process.send_signal(signal.SIGINT)
        up.process.wait(PATIENCE_S)
    assert time.monotonic() - began < 5.0 * stretch()
    with pytest.raises(ProcessLookupError):
        os.kill(up.pid(run), 0)
    assert record(up) == before
    assert record(ups()) == before


def test_engines_of_a_dead_supervisor_end_and_a_new_one_goes_on(ups: Callable[[], Up]) -> None:
    up = ups()
    hold(up)
    before, engine, watchdog = record(up), up.pid(up.run_of("calm")), up.pid("watchdog")
    up.process.kill()
    up.process.wait()
    again = ups()  # while the old engine is still ending
    assert again.pid(again.run_of("calm")) != engine
    for pid in (engine, watchdog):
        until(lambda pid=pid: not _lives(pid), what="the end of an orphan")
    assert record(again) == before
    assert Halts(again.home.halts).standing() == ()


def test_a_supervisor_gives_way_to_an_engine_that_another_one_left_asleep(
    tmp_path: Path, agent: Path, ups: Callable[[], Up]
) -> None:
    up = ups()
    hold(up)
    before, engine = record(up), up.pid(up.run_of("calm"))
    os.kill(engine, signal.SIGSTOP)
    up.process.kill()
    up.process.wait()
    again = Up(tmp_path, [agent], hang_s=60.0, cancel_s=60.0)
    try:
        until(lambda: len(again.events("taken")) >= 2, what="the refusals")
        assert Halts(up.home.halts).standing() == ()
        os.kill(engine, signal.SIGCONT)  # it finds its supervisor dead, and ends
        again.wait_ready()
        assert record(again) == before
    finally:
        again.stop()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


def test_flatten_closes_what_is_open_by_file_and_by_row(ups: Callable[[], Up]) -> None:
    up = ups()
    run = up.run_of("calm")
    hold(up)
    ask(up, limit_price=400.0)
    words = ["flatten", "--scope", f"run:{run}", "--by", "Ann", "--data-dir", str(up.home.folder)]
    assert subprocess.run([*COMMAND, *words], check=False, capture_output=True).returncode == 0
    until(lambda: (tick(up, 501.0), position(up) == 0)[1], what="the exit")
    assert not [state for _, state, *_ in record(up)["orders"] if state in {"WORKING", "HELD", "PARTIAL"}]  # type: ignore[attr-defined]
    resume(up.home, f"run:{run}", "Ann")
    until(lambda: _takes(up), what="an order")
    ask_cancel(up.home, run_id=run)
    assert hold(up) > 0
    with up.locked():
        halt(up.home, f"run:{run}", Rung.FLATTEN, wait_s=0.1)  # the row is not written: the file alone
    until(lambda: (tick(up, 502.0), position(up) == 0)[1], what="the exit")


def test_a_long_locked_database_stops_entries_and_ends_no_engine(ups: Callable[[], Up]) -> None:
    up = ups()
    run = up.run_of("calm")
    hold(up)
    pid, before = up.pid(run), record(up)
    with up.locked():
        time.sleep(8.0)  # longer than any patience of the database's
        assert time.time_ns() - up.beat(run).now_ns < 2e9 * stretch()
    until(lambda: _alerted(up, "database"), what="the alert")
    assert up.pid(run) == pid
    assert up.events("died") == []
    assert record(up) == before
    until(lambda: _takes(up), what="an order")


def _alerted(up: Up, kind: str) -> bool:
    with open_store(up.home.url, verify=False) as store:
        return kind in {row.kind for row in store.alerts()}


def _takes(up: Up) -> bool:
    tick(up, 500.0)
    body = {"symbol": "BTCUSD", "side": "buy", "quantity": next(SIZES), "limit_price": 400.0}
    return ask_order(up.home, body, run_id=up.run_of("calm")).state == "DONE"
