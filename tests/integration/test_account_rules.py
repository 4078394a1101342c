"""Rules an owner writes (120): kept on a paper run, closed at the operator's door, and the same after any death."""

from __future__ import annotations

import gc
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cli_runs import tidemill

from death import Died, Fate, bury, close_run, haunt_record
from live_scene import PaperWorld
from tidemill.adapters.sql.opening import open_store
from tidemill.runtime.guard.account_rules import AccountRule, Action, RuleType, Unit
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.life.run import Run
from tidemill.runtime.orders import desk
from tidemill.services.home import find_home, read_store

BUYER = '''"""Buys on given bars, as many as it is told."""

from __future__ import annotations

from tidemill import Memory, Param, Strategy, buy


class Buyer(Strategy):
    """Buy on every so many bars."""

    every = Param(3, low=1, high=100)
    count = Memory(0)

    def step(me, bar, order):
        me.count += 1
        if me.count % me.every == 0:
            buy(order)


class Other(Strategy):
    """The same for another symbol."""

    every = Param(3, low=1, high=100)
    count = Memory(0)

    def step(me, bar, order):
        me.count += 1
        if me.count % me.every == 0:
            buy(order)
'''
PRICES = [100, 100, 100, 100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 90, 90, 90, 90, 90, 90]


def run(folder: Path, rules: str, *, prices: Sequence[float] = PRICES, settings: str = "") -> dict[str, Any]:
    """Run a buyer of two symbols over daily bars; return what it said last and what the record knows."""
    folder.mkdir(exist_ok=True)
    for name in ("AAA", "BBB"):
        rows = [f"2024-01-{day + 1:02},{p},{p},{p},{p},1000000" for day, p in enumerate(prices)]
        (folder / f"{name}.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n")
    (folder / "buyer.py").write_text(BUYER, encoding="utf-8")
    text = (
        'schema = 1\n[[strategies]]\nstrategy = "buyer.py:Buyer"\nsymbols = ["AAA"]\n'
        '[[strategies]]\nstrategy = "buyer.py:Other"\nsymbols = ["BBB"]\n[data]\nfiles = ["AAA.csv", "BBB.csv"]\n'
        f'[settings]\nsizing = "fixed:100"\n{settings}{rules}'
    )
    (folder / "agent.toml").write_text(text, encoding="utf-8")
    outcome = tidemill("run", folder / "agent.toml", "--data-dir", folder / "home", "--run-id", "r", "--json")
    assert outcome.code == 0, outcome.err
    last: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
    with read_store(find_home(folder / "home")) as store:
        last["violations"] = [(row.scope, row.rule) for row in store.violations("r")]
        last["halts"] = [row.scope for row in store.guard() if row.state == "HALTED"]
        last["booked"] = [(row.symbol, row.side, row.quantity) for row in store.fills("r")]
        last["tape"] = [(row.source, row.kind) for row in store.tape("r")]
    return last


def rule(name: str, kind: str, unit: str, threshold: float, action: str, more: str = "") -> str:
    head = f'\n[limits.rules.{name}]\ntype = "{kind}"\nunit = "{unit}"\nthreshold = {threshold}\n'
    return f'{head}action = "{action}"\n{more}'


def test_a_position_that_loses_too_much_is_closed_and_nothing_else(tmp_path: Path) -> None:
    last = run(tmp_path, rule("floor", "stop_loss", "percent", 3.0, "close_position", 'strategy = "buyer"\n'))
    closed = [(symbol, side) for symbol, side, _ in last["booked"] if side == "SELL"]
    assert closed and {symbol for symbol, _ in closed} == {"AAA"}
    assert ("strategy:r/buyer", "floor") in last["violations"]
    assert ("person:guard", "INTENT") in last["tape"]
    assert last["halts"] == []


def test_a_loss_of_the_day_closes_everything_and_a_person_has_to_lift_it(tmp_path: Path) -> None:
    last = run(tmp_path, rule("daily", "max_daily_loss", "dollars", 150.0, "close_all"))
    assert {symbol for symbol, side, _ in last["booked"] if side == "SELL"} == {"AAA", "BBB"}
    assert ("person:guard", "FLATTEN") in last["tape"]
    assert last["violations"].count(("run:r", "daily")) == 1
    assert "run:r" in last["halts"]


def test_a_strategy_that_loses_too_much_is_closed_and_halted_alone(tmp_path: Path) -> None:
    last = run(tmp_path, rule("own", "max_daily_loss", "dollars", 50.0, "close_all", 'strategy = "other"\n'))
    assert {symbol for symbol, side, _ in last["booked"] if side == "SELL"} == {"BBB"}
    assert last["halts"] == ["strategy:r/other"]
    bought = [symbol for symbol, side, _ in last["booked"] if side == "BUY"]
    assert bought.count("BBB") == 1


def test_a_position_grown_too_large_is_reduced_in_whole_lots(tmp_path: Path) -> None:
    rising = [100, 100, 100, 100, *range(101, 117)]
    last = run(tmp_path, rule("large", "max_position_size", "dollars", 10_400.0, "reduce_size"), prices=rising)
    sold = [float(quantity) for _, side, quantity in last["booked"] if side == "SELL"]
    assert sold and all(quantity == round(quantity) and quantity < 10.0 for quantity in sold)
    assert ("person:guard", "INTENT") in last["tape"] and last["halts"] == []


