"""The scripted exchange itself: what orders become, what it remembers, and that it outlives whoever trades on it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from exchange_scene import Scene, order, resting, stop

from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import (
    AmbiguousOutcome,
    ConfigError,
    LinkDown,
    OrderRejected,
    TidemillError,
    TransientError,
)
from tidemill.testing.exchange import FAULTS, SCRIPTED_RULES, Faults, ScriptedBroker, ScriptedExchange, Truth
from tidemill.testing.seams import ManualClock
from tidemill.testing.simloop import run_simulated


def play(scenario: Any, **options: Any) -> Any:
    async def run() -> Any:
        return await scenario(await Scene(**options).open())

    return run_simulated(run())


def test_cash_position_and_costs_add_up() -> None:
    async def scenario(stage: Scene) -> None:
        await stage.buy()
        stage.exchange.trade("ABC", 110.0)
        await stage.broker.submit(order("b", Side.SELL, 15.0))
        truth = stage.exchange.truth
        assert truth.cash_micros == 100_000_000_000 - 1_000_000_000 + 1_650_000_000 - 250_000
        (position,) = (await stage.broker.positions()).items
        assert (position.quantity, position.average_price) == (-5.0, 110.0)
        assert truth.equity_micros == truth.cash_micros - 550_000_000
        stage.exchange.adjust("ABC", 5.0, 100.0)
        stage.exchange.post_cash(-7)
        assert stage.exchange.position("ABC") == 0.0 and truth.equity_micros == 100_649_750_000 - 7

    play(scenario, fee_per_unit=0.01)


def test_what_may_not_wait_fills_from_what_the_last_price_offers_or_ends() -> None:
    async def scenario(stage: Scene) -> None:
        stage.exchange.trade("ABC", 100.0, 4.0)
        await stage.buy("fok", tif=TimeInForce.FOK)
        await stage.buy("ioc", tif=TimeInForce.IOC)
        await stage.buy("gtc")
        stage.exchange.trade("ABC", 101.0, 3.0)
        states = {item.client_id: (item.state, item.filled) for item in (await stage.broker.orders(0)).items}
        assert states == {
            "fok": (OrderState.EXPIRED, 0.0),
            "ioc": (OrderState.EXPIRED, 4.0),
            "gtc": (OrderState.PARTIAL, 3.0),
        }

    play(scenario)


def test_stop_limits_that_gap_through_their_limit_rest() -> None:
    async def scenario(stage: Scene) -> None:
        terms = {"type": OrderType.STOP_LIMIT, "limit_price": 88.0, "intent": Intent.PROTECT}
        await stage.broker.submit(order("a", Side.SELL, stop_price=90.0, **terms))
        stage.exchange.trade("ABC", 80.0)
        assert stage.exchange.position("ABC") == 0.0
        stage.exchange.trade("ABC", 89.0)
        assert stage.exchange.truth.fills[0].price == 89.0

    play(scenario)


def test_entries_of_a_group_cancel_each_other_and_exits_shrink() -> None:
    async def scenario(stage: Scene) -> None:
        await stage.buy("one", group="e", **resting(95.0))
        await stage.buy("two", group="e", **resting(94.0))
        stage.exchange.trade("ABC", 95.0)
        await stage.broker.submit(stop("low", 80.0, group="x"))
        await stage.broker.submit(order("high", Side.SELL, intent=Intent.PROTECT, group="x", **resting(110.0)))
        stage.exchange.trade("ABC", 111.0, 4.0)
        low, high = stage.exchange.working()
        assert (low.client_id, low.remaining, high.client_id, high.remaining) == ("low", 6.0, "high", 6.0)
        found = await stage.broker.find("two")
        assert found is not None and found.state is OrderState.CANCELED

    play(scenario)


def test_a_child_of_a_parent_that_filled_in_part_and_ended_protects_that_part() -> None:
    async def scenario(stage: Scene) -> None:
        answer = await stage.buy("p", **resting(95.0))
        await stage.broker.submit(stop("c", 80.0, parent="p"))
        stage.exchange.trade("ABC", 95.0, 4.0)
        await stage.broker.cancel("p", answer.broker_id)
        (child,) = stage.exchange.working()
        assert (child.state, child.quantity) == (OrderState.WORKING, 4.0)

    play(scenario)


def test_the_day_ends_day_orders_and_a_split_cancels_what_rests() -> None:
    async def scenario(stage: Scene) -> None:
        await stage.buy("day", tif=TimeInForce.DAY, **resting())
        await stage.buy("gtc", **resting())
        stage.exchange.end_day()
        assert [item.client_id for item in stage.exchange.working()] == ["gtc"]
        await stage.buy("held")
        stage.exchange.split("ABC", 2.0)
        assert stage.exchange.working() == [] and stage.exchange.position("ABC") == 20.0
        assert stage.exchange.truth.prices["ABC"] == 50.0

    play(scenario)


def test_executions_are_corrected_and_accounts_reset_by_hand() -> None:
    async def scenario(stage: Scene) -> None:
        await stage.buy()
        stage.exchange.correct("E1", 99.0)
        assert [item.kind for item in stage.exchange.truth.fills] == ["real", "bust", "correct"]
        assert stage.exchange.position("ABC") == 10.0
        assert stage.exchange.truth.cash_micros == 100_000_000_000 - 990_000_000
        with pytest.raises(ConfigError, match="no execution E9"):
            stage.exchange.bust("E9")
        stage.exchange.reset_account("SIM2")
        facts = await stage.broker.account()
        assert (facts.account_id, stage.exchange.position("ABC")) == ("SIM2", 0.0)
        assert stage.exchange.accepted == {"a": 1}

    play(scenario)


def test_an_impossible_price_is_refused() -> None:
    async def scenario(stage: Scene) -> None:
        for price in (0.0, -1.0, math.nan, math.inf):
            with pytest.raises(ConfigError, match="cannot trade"):
                stage.exchange.trade("ABC", price)

    play(scenario)


def test_a_broker_without_memory_of_client_ids_makes_two_orders_and_the_count_tells() -> None:
    async def scenario(stage: Scene) -> None:
        await stage.buy(**resting())
        await stage.buy(**resting())
        assert stage.exchange.accepted == {"a": 2} and len(stage.exchange.working()) == 2

    play(scenario, rules=replace(SCRIPTED_RULES, dedupes_client_ids=False))


def test_a_second_session_takes_the_place_of_the_first() -> None:
    async def scenario(stage: Scene) -> None:
        heard: list[Any] = []
        other = stage.session()
        await other.open(heard.append)
        with pytest.raises(LinkDown):
            await stage.buy()
        await other.submit(order("b"))
        await stage.wait()
        assert stage.reports == [] and [report.kind for report in heard] == [EventKind.ACK, EventKind.FILL]

    play(scenario)


def test_orders_become_visible_after_the_lag() -> None:
    async def scenario(stage: Scene) -> None:
        await stage.buy()
        assert await stage.broker.find("a") is None
        await stage.wait(3.0)
        assert await stage.broker.find("a") is not None

    play(scenario, lag_s=3.0)


def test_everything_is_found_again_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"

    async def scenario(stage: Scene) -> None:
        stage.faults.on("N10", times=1)
        stage.exchange.trade("ABC", 100.0, 4.0)
        await stage.buy()
        await stage.buy("r", **resting())
        await stage.broker.cancel("r", "")
        await stage.broker.submit(stop("s", group="g", trail_amount=2.0))
        loaded = ScriptedExchange.load(path, stage.clock)
        assert repr(asdict(loaded.truth)) == repr(asdict(stage.exchange.truth))
        assert isinstance(loaded.truth.orders[0].state, OrderState)
        await stage.wait(2.0)
        loaded.trade("ABC", 101.0)
        assert loaded.position("ABC") == 20.0  # the rest of the first, and the late fill

    play(scenario, path=path)


CHILD = """
import asyncio, sys
from pathlib import Path
from tidemill.model.broker import OrderRequest
from tidemill.model.enums import OrderType, Side, TimeInForce
from tidemill.testing.exchange import ScriptedBroker, ScriptedExchange
from tidemill.testing.seams import ManualClock

