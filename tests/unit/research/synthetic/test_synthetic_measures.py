"""The measuring itself, on series whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.research.synthetic.facts import Fact, autocorrelation, excess_kurtosis, facts, facts_table
from tidemill.research.synthetic.market import SyntheticMarket, synthesise


def test_kurtosis_of_two_values_and_of_normal_noise() -> None:
    assert excess_kurtosis(np.array([-1.0, 1.0, -1.0, 1.0])) == pytest.approx(-2.0)
    assert abs(excess_kurtosis(np.random.default_rng(1).standard_normal(200_000))) < 0.05


def test_autocorrelation_of_an_alternating_series_stays_inside_rows() -> None:
    row = np.tile([1.0, -1.0], 50)
    assert autocorrelation(row, 1) == pytest.approx(-1.0)
    assert autocorrelation(np.stack([row, row]), 2) == pytest.approx(1.0)


def test_every_row_of_the_acceptance_table_is_measured(market: SyntheticMarket) -> None:
    measured = facts(market)
    assert len({fact.name for fact in measured}) == 16
    assert {fact.symbol for fact in measured} == {"SIMA", "SIMB", "SIMQ", "SIMA/SIMB", "SIMA/SIMQ", "SIMB/SIMQ"}


def test_one_session_is_enough_for_minute_facts() -> None:
    names = {fact.name for fact in facts(synthesise(symbols=("SIMA",), sessions=1))}
    assert "excess kurtosis, 1-minute returns" in names
    assert "excess kurtosis, daily returns" not in names


def test_table_marks_what_lies_outside() -> None:
    inside, outside = Fact("SIMA", "a fact", 0.5, 0.0, 1.0), Fact("SIMB", "a fact", 2.0, 0.0, 1.0)
    assert inside.holds and not outside.holds
    assert "| a fact | 0 to 1 | SIMA 0.500, SIMB 2.000 (outside) |" in facts_table([inside, outside])
