"""A paper run that dies anywhere, any number of times, ends as the run that nobody disturbed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from death import Died, Fate, bury, close_run, haunt_record
from live_scene import BarFeed, PaperWorld
from tidemill.adapters.paper import PaperBroker, PaperTerms
from tidemill.model.bars import SECOND_NS
from tidemill.model.bookkeeping import verify_ledger
from tidemill.runtime.orders import desk

pytestmark = [
    pytest.mark.usefixtures("hurried"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]
TABLES = ("fills", "orders", "trips", "equity", "days")


def new_world(folder: Path, store: Any) -> PaperWorld:
    name = folder.name
    return PaperWorld(folder, run_id=f"R{name}", account=f"A{name}", shared_store=store)


def play(world: PaperWorld, fate: Fate) -> Any:
    loop, run = world.clock.fresh_loop(), None
    with pytest.MonkeyPatch.context() as patch:
        haunt_record(world, fate, patch)
        try:
            run = world.wire()
            loop.run_until_complete(loop.create_task(world.live(run)))
        except Died:
            bury(loop)
        finally:
            close_run(run)
    return run


def result(world: PaperWorld, run: Any) -> dict[str, Any]:
    tables = {name: run.core.engine.tape.rows(name).tobytes() for name in TABLES}
    store, run_id = world.store, world.run_id
    fills = [(fill.seq, fill.side, fill.quantity, fill.price, fill.fee_micros) for fill in store.fills(run_id)]
    orders = [(order.created_ns, order.side, order.state, order.filled) for order in store.orders(run_id)]
    ledger = [(row.kind, row.asset, row.delta) for row in store.ledger(world.account, run_id)]
    return {**tables, "fills in the store": fills, "orders in the store": sorted(orders), "ledger": ledger}


@pytest.mark.parametrize("gathered", [0, 256])
def test_a_paper_run_that_dies_ends_as_the_undisturbed_one(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch, gathered: int
) -> None:
    monkeypatch.setattr(desk, "_GATHERED", gathered)  # 0: a transaction for each turn, as on a live market
    whole = new_world(tmp_path / f"whole{gathered}", store)
    fate = Fate()
    wanted = result(whole, play(whole, fate))
    assert fate.passed > (50 if gathered == 0 else 8)
    assert len(wanted["fills in the store"]) > 4
    for end in range(1, fate.passed + 1):
        world = new_world(tmp_path / f"{gathered}at{end}", store)
        first = Fate(end)
        play(world, first)
        assert first.is_dead
        run = play(world, Fate())
        assert result(world, run) == wanted, f"died at {end}: {first.names[-1]}"


def test_a_paper_run_that_dies_again_and_again_ends_as_the_undisturbed_one(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "_GATHERED", 0)
    whole = new_world(tmp_path / "whole", store)
    wanted = result(whole, play(whole, Fate()))
    chance = random.Random(3)
    for number in range(8):
        world = new_world(tmp_path / f"again{number}", store)
        deaths, fate, run = 0, Fate(1, is_dead=True), None
        while fate.is_dead:
            fate = Fate(chance.randint(4, 30) if deaths < 12 else 0)
            run = play(world, fate)
            deaths += fate.is_dead
        assert deaths > 1
        assert result(world, run) == wanted


class LivePaperWorld(PaperWorld):
    """A paper run on a market that goes by once: what a process misses, nobody tells the next one."""

    def ends(self) -> tuple[Any, Any, Any]:
        """Return the paper broker, and a market of the present."""
        broker = PaperBroker(self.plan, PaperTerms(account_id=self.account))
        return broker, broker, BarFeed(self, self.tail_s)


def test_a_paper_run_on_a_live_market_that_dies_has_a_record_that_makes_the_same_run_again(
    tmp_path: Path, store: Any
) -> None:
    """A bar's orders and fills share one transaction; after any death the record adds up and is lived again alike."""

    def world(name: str) -> LivePaperWorld:
        size = 3 * SECOND_NS  # shorter bars, fewer looks of what works once a second
        return LivePaperWorld(
            tmp_path / name, bar_ns=size, tail_s=0.1, run_id=f"L{name}", account=f"AL{name}", shared_store=store
        )

    whole, fate = world("whole"), Fate()
    wanted = result(whole, play(whole, fate))
    assert len(wanted["fills in the store"]) > 4
    for end in range(1, fate.passed + 1, 3):  # points come in pairs: before a write, and after it
        died, first = world(f"at{end}"), Fate(end)
        play(died, first)
        assert first.is_dead
        told = result(died, play(died, Fate()))
        again = play(died, Fate())
        where = f"died at {end}: {first.names[-1]}"
        assert result(died, again) == told, where
        booked = [(float(fill["quantity"]), float(fill["price"])) for fill in again.core.engine.tape.rows("fills")]
        assert [(float(fill[2]), float(fill[3])) for fill in told["fills in the store"]] == booked, where
        verify_ledger(store.fills(died.run_id), store.ledger(died.account, died.run_id))
        known = [row.key for row in store.outbox(died.run_id) if row.action == "submit"]
        assert len(known) == len(set(known)) == len(store.intents(died.run_id)), where