def test_a_rule_of_one_strategy_keeps_its_entries_back_and_an_alert_only_tells(tmp_path: Path) -> None:
    own = rule("size", "max_position_size", "dollars", 5_000.0, "block", 'strategy = "buyer"\n')
    last = run(tmp_path / "block", own)
    assert {symbol for symbol, _, _ in last["booked"]} == {"BBB"}
    assert any("Rule size: max_position_size of buyer in AAA" in text for text in last["refused"])
    told = run(tmp_path / "alert", rule("size", "max_position_size", "dollars", 5_000.0, "alert"))
    assert {symbol for symbol, _, _ in told["booked"]} == {"AAA", "BBB"}
    assert told["violations"].count(("run:r", "size")) == 2
    assert not any("Rule" in text for text in told["refused"])
    whole = run(tmp_path / "whole", rule("size", "max_position_size", "dollars", 5_000.0, "block"))
    assert whole["booked"] == []


@pytest.mark.parametrize(
    ("tail", "sentence"),
    [
        (rule("a", "max_loss", "dollars", 1.0, "block"), "did you mean max_daily_loss"),
        (rule("a", "max_drawdown", "dollars", 1.0, "block"), "measured in percent"),
        (rule("a", "max_drawdown", "percent", 5.0, "close_position"), "write close_all"),
        (rule("a", "max_daily_loss", "dollars", 5.0, "reduce_size"), "no size to reduce to"),
        (rule("a", "max_correlation", "ratio", 0.5, "close_all"), "its action is block"),
        (rule("a", "max_drawdown", "percent", 5.0, "block", 'strategy = "buyer"\n'), "leave strategy out"),
        (rule("a", "stop_loss", "percent", 5.0, "block", 'strategy = "buyers"\n'), "did you mean buyer"),
        (rule("a", "stop_loss", "ratio", 5.0, "block"), "measured in percent, dollars"),
        (rule("a", "take_profit", "percent", -5.0, "alert"), "above zero"),
        (rule("a", "stop_loss", "percent", 5.0, "block", "when = 3\n"), "no key in [limits.rules.a]"),
        ('\n[limits.rules.a]\ntype = "stop_loss"\n', "needs unit"),
        ("\n[limits.rules]\na = 3\n", "A rule is a table"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_before_anything_starts(tmp_path: Path, tail: str, sentence: str) -> None:
    with pytest.raises(AssertionError) as caught:
        run(tmp_path, tail)
    assert sentence in str(caught.value)


RULES = (
    AccountRule("gain", RuleType.TAKE_PROFIT, Unit.DOLLARS, 8.0, Action.CLOSE_POSITION),
    AccountRule("size", RuleType.POSITION_SIZE, Unit.DOLLARS, 1_015.0, Action.REDUCE_SIZE),
    AccountRule("day", RuleType.DAILY_LOSS, Unit.DOLLARS, 10.0, Action.CLOSE_ALL, strategy="puppet"),
)


class RuledWorld(PaperWorld):
    """A paper run under an owner's rules."""

    def wire(self) -> Run:
        """Put together what a new process puts together."""
        made = super().wire()
        made.parts.rules = RULES
        return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "fdatasync", lambda _handle: None)
    monkeypatch.setattr(desk, "_GATHERED", 0)
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        gc.collect()


def play(world: RuledWorld, fate: Fate) -> Any:
    loop, made = world.clock.fresh_loop(), None
    with pytest.MonkeyPatch.context() as patch:
        haunt_record(world, fate, patch)
        try:
            made = world.wire()
            loop.run_until_complete(loop.create_task(world.live(made)))
        except Died:
            bury(loop)
        finally:
            close_run(made)
    return made


def ended(world: RuledWorld, made: Any) -> dict[str, Any]:
    store = world.store
    fills = [(fill.seq, fill.side, fill.quantity, fill.price) for fill in store.fills(world.run_id)]
    states = {name: (state.count, state.standing) for name, state in made.ruling.states.items()}
    halts = [halt.scope.split(":")[0] for halt in Halts(world.folder / "halts").standing()]
    rules = sorted(row.rule for row in store.violations(world.run_id) if row.scope.startswith("strategy:") or row.rule)
    return {"fills": fills, "states": states, "halts": halts, "rules": rules}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.usefixtures("quick")
def test_a_ruled_run_that_dies_anywhere_ends_as_the_undisturbed_one(tmp_path: Path) -> None:
    with open_store("sqlite://", migrate=True, verify=False) as store:

        def world(name: str) -> RuledWorld:
            return RuledWorld(tmp_path / name, run_id=f"R{name}", account=f"A{name}", shared_store=store)

        whole, fate = world("whole"), Fate()
        wanted = ended(whole, play(whole, fate))
        assert all(count for count, _ in wanted["states"].values())
        assert wanted["halts"] == ["strategy"]
        for end in range(1, fate.passed + 1):
            other, first = world(f"at{end}"), Fate(end)
            play(other, first)
            assert first.is_dead
            assert ended(other, play(other, Fate())) == wanted, f"died at {end}: {first.names[-1]}"
