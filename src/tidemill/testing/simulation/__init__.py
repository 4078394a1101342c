"""Deterministic simulation: whole trading days of a real engine in a world that one integer makes, and spoils."""

from __future__ import annotations

from tidemill.testing.simulation.faults import OWN_FAULTS
from tidemill.testing.simulation.invariants import Breach
from tidemill.testing.simulation.paper import PaperOutcome, simulate_paper
from tidemill.testing.simulation.scenario import Scenario, draw
from tidemill.testing.simulation.simulate import Outcome, shrink, simulate, simulate_many

__all__ = [
    "OWN_FAULTS",
    "Breach",
    "Outcome",
    "PaperOutcome",
    "Scenario",
    "draw",
    "shrink",
    "simulate",
    "simulate_many",
    "simulate_paper",
]
