"""Two engines on one account, as processes of their own: stopped, overtaken, woken up again (promise 27; P4, P11)."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from up_scene import until, write_agent

from live_agents import end, looks, starter
from patience import PATIENCE_S
from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore
from tidemill.model.errors import LeaseLost
from tidemill.ports.store import ENGINE
from tidemill.services.home import Home, find_home
from tidemill.services.operating import ask_cancel, ask_order, ask_tick

pytest_plugins = ["databases"]
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs Unix signals")

Start = Callable[..., subprocess.Popen[str]]
RUN, ACCOUNT = "shared-1", "paper:shared-1"
BODY = {"symbol": "SPY", "side": "buy", "quantity": 7, "limit_price": 400.0}


@pytest.fixture
def start() -> Iterator[Start]:
    with starter() as started:
        yield started


class Scene:
    """One run that several processes want to serve."""

    def __init__(self, start: Start, home: Home, agent: Path) -> None:
        self.home, self._start = home, start
        self._words = ["run", agent, "--run-id", RUN, "--data-dir", home.folder, "--database", home.url]

    def engine(self) -> subprocess.Popen[str]:
        return self._start(*self._words, "--json", "--refresh", 5)

    def serving(self) -> subprocess.Popen[str]:
        process = self.engine()
        assert looks(process, 1), process.stderr and process.stderr.read()
        return process

    def store(self) -> SqlStore:
        return open_store(self.home.url, verify=False)

    def orders(self) -> list[str]:
        with self.store() as store:
            return [row.client_id for row in store.orders(RUN)]

    def waiting(self) -> list[int]:
        """Return the sizes of orders nobody has answered yet."""
        with self.store() as store:
            return [json.loads(row.body)["quantity"] for row in store.new_commands(RUN)]

    def owner(self) -> tuple[str, int]:
        with self.store() as store:
            lease = store.lease(ACCOUNT)
        assert lease is not None
        return lease.owner, lease.epoch

    def bid(self, quantity: int, wait_s: float = PATIENCE_S) -> str:
        return ask_order(self.home, {**BODY, "quantity": quantity}, run_id=RUN, wait_s=wait_s).state

    def trade(self) -> None:
        """Have an order taken and cancelled: an engine that stood still lets none out for some seconds."""
        sizes = count(100)

        def is_taken() -> bool:
            ask_tick(self.home, "SPY", 500.0, run_id=RUN, wait_s=PATIENCE_S)
            return self.bid(next(sizes)) == "DONE"

        until(is_taken, what="an order")
        assert [answer.state for answer in ask_cancel(self.home, run_id=RUN)] == ["DONE"]


@pytest.fixture
def local(start: Start, tmp_path: Path) -> Scene:
    return Scene(start, find_home(tmp_path / "home"), write_agent(tmp_path, "shared"))


@pytest.fixture
def served(start: Start, tmp_path: Path, postgres_url: str) -> Scene:
    return Scene(start, find_home(tmp_path / "home", postgres_url), write_agent(tmp_path, "shared"))


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)


def go_on(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGCONT)


def test_an_engine_stopped_past_its_lease_sends_nothing_after_another_took_over(served: Scene) -> None:
    first = served.serving()
    served.trade()
    first_owner, epoch = served.owner()
    stop(first)
    second = served.serving()  # it waits until the lease has run out
    second_owner, taken = served.owner()
    assert first_owner != second_owner
    assert first_owner.startswith(ENGINE) and second_owner.startswith(ENGINE)
    assert taken == epoch + 1
    stop(second)
    before = served.orders()
    assert served.bid(8, wait_s=0.0) == "NEW"  # the first will find it, and wants to carry it out
    go_on(first)
    code, _, said = end(first)
    assert code == LeaseLost.exit_code
    assert "another engine owns" in said
    assert served.orders() == before
    assert served.waiting() == [8]
    with served.store() as store:
        run = store.run(RUN)
    assert run is not None and run.state == "RUNNING"  # the first wrote nothing of its end over the second's run
    go_on(second)
    until(lambda: not served.waiting(), what="the answer of the second")
    ask_cancel(served.home, run_id=RUN)
    served.trade()
    second.send_signal(signal.SIGTERM)
    assert end(second)[0] == 0


def test_an_engine_that_lives_is_not_taken_over(served: Scene) -> None:
    first = served.serving()
    code, out, said = end(served.engine())
    assert (code, out) == (LeaseLost.exit_code, "")
    assert "owns it for another" in said
    assert first.poll() is None
    assert served.owner()[1] == 1


def test_after_a_kill_nobody_waits_for_the_lease(served: Scene) -> None:
    first = served.serving()
    served.trade()
    first.kill()
    first.wait()
    with served.store() as store:
        lease = store.lease(ACCOUNT)
        assert lease is not None
        store.renew_lease(lease, time.time_ns(), 3_600_000_000_000)  # an hour, if anybody waited for it
    second = served.engine()
    until(lambda: served.owner()[1] == 2, what="the lease of the second")
    assert looks(second, 1)
    served.trade()


def test_a_file_belongs_to_a_stopped_engine_however_long_it_sleeps(local: Scene) -> None:
    first = local.serving()
    ask_tick(local.home, "SPY", 500.0, run_id=RUN, wait_s=PATIENCE_S)
    stop(first)
    with local.store() as store:  # its lease has run out long ago
        lease = store.lease(ACCOUNT)
        assert lease is not None
        store.renew_lease(lease, 0, 1)
    code, out, said = end(local.engine())
    assert (code, out) == (LeaseLost.exit_code, "")
    assert "Another Tidemill engine runs on" in said
    go_on(first)
    local.trade()
    first.kill()
    first.wait()
    assert looks(local.engine(), 1)
    assert local.owner()[1] == 2
    local.trade()
