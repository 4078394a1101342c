"""Halts that stand in the way of a request: answered with 423, and with who, when and why."""

from __future__ import annotations

from tidemill.model.errors import GuardRefusal
from tidemill.services.fleet.runs import OwnedRun
from tidemill.services.operating import Answer
from tidemill.web.parts import Parts
from tidemill.web.trading.once import told

__all__ = ["check_halts", "check_refusal"]

_HALTED = "halted: "


def check_halts(parts: Parts, run: OwnedRun | None, symbol: str = "") -> None:
    """Refuse what could trade while a halt stands over the system, a run or one of its symbols. Raises ApiError."""
    with told():
        parts.manual.stopping.check(run, symbol)


def check_refusal(parts: Parts, run: OwnedRun, symbol: str, answer: Answer) -> None:
    """Answer what a run refused because of a halt with who halted it. Raises ApiError, GuardRefusal."""
    if answer.state == "REFUSED" and answer.text.startswith(_HALTED):
        check_halts(parts, run, symbol)
        raise GuardRefusal("halted", answer.text.removeprefix(_HALTED))  # of a strategy, or lifted since
