"""A strategy that raises: its bar is skipped and somebody is told; after three bars in a row it is called no more."""

from __future__ import annotations

from tidemill.model.enums import Intent, Operator
from tidemill.runtime.life.wiring import Wired
from tidemill.runtime.record.remarks import remark
from tidemill.runtime.words.words import CancelWord, OperatorWord

__all__ = ["MOST_IN_ROW", "Mistakes"]

MOST_IN_ROW = 3  # bars a strategy may raise on before it is called no more
_BY = "engine"


class Mistakes:
    """Answers what ordinary Python strategies raise.

    Positions of a strategy that is called no more keep their stops and targets at the broker; its entries that still
    work are cancelled. The word that ends it is a row of the tape, so that a replay leaves it out from the same bar on.

    Args:
        run: wired.
    """

    def __init__(self, run: Wired) -> None:
        self._run = run
        self._ended: list[int] = []

    def begin(self) -> None:
        """Go on from where the record ends: what was told is not told again, what was left to do is done."""
        core = self._run.core
        core.mistakes.clear()
        self._ended = list(core.disabled)
        for row, in_row in core.in_row():
            if in_row >= MOST_IN_ROW:
                self._end(row, in_row, "")

    def look(self) -> None:
        """Tell what was raised since the last look, and end who raised too often."""
        run = self._run
        mistakes, run.core.mistakes = run.core.mistakes, []
        for mistake in mistakes:
            name = run.terms.strategies[mistake.strategy]
            remark(run.journal, run.now(), "core", "mistake", name, mistake.text.encode())
            if mistake.in_row >= MOST_IN_ROW:
                self._end(mistake.strategy, mistake.in_row, mistake.text)
            else:
                run.alert(2, "STRATEGY_RAISED", f"{name}: {mistake.text} The bar was skipped.")

    def _end(self, row: int, in_row: int, text: str) -> None:
        run = self._run
        if row in self._ended:
            return
        self._ended.append(row)
        name = run.terms.strategies[row]
        reason = f"{name} raised on {in_row} bars in a row and is called no more; its positions keep their stops."
        run.alert(1, "STRATEGY_DISABLED", f"{reason} {text}".strip())
        run.parts.inbox.operator(OperatorWord(Operator.DISABLE, _BY, reason, order=row))
        for order in run.book.open_orders():
            if order.owner == row and order.request.intent is Intent.ENTRY:
                run.parts.inbox.operator(CancelWord(order.request.client_id, _BY))