class Clock(ManualClock):
    async def sleep(self, seconds):
        self.advance(seconds)

async def main():
    exchange = ScriptedExchange(Clock(), path=Path(sys.argv[1]))
    exchange.trade("ABC", 100.0)
    broker = ScriptedBroker(exchange)
    await broker.open(lambda report: None)
    number = 0
    while True:
        number += 1
        await broker.submit(
            OrderRequest(f"a{number}", "ABC", Side.BUY, OrderType.MARKET, TimeInForce.DAY, 1.0)
        )
        print(number, flush=True)

asyncio.run(main())
"""


def test_the_exchange_survives_the_sudden_death_of_its_process(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    confirmed = 0
    with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            confirmed = int(line)
            if confirmed == 50:
                os.kill(child.pid, signal.SIGKILL)
    exchange = ScriptedExchange.load(path, ManualClock())
    assert set(exchange.accepted.values()) == {1} and len(exchange.accepted) >= confirmed >= 50
    assert exchange.position("ABC") == len(exchange.truth.fills) == sum(exchange.accepted.values())


async def bustle(seed: int) -> tuple[Truth, Faults, list[str]]:
    """Trade like somebody without a plan through a swarm of faults; then let everything heal."""
    faults, chance, story = Faults(seed), random.Random(seed), []
    stage = Scene(faults, lag_s=1.0)
    faults.swarm(share=0.4, strongest=0.3)

    async def attempt(what: str, question: Any) -> None:
        try:
            answer = await question
            story.append(f"{stage.clock.now_ns()} {what}: {answer}")
        except TidemillError as error:
            story.append(f"{stage.clock.now_ns()} {what}: {type(error).__name__}")
            if isinstance(error, LinkDown):
                await stage.wait()
                with contextlib.suppress(TidemillError):
                    await stage.broker.open(lambda report: story.append(str(report)))

    for number in range(60):
        stage.exchange.trade("ABC", 100.0 + chance.randint(-10, 10), chance.choice((3.0, math.inf)))
        await attempt("submit", stage.buy(f"a{number}", **(resting() if chance.random() < 0.5 else {})))
        target = f"a{chance.randrange(number + 1)}"
        await attempt("cancel", stage.broker.cancel(target, ""))
        await attempt("replace", stage.broker.replace(target, "", 5.0, math.nan))
        await attempt("orders", stage.broker.orders(0))
        await attempt("positions", stage.broker.positions())
        await stage.wait(chance.random())
    faults.heal()
    await stage.wait(60.0)
    await stage.broker.open(lambda report: story.append(str(report)))
    await attempt("at last", stage.broker.orders(0))
    return stage.exchange.truth, faults, story


def test_a_swarm_of_faults_repeats_to_the_letter_and_never_breaks_the_books() -> None:
    fired: dict[str, int] = {}
    for seed in range(80):
        truth, faults, story = run_simulated(bustle(seed))
        held = sum(item.side * item.quantity * (-1 if item.kind == "bust" else 1) for item in truth.fills)
        assert truth.holding("ABC").quantity == pytest.approx(held)
        assert max(truth.accepted.values()) == 1
        assert set(truth.accepted) <= set(truth.arrived)
        for one in truth.orders:
            own = [item for item in truth.fills if item.broker_id == one.broker_id and item.kind == "real"]
            assert sum(item.quantity for item in own) == pytest.approx(one.filled)
        assert "Error" not in story[-1] and "Page" in story[-1]
        for name, count in faults.fired.items():
            fired[name] = fired.get(name, 0) + count
        if seed < 3:
            again, _, same = run_simulated(bustle(seed))
            assert same == story and repr(asdict(again)) == repr(asdict(truth))
    quiet = set(FAULTS) - set(fired)
    assert quiet <= {"B22", "B23", "B24", "B26", "B34"}, quiet  # these need exits, children or the end of a day


def test_errors_say_what_is_certain() -> None:
    async def scenario(stage: Scene) -> None:
        await stage.broker.close()
        with pytest.raises(TransientError):
            await stage.buy()
        await stage.open()
        with pytest.raises(OrderRejected, match="does not take OPG orders"):
            await stage.buy(tif=TimeInForce.OPG)
        await stage.buy()
        with pytest.raises(AmbiguousOutcome, match="accepted before"):
            await stage.buy()
        assert stage.exchange.truth.arrived == {"a": 2} and stage.exchange.accepted == {"a": 1}
        assert stage.exchange.truth.requests["submit"] == 2

    play(scenario)


def test_a_session_works_without_a_simulated_loop_too() -> None:
    async def run() -> list[EventKind]:
        clock, heard = ManualClock(), []
        exchange = ScriptedExchange(clock)
        broker = ScriptedBroker(exchange)
        exchange.trade("ABC", 100.0)

        async def move() -> None:
            while not done.is_set():
                clock.advance(0.1)
                await asyncio.sleep(0)

        done = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(move())
            await broker.open(lambda report: heard.append(report.kind))
            await broker.submit(order("a"))
            await broker.close()
            done.set()
        return heard

    assert asyncio.run(run()) == [EventKind.ACK, EventKind.FILL]
