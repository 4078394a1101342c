"""Use case: give an open position another stop, target or trailing stop, and say what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.adapters.sql.database import Database
from tidemill.model.people import Principal
from tidemill.services.access.audit import record
from tidemill.services.commands.asking import Asking
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import OwnedRun
from tidemill.services.refusals import Kind, Refused

__all__ = ["Protected", "Terms", "protect_position"]

_WAIT_S = 10.0
_IN_THE_WAY = {"no_position", "stop_side", "target_side", "stop_too_wide", "trail_too_wide"}


@dataclass(frozen=True, slots=True)
class Terms:
    """What is to change; None leaves it: prices of stop and target, and a trail in price points or percent (0-100)."""

    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_amount: float | None = None
    trailing_pct: float | None = None

    def values(self) -> dict[str, float]:
        """Return what is said."""
        named = {
            "stop_loss": self.stop_loss,
            "take_profit": self.take_profit,
            "trailing_amount": self.trailing_amount,
            "trailing_pct": self.trailing_pct,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Protected:
    """What became of a wish: ``is_done``, or it waits for the run to answer; ``text`` is the run's."""

    is_done: bool
    text: str


def protect_position(
    database: Database, asking: Asking, caller: Principal, run: OwnedRun, position: Mapping[str, str], terms: Terms
) -> Protected:
    """Ask a run to change the protection of one of its positions; written into the audit log.

    Args:
        position: symbol and, where a run has several, strategy. terms: at least one.

    Raises:
        Refused: the run is not at work, holds no such position, or the protection would be wider than its settings
            allow; the sentence names the price that would do.
    """
    body: dict[str, Any] = {**position, **terms.values()}
    answer = asking.ask(caller.scope, run.run_id, "protect", body, user=caller.username, wait_s=_WAIT_S)
    if answer.state == "REFUSED":
        code, _, sentence = answer.text.partition(": ")
        if code in _IN_THE_WAY:
            raise Refused(Kind.CONFLICT, code, sentence)
        if not sentence:
            raise not_now(answer.text)
        raise Refused(Kind.INVALID, code, sentence)
    record(database, caller, "position.protect", run.run_id, body)
    return Protected(answer.state == "DONE", answer.text)
