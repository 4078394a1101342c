"""Makes a run obey halts that others made.

The guard looks for halts before every send; this file makes the run act on them: entries on their way are cancelled,
positions closed, and an OPERATOR event on the tape tells every replay why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tidemill.model.enums import EventKind, Intent, Operator, OrderState, Side
from tidemill.model.errors import StoreError
from tidemill.model.journal import GuardRow
from tidemill.model.records import EVENT
from tidemill.runtime.guard.halts import SYSTEM, Halt, Halts, Rung
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.orders.book import LiveOrder
from tidemill.runtime.watch.terms import Supervised
from tidemill.runtime.words.words import CancelWord, IntentWord, OperatorWord

__all__ = ["HUNG", "HaltWatch"]

HUNG = "it hung"  # a strategy halted for that reason is not called any more
_ROWS_S = 0.1
_FILES_S = 0.02
_ATTEMPTS = 3  # times a flatten is tried before only a person can help (promise 21)
_PATIENCE_NS = 2_000_000_000
_CODES = {Rung.PAUSE: Operator.HALT, Rung.CANCEL: Operator.CANCEL_ALL, Rung.FLATTEN: Operator.FLATTEN}
_LEAVING = (OrderState.CANCEL_PENDING,)


class HaltWatch:
    """Makes a run obey halts, whoever made them, and go on once a person has lifted them.

    Args:
        run: the run. halts: files and rows. guard: is told what the guard table says.
        heard: called when a halt has been carried out.
    """

    def __init__(
        self,
        run: Supervised,
        halts: Halts,
        guard: SendGuard,
        *,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self._run, self._halts, self._guard = run, halts, guard
        self._heard = heard
        self._wide = (SYSTEM, f"account:{run.terms.account}", f"run:{run.terms.run_id}")
        self._strategies = {f"strategy:{run.terms.run_id}/{name}": name for name in run.terms.strategies}
        self._symbols = {f"symbol:{run.terms.run_id}/{item.symbol}": item.symbol for item in run.terms.instruments}
        self._given: dict[str, Halt] = {}  # what the run was told
        self._heeded: dict[str, Halt] = {}  # what it has carried out
        self._rows: dict[str, GuardRow] = {}
        self._tries = 0
        self._tried_ns = 0
        self._is_lifting = False

    @property
    def heeded(self) -> tuple[str, ...]:
        """Return the mark of every halt whose turn is durable and whose requests have left."""
        if getattr(self._run.desk, "waiting", 0):
            return ()
        return tuple(halt.mark for _, halt in sorted(self._heeded.items()))

    async def watch_files(self) -> None:
        """Look until cancelled; a file is obeyed at the next look."""
        while True:
            self.look()
            await self._run.parts.clock.sleep(_FILES_S)

    async def watch_rows(self) -> None:
        """Read the guard table until cancelled; a database that does not answer leaves what is known."""
        parts = self._run.parts
        while True:
            try:
                self.restore(await parts.writer.run(parts.store.guard))
            except StoreError:  # the heartbeat tells of it; halt files still count
                await parts.clock.sleep(1.0)
            await parts.clock.sleep(_ROWS_S)

    def restore(self, rows: Sequence[GuardRow]) -> None:
        """Take what the guard table says."""
        self._rows = {row.scope: row for row in rows}
        self._guard.restore(rows)

    def look(self) -> None:
        """Obey what is new, and lift what is gone."""
        standing = {halt.scope: halt for halt in self._halts.standing() if self._concerns(halt.scope)}
        for scope, halt in standing.items():
            if self._given.get(scope) != halt:
                self._given[scope] = halt
                self._order(halt)
        for scope in [scope for scope in self._given if scope not in standing]:
            del self._given[scope]
            if self._heeded.pop(scope, None) is not None:
                self._heard()
        wide = [halt for scope, halt in standing.items() if scope in self._wide]
        if wide:
            self._is_lifting = False
            self._insist(max(wide, key=_rank))
        else:
            self._lift()

    def _concerns(self, scope: str) -> bool:
        return scope in self._wide or scope in self._strategies or scope in self._symbols

    def _order(self, halt: Halt) -> None:
        """Tell the run of a halt."""
        if halt.scope in self._wide:
            if self._is_done(halt.rung):
                self._heeded[halt.scope] = halt  # before a restart
                self._heard()
            else:
                self._command(_CODES[halt.rung], halt)
            return
        if halt.scope in self._strategies and halt.reason.startswith(HUNG):
            row = list(self._strategies).index(halt.scope)
            self._run.parts.inbox.operator(OperatorWord(Operator.DISABLE, halt.by, halt.reason, order=row))
        if halt.rung >= Rung.CANCEL:
            for order in self._entries():
                if self._belongs(halt.scope, order.strategy, order.request.symbol):
                    self._run.parts.inbox.operator(CancelWord(order.request.client_id, halt.by))
        if halt.rung >= Rung.FLATTEN:
            for row in self._exits(halt.scope):
                self._run.parts.inbox.operator(IntentWord(row, halt.by, ""))

    def _command(self, code: Operator, halt: Halt) -> None:
        def done() -> None:
            if self._given.get(halt.scope) == halt:
                self._heeded[halt.scope] = halt
                self._heard()

        self._run.parts.inbox.operator(OperatorWord(code, halt.by, halt.reason, done=done))

    def _is_done(self, rung: Rung) -> bool:
        """Tell whether the core stands as a halt wants it."""
        if not self._run.core.is_halted:
            return False
        if rung >= Rung.CANCEL and any(order.state not in _LEAVING for order in self._entries()):
            return False
        return rung < Rung.FLATTEN or not self._open_slots()

    def _insist(self, halt: Halt) -> None:
        """Repeat what has not worked, three times in all; then only a person can help (promise 21)."""
        if self._heeded.get(halt.scope) != halt or self._is_done(halt.rung):
            self._tries = 0 if self._heeded.get(halt.scope) == halt else self._tries
            self._tried_ns = self._run.parts.clock.monotonic_ns()
            return
        now = self._run.parts.clock.monotonic_ns()
        if now - self._tried_ns < _PATIENCE_NS or self._tries > _ATTEMPTS:
            return
        self._tried_ns = now
        self._tries += 1
        if self._tries < _ATTEMPTS:
            self._command(_CODES[halt.rung], halt)
        elif self._tries == _ATTEMPTS:
            self._run.alert(
                1, "halt_unfinished", f"Orders or positions are still open after {_ATTEMPTS} attempts: act."
            )

    def _lift(self) -> None:
        """Let the core trade again once no halt stands over the whole run."""
        if not self._run.core.is_halted:
            self._is_lifting = False
        elif not self._is_lifting:
            self._is_lifting = True
            by = next((row.by for scope in self._wide if (row := self._rows.get(scope)) is not None), "")
            self._run.parts.inbox.operator(OperatorWord(Operator.RESUME, by or "engine", "no halt stands any more"))

    def _entries(self) -> list[LiveOrder]:
        return [order for order in self._run.book.open_orders() if order.request.intent is Intent.ENTRY]

    def _open_slots(self) -> list[Any]:
        """Return slots that hold something no exit is on its way for."""
        slots = self._run.core.engine.state.tables["slots"]
        return list(slots[(slots["quantity"] != 0.0) & (slots["exit_order"] < 0)])

    def _belongs(self, scope: str, strategy: str, symbol: str) -> bool:
        return self._strategies.get(scope) == strategy or self._symbols.get(scope) == symbol

    def _exits(self, scope: str) -> list[Any]:
        """Return an INTENT row that closes it for each open position of a strategy or symbol."""
        names, items = list(self._run.terms.strategies), self._run.terms.instruments
        rows = []
        for slot in self._open_slots():
            strategy, instrument = int(slot["strategy"]), int(slot["instrument"])
            if self._belongs(scope, names[strategy], items[instrument].symbol):
                row = np.zeros(1, EVENT)
                row["kind"], row["instrument"], row["order"] = int(EventKind.INTENT), instrument, strategy
                row["extra"] = int(Intent.EXIT)
                row["code"] = int(Side.SELL if slot["quantity"] > 0.0 else Side.BUY)
                rows.append(row)
        return rows


def _rank(halt: Halt) -> int:
    return int(halt.rung)
