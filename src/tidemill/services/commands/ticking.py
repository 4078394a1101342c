"""Use case: hand prices from outside to the runs that listen for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.model.people import Principal
from tidemill.services.commands.asking import Asking
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import Runs
from tidemill.services.operating import Answer

__all__ = ["push_ticks"]

_WAIT_S = 5.0


def push_ticks(
    runs: Runs, asking: Asking, principal: Principal, ticks: Sequence[Mapping[str, Any]], *, run_id: str = ""
) -> list[tuple[str, Answer]]:
    """Return what each run made of each tick: symbol and answer.

    Args:
        ticks: symbol, price, size and ts_ns each, oldest first.
        run_id: of one run; empty: every run of theirs that listens and trades the symbol.

    Raises:
        Refused: the run is not theirs or not at work, or none listens.
    """
    listening = {run_id: frozenset[str]()} if run_id else runs.listening(principal.scope)
    asked = [
        (name, tick) for tick in ticks for name, symbols in listening.items() if run_id or tick["symbol"] in symbols
    ]
    if not asked:
        names = ", ".join(sorted({str(tick["symbol"]) for tick in ticks}))
        raise not_now(f"None of your runs listens to ticks of {names}; start one with the feed push.")

    wishes = [(name, "tick", tick) for name, tick in asked]
    answers = asking.ask_many(principal.scope, wishes, user=principal.username, wait_s=_WAIT_S)
    return [(str(tick["symbol"]), answer) for (_, tick), answer in zip(asked, answers, strict=True)]
