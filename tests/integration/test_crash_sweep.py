"""A process dies at every point at which something lasting happens, is started again, and nothing is lost or doubled.

Between two lasting effects (a row on the tape, a transaction, a request at the broker) every instruction leaves the
same behind, so dying once before and once after each effect, and in the middle of a tape block, is dying everywhere;
``test_every_instruction_leaves_what_the_last_effect_left`` holds that to account.
"""

from __future__ import annotations

import itertools
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from death import Died, Fate, die_at, haunt, live_and_die
from live_scene import World
from tidemill.model.enums import Intent
from tidemill.runtime.orders.departures import Departures
from tidemill.runtime.record.tape import read_tape
from tidemill.testing.exchange import SCRIPTED_RULES

# A resting entry and its cancellation, an entry that fills in two parts, its stop and the stop's replacement, an exit.
SCRIPT = {1: ("buy", {"limit_price": 90.0, "type": 1}), 2: ("close",), 3: ("buy",), 6: ("close",)}
PRICES: list[Any] = [100.0, [100.0, (101.0, 6.0)], [101.0, (102.0, 6.0)], 102.0, 103.0, 104.0, 104.0]
POORER = replace(SCRIPTED_RULES, dedupes_client_ids=False, finds_by_client_id=False)
BROKERS: dict[str, dict[str, Any]] = {
    "sound": {},
    "no dedupe": {"rules": POORER},
    "shows orders late": {"lag_s": 1.5},
    "no dedupe, shows orders late": {"rules": POORER, "lag_s": 1.5},
}
WAYS = [*((name, False) for name in BROKERS), ("sound", True)]
_numbers = itertools.count(1)
pytestmark = [
    pytest.mark.usefixtures("hurried"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]


def new_world(folder: Path, store: Any, **broker: Any) -> World:
    number = next(_numbers)
    return World(
        folder / str(number),
        SCRIPT,
        PRICES,
        bar_ns=3_000_000_000,
        tail_s=9.0,
        run_id=f"R{number}",
        account=f"A{number}",
        shared_store=store,
        **broker,
    )


@pytest.mark.parametrize(("broker", "waits"), WAYS)
def test_no_death_loses_or_doubles_anything(
    tmp_path: Path, store: Any, broker: str, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if waits:  # every request queues, and is claimed in a transaction of its own
        monkeypatch.setattr(Departures, "has_room", lambda *_: False)
    whole = new_world(tmp_path, store, **BROKERS[broker])
    run, fates = live_and_die(whole)
    assert whole.broken(run) == []
    points = fates[0].names
    assert {"torn tape", "after claim", "arrived submit", "answered submit", "before cancel", "before replace"} <= {
        *points
    }
    entries = []
    for end in range(1, len(points) + 1):
        world = new_world(tmp_path, store, **BROKERS[broker])
        run, _ = live_and_die(world, end)
        assert world.broken(run) == [], f"died at {end}: {points[end - 1]}"
        entries.append(sum(order.intent is Intent.ENTRY for order in world.exchange.truth.orders))
    assert max(entries) == 2  # both entries, never one more
    assert min(entries) >= 1  # an entry that had not left is skipped on purpose


@pytest.mark.parametrize("broker", ["sound", "no dedupe, shows orders late"])
def test_who_dies_again_while_recovering_loses_nothing_either(tmp_path: Path, store: Any, broker: str) -> None:
    chance = random.Random(11)
    count = len(live_and_die(new_world(tmp_path, store, **BROKERS[broker]))[1][0].names)
    twice = 0
    for end in range(2, count, 3):
        ends = (end, chance.randint(1, 25), chance.randint(1, 40))
        world = new_world(tmp_path, store, **BROKERS[broker])
        run, fates = live_and_die(world, *ends)
        twice += len(fates) > 2
        assert world.broken(run) == [], f"died at {ends}"
    assert twice > count // 5


def durable(world: World) -> dict[str, Any]:
    """Return everything that a new process, or the broker, can know of the old one; the market moves by itself."""
    store, run_id = world.store, world.run_id
    rows, _ = read_tape(world.folder / "runs" / run_id)
    found = {name: getattr(store, name)(run_id) for name in ("tape", "intents", "outbox", "orders", "fills")}
    truth = world.exchange.truth
    told = [truth.arrived, truth.accepted, [truth.requests.get(name, 0) for name in ("submit", "cancel", "replace")]]
    return {**found, "ledger": store.ledger(world.account, run_id), "rows": rows.tobytes(), "told": told}


def die_at_instruction(world: World, number: int) -> tuple[int, bool]:
    """Let a process die at an instruction of the runtime or the store; return the points passed until then."""
    fate, count = Fate(), itertools.count(1)

    def step(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode" and not fate.is_dead and next(count) == number:
            fate.is_dead = True
            raise Died
        return step

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        if not any(part in frame.f_code.co_filename for part in ("/tidemill/runtime/", "/adapters/sql/")):
            return None
        frame.f_trace_opcodes = True
        return step

    with pytest.MonkeyPatch.context() as patch:
        haunt(world, fate, patch)
        before = sys.gettrace()
        sys.settrace(enter)
        try:
            die_at(world)
        finally:
            sys.settrace(before)
    return fate.passed, fate.is_dead


def own_world(folder: Path, name: str, **broker: Any) -> World:
    """Return a world with a store of its own: what happens in it is the same every time."""
    return World(folder / name, SCRIPT, PRICES, bar_ns=3_000_000_000, tail_s=12.0, **broker)


def test_every_instruction_leaves_what_the_last_effect_left(tmp_path: Path) -> None:
    chance = random.Random(5)
    seen = set()
    for number in sorted(chance.sample(range(2_000, 120_000), 14)):
        world = own_world(tmp_path, f"i{number}")
        passed, died = die_at_instruction(world, number)
        left = durable(world)
        world.store.close()
        assert died
        nearest = []
        for point in (passed, passed + 1):
            other = own_world(tmp_path, f"i{number}p{point}")
            with pytest.MonkeyPatch.context() as patch:
                haunt(other, Fate(point), patch)
                die_at(other)
            nearest.append(durable(other))
            other.store.close()
        assert left in nearest, f"instruction {number}, after {passed} effects"
        seen.add(passed)
    assert len(seen) > 7
