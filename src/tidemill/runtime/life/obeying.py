"""What a run does with the words of people and programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from tidemill.model.answers import REFUSALS
from tidemill.model.enums import Operator, OrderState, Refusal
from tidemill.model.errors import GuardRefusal
from tidemill.model.journal import AnswerRow, FillEntry
from tidemill.runtime.guard.relimits import limits_row
from tidemill.runtime.life.telling import account_row
from tidemill.runtime.life.wiring import Wired
from tidemill.runtime.orders.desk import InstantDesk
from tidemill.runtime.orders.outgoing import decimal_text
from tidemill.runtime.orders.translation import adjustment_row
from tidemill.runtime.words.bodies import settle_entry
from tidemill.runtime.words.protecting import ProtectWord, check_protection, find_slot, protect_row
from tidemill.runtime.words.words import (
    AccountWord,
    AdjustWord,
    CancelWord,
    IntentWord,
    LimitsWord,
    OperatorWord,
    StopWord,
    VerdictWord,
)

__all__ = ["Obeying"]

_TOGETHER = 64  # commands of one transaction at most


class Obeying:
    """Does what the words ask for, and says what became of it.

    Args:
        run: begun. stop: ends it after the word in hand.
    """

    def __init__(self, run: Wired, stop: Callable[[], None]) -> None:
        self._run, self._stop = run, stop

    async def take(self, item: Any) -> None:
        """Do one word and answer the command it came from, in one transaction."""
        await self._obey(item)
        await self._write([item])

    async def take_waiting(self, first: Any) -> None:
        """Do a command and those that wait behind it; on a simulated exchange one transaction holds all of them."""
        run, items = self._run, [first]
        if not isinstance(run.desk, InstantDesk):
            await self.take(first)
            return
        run.desk.gathers = True
        try:
            await self._obey(first)
            while len(items) < _TOGETHER and (item := run.parts.inbox.take_command()) is not None:
                items.append(item)
                await self._obey(item)
        finally:
            run.desk.gathers = False
        await self._write(items)

    async def _obey(self, item: Any) -> None:
        """Do one word, and put what became of it into the transaction."""
        run = self._run
        known = len(run.book.by_client)
        run.refusal = 0
        try:
            await self._do(item)
        except GuardRefusal as error:
            outcome = ("REFUSED", f"{error.code}: {error}")
        else:
            outcome = self._outcome(item, known)
        if item.key:
            run.journal.batch.answers.append(AnswerRow(item.key, *outcome))

    async def _write(self, items: Sequence[Any]) -> None:
        """Put what was done and answered on the disk, then say so."""
        run = self._run
        await run.journal.commit()
        for item in items:
            run.poller.settled(item.key)
            if isinstance(item, OperatorWord) and item.done is not None:
                item.done()
        run.parts.answered()

    async def _do(self, item: Any) -> None:
        """Do what a person or a program asked for; its key goes on the tape in the same transaction."""
        run = self._run
        now = run.now()[0]
        if run.parts.exchange is not None:
            run.parts.exchange.tell_time(now)
        if isinstance(item, OperatorWord):
            if item.code is Operator.HALT and item.done is None:  # not the echo of a halt that stands already
                run.approver.halt(f"run:{run.terms.run_id}", item.reason, item.by)
            if item.code is Operator.RESUME:
                run.present.health.rejects_in_row = 0  # a person has looked; else the first entry trips it again
            await run.turns.take_operator(item.code, item.by, item.reason, now, item.key, item.order)
        elif isinstance(item, IntentWord | VerdictWord):
            await self._propose(item, now)
        elif isinstance(item, CancelWord):
            await self._cancel(item, now)
        elif isinstance(item, AdjustWord):
            await self._adjust(item, now)
        elif isinstance(item, LimitsWord):
            run.approver.relimit(item.limits, limits_row(run.terms.run_id, item.text, item.by, now))
            await run.turns.take_operator(Operator.LIMITS, item.by, item.text, now, item.key)
        elif isinstance(item, ProtectWord):
            await self._protect(item, now)
        elif isinstance(item, AccountWord):
            row = account_row(item.buying_power_micros, now)
            await run.turns.take_row(row, source=item.by, kind="ACCOUNT_SNAPSHOT")
        elif isinstance(item, StopWord):
            run.journal.note(run.journal.next_seq - 1, f"person:{item.by}", "STOP", item.key, b"")
            self._stop()
        await run.groups.settle()

    async def _propose(self, word: IntentWord | VerdictWord, now: int) -> None:
        """Hand the core a proposal from outside, or the answer to one of its own."""
        run = self._run
        word.row["ts_ns"] = word.row["now_ns"] = now
        if isinstance(word, VerdictWord):
            await run.turns.take_row(word.row, source=f"gate:{word.by}", kind="VERDICT", key=word.key)
            return
        instruments = run.core.engine.state.tables["instruments"]
        settle_entry(word.row, float(instruments[int(word.row["instrument"][0])]["last"]))
        await run.turns.take_row(word.row, source=f"person:{word.by}", kind="INTENT", key=word.key)

    async def _protect(self, word: ProtectWord, now: int) -> None:
        """Change the protection of one position. Raises GuardRefusal: it may not be, and nothing is written."""
        run = self._run
        tables, symbol = run.core.engine.state.tables, run.terms.instruments[word.instrument].symbol
        slot = find_slot(tables["slots"], word)
        last = float(tables["instruments"][word.instrument]["last"])
        check_protection(word, slot, tables["strategies"][word.strategy], last, symbol)
        row = protect_row(word, float(slot["quantity"]), now)
        body = json.dumps({"by": word.by, "reason": f"{symbol} {word.text()}"}).encode()
        await run.turns.take_row(row, source=f"person:{word.by}", kind=Operator.PROTECT.name, key=word.key, body=body)

    async def _adjust(self, word: AdjustWord, now: int) -> None:
        """Book what a person acknowledges: the position moves, and the ledger says why."""
        run = self._run
        terms = run.terms
        fill = FillEntry(
            broker=terms.broker,
            account=terms.account,
            exec_id=f"adjust:{word.key}",
            run_id=terms.run_id,
            client_id="",
            symbol=terms.instruments[word.instrument].symbol,
            side="BUY" if word.units > 0.0 else "SELL",
            quantity=decimal_text(abs(word.units)),
            price=decimal_text(word.price),
            fee_micros=0,
            ts_ns=now,
            seq=0,
            kind="correct",
            strategy=terms.strategies[word.strategy],
            flags="ADJUSTMENT",
        )
        row = adjustment_row(word.instrument, word.strategy, word.units, word.price, now)
        if run.outside is not None:
            run.outside.adjusting(word.instrument, word.units)
        await run.turns.take_adjustment(fill, row, f"person:{word.by}", word.key)

    def _outcome(self, item: Any, known: int) -> tuple[str, str]:
        """Return what became of a word: state and text of its command."""
        run = self._run
        if isinstance(item, CancelWord):
            order = run.book.by_client.get(item.client_id)
            if order is None:
                return "REFUSED", f"unknown_order: this run has no order {item.client_id}."
            return "DONE", f"{item.client_id} is {order.state.name}"
        if not isinstance(item, IntentWord | VerdictWord):
            return "DONE", "done"
        made = list(islice(run.book.by_client.values(), known, None))
        if made and made[0].state is OrderState.REJECTED:
            return "REFUSED", made[0].text
        if made:
            return "DONE", " ".join(f"{order.request.client_id} {order.state.name}" for order in made)
        code = Refusal(run.refusal)
        return "REFUSED", f"{code.name.lower()}: {REFUSALS.get(code, 'nothing was to be done')}"

    async def _cancel(self, word: CancelWord, now: int) -> None:
        """Ask for one order's end: an OPERATOR row that names it."""
        run = self._run
        order = run.book.by_client.get(word.client_id)
        number = order.request.number if order is not None else 0
        await run.turns.take_operator(Operator.CANCEL_ORDER, word.by, word.client_id, now, word.key, number)
