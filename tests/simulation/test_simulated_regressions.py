"""Days that once showed a defect stay sound; a seed gives the same day for ever; days on paper do not mind deaths."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.days import EVERY, live, told
from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.runtime.account.resolve import Resolver
from tidemill.testing.exchange import Faults, ScriptedBroker
from tidemill.testing.simulation import OWN_FAULTS, draw, simulate, simulate_paper
from tidemill.testing.simulation.faults import LIKELIHOOD

SEEDS = Path(__file__).with_name("seeds.txt")


def failing_seeds() -> list[tuple[int, int, str]]:
    """Return seeds, minutes of a bar, and the faults they need, as committed."""
    lines = [line.split(maxsplit=3) for line in SEEDS.read_text(encoding="utf-8").splitlines()]
    return [(int(words[0]), int(words[1]), words[2]) for words in lines if words and not words[0].startswith("#")]


@pytest.mark.parametrize(("seed", "bar_minutes", "only"), failing_seeds())
def test_a_day_that_once_failed_is_sound(seed: int, bar_minutes: int, only: str) -> None:
    day = draw(seed, bar_minutes=bar_minutes)
    names = set(day.faults) if only == "all" else set(only.split(","))
    assert told([simulate(seed, day.without(set(day.faults) - names))]) == []


def test_the_same_seed_is_the_same_day() -> None:
    first, again = live([44]), live([44])
    assert (first[0].orders, first[0].fills, first[0].processes, first[0].checks, first[0].fired) == (
        again[0].orders,
        again[0].fills,
        again[0].processes,
        again[0].checks,
        again[0].fired,
    )
    assert draw(44) == draw(44) != draw(45)


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_day_on_paper_ends_the_same_after_any_deaths(seed: int) -> None:
    whole = simulate_paper(seed, kills=0)
    broken = simulate_paper(seed, kills=4, within=whole.steps)
    assert broken.content == whole.content
    assert broken.record == whole.record
    assert whole.kills == 0


def test_every_fault_can_be_drawn_and_has_a_likelihood() -> None:
    assert set(LIKELIHOOD) == EVERY
    drawn = {name for seed in range(400) for name in draw(seed).faults}
    assert drawn == EVERY
    faults = Faults(1, OWN_FAULTS)
    for name in OWN_FAULTS:
        faults.on(name)
        assert faults.fires(name)


def test_a_broken_promise_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without claiming requests, asking about lost orders, or booking what was found, days stop being sound."""
    day = draw(8)
    assert simulate(8, day).is_sound
    monkeypatch.setattr(Resolver, "doubt", lambda *_: None)
    outcome = simulate(8, day)
    assert not outcome.is_sound
    assert "python -m tidemill.testing.simulation 8" in str(outcome)


def test_an_order_sent_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def twice(broker: ScriptedBroker, order: OrderRequest) -> OrderReport:
        await once(broker, order)
        return await once(broker, order)

    once = ScriptedBroker.submit
    monkeypatch.setattr(ScriptedBroker, "submit", twice)
    outcome = simulate(3)
    assert {breach.promise for breach in outcome.breaches} >= {1}
