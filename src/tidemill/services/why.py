"""Use case: explain one bar of a recorded run, from what the strategy saw to what became of its orders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.enums import EventKind
from tidemill.model.errors import DataError, UnknownName
from tidemill.model.intervals import format_interval
from tidemill.research.flight.conditions import Condition, StepTrace
from tidemill.research.flight.questions import Questions
from tidemill.research.flight.why import Proposal, Seen, Witness
from tidemill.research.flight.words import instant_text
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.recovery.refeed import Refeed
from tidemill.services.recorded import Blueprint, RecordedRun, names_of

__all__ = ["Fate", "Told", "WhyReport", "explain"]

_BAR = int(EventKind.BAR)
_PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one request that the bar's turn sent.

    Args:
        action: submit, cancel or replace. client_id, intent, words: which order.
        guard: what the guard said before it left: ``passed``, or its sentence. request: state of the request.
        state, filled, average_price, text: of the order as recorded now.
    """

    action: str
    client_id: str
    intent: str
    words: str
    guard: str
    request: str
    state: str
    filled: str
    average_price: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """One strategy on the bar.

    Args:
        strategy: name. held: signed units before. is_called: its step was called on this bar.
        seen: its fields before and after. conditions: parts of its ``if`` lines in the order they were reached.
        proposals: what it proposed.
        fates: what the turn sent for it.
    """

    strategy: str
    held: float
    is_called: bool
    seen: Sequence[Seen]
    conditions: Sequence[Condition]
    proposals: Sequence[Proposal]
    fates: Sequence[Fate]


@dataclass(frozen=True, slots=True)
class WhyReport:
    """Everything about one bar.

    Args:
        run_id, symbol, interval: which bar. start_ns, end_ns: of it. seq: tape row of the turn.
        bar: its prices and volume. is_halted: entries were stopped. strategies: each that trades the symbol.
        words: what people ordered since the bar before: who and what.
    """

    run_id: str
    symbol: str
    interval: str
    start_ns: int
    end_ns: int
    seq: int
    bar: Mapping[str, float]
    is_halted: bool
    strategies: Sequence[Told]
    words: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def explain(recorded: RecordedRun, blueprint: Blueprint, symbol: str, at_ns: int, interval_ns: int = 0) -> WhyReport:
    """Feed a run's tape up to one bar and tell what its turn saw, asked and did.

    Args:
        recorded: the run, of which the hash chain is proven. blueprint: what it was built from.
        symbol: of the bar. at_ns: any instant from its start on, before its end. interval_ns: its size; 0: the finest.

    Raises:
        UnknownName: the run does not trade the symbol. DataError: there is no such bar on the tape.
        StrategyError: an ordinary Python strategy raised.
    """
    symbols = [item.symbol for item in blueprint.plan.instruments]
    if symbol not in symbols:
        raise UnknownName("symbol in this run", symbol, symbols)
    row = symbols.index(symbol)
    wanted = _find(recorded.tape["event"], row, symbol, at_ns, interval_ns)
    court = _Court(recorded, blueprint, row, wanted)
    return court.hear(recorded.row.run_id, symbol)


def _find(events: NDArray[Any], row: int, symbol: str, at_ns: int, interval_ns: int) -> int:
    """Return the index of a bar on the tape."""
    own = np.flatnonzero((events["kind"] == _BAR) & (events["instrument"] == row))
    if not len(own):
        raise DataError(f"There is no bar of {symbol} on the tape yet.")
    sizes = events["interval_ns"][own]
    own = own[sizes == (interval_ns or sizes.min())]
    bars = events[own]
    inside = np.flatnonzero((bars["ts_ns"] <= at_ns) & (at_ns < bars["now_ns"]))
    if not len(inside):
        near = int(np.argmin(np.abs(bars["ts_ns"] - at_ns))) if len(bars) else 0
        hint = f"the nearest begins {instant_text(int(bars['ts_ns'][near]))}" if len(bars) else "try another interval"
        raise DataError(f"No bar of {symbol} on the tape holds {instant_text(at_ns)}; {hint}.")
    return int(own[inside[0]])


def _reason(body: bytes) -> str:
    """Return what an operator's row says about why, or about what exactly."""
    return str(json.loads(body or b"{}").get("reason", ""))


class _Court:
    """Feeds the tape up to one bar and listens there."""

    def __init__(self, recorded: RecordedRun, blueprint: Blueprint, instrument: int, wanted: int) -> None:
        self._recorded, self._blueprint, self._instrument, self._wanted = recorded, blueprint, instrument, wanted
        names = names_of(recorded.row, blueprint)
        self._again = Refeed(blueprint.engine(), names, on_outgoing=self._note)
        self._again.on_turn = self._around
        self._questions = Questions(self._again.core.engine, blueprint.rules)
        self._witnesses: list[tuple[int, bool, float, Witness]] = []
        self._traces: dict[int, StepTrace] = {}
        self._sent: list[Outgoing] = []
        self._seq = 0
        self._is_halted = False

    def hear(self, run_id: str, symbol: str) -> WhyReport:
        """Return what there is to tell."""
        self._again.feed(self._recorded.tape)
        if not self._seq:
            raise DataError(f"The bar of {symbol} is on the tape, and the core has not taken it yet.")
        event = self._recorded.tape["event"][self._wanted]
        refusals = self._again.core.collect().refusals
        return WhyReport(
            run_id,
            symbol,
            format_interval(int(event["interval_ns"])),
            int(event["ts_ns"]),
            int(event["now_ns"]),
            self._seq,
            {name: float(event[name]) for name in _PRICES},
            self._is_halted,
            [self._tell(*item, refusals) for item in self._witnesses],
            self._words(),
        )

    def _words(self) -> list[str]:
        """Return what people ordered between the bar before and this one, as the store's tape tells it."""
        events = self._recorded.tape["event"]
        own = (events["kind"] == _BAR) & (events["instrument"] == self._instrument)
        own &= events["interval_ns"] == events["interval_ns"][self._wanted]
        before = np.flatnonzero(own[: self._wanted])
        first = int(before[-1]) + 1 if len(before) else 0
        rows = range(first, self._wanted)
        near = [note for note in self._recorded.notes if note.seq - 1 in rows]
        return [
            f"{note.source.removeprefix('person:')}: {note.kind.lower()} {_reason(note.body)}".rstrip()
            for note in near
            if int(events["kind"][note.seq - 1]) == EventKind.OPERATOR
            and int(events["instrument"][note.seq - 1]) in {-1, self._instrument}
        ]

    def _around(self, at: int, seq: int, is_over: bool) -> None:
        if at != self._wanted:
            return
        core = self._again.core
        if is_over:
            self._questions.listen(is_on=False)
            self._seq, self._again.is_stopped = seq, True
            return
        core.collect()
        self._sent = []
        self._is_halted = core.is_halted
        tables = core.engine.state.tables
        interval = int(self._recorded.tape["event"][at]["interval_ns"])
        for number, slot in enumerate(tables["slots"]):
            if int(slot["instrument"]) == self._instrument:
                strategy = int(slot["strategy"])
                is_called = int(tables["strategies"][strategy]["interval_ns"]) in {0, interval}
                spec = self._blueprint.plan.strategies[strategy].spec
                witness = Witness(core.engine, self._questions, number, spec)
                self._witnesses.append((strategy, is_called, float(slot["quantity"]), witness))
        self._watch_steps(at, core.engine)
        self._questions.listen(is_on=True)

    def _watch_steps(self, at: int, engine: Engine) -> None:
        """Let a copy of the core take the bar in plain Python and note the conditions that are met."""
        copy = Engine(self._blueprint.plan, self._blueprint.rules, form="interpreted", history=self._blueprint.history)
        for strategy, is_called, _, _ in self._witnesses:
            if not is_called or engine.steps[strategy].form == "callback":  # an object's own memory cannot be copied
                continue
            copy.state.bytes[:] = engine.state.bytes
            copy.event[:] = self._recorded.tape["event"][at]
            trace = StepTrace(self._blueprint.plan.strategies[strategy].spec)
            trace.watch(copy.feed)
            self._traces[strategy] = trace

    def _note(self, seq: int, outgoing: list[Outgoing]) -> None:
        del seq
        self._sent = outgoing

    def _tell(self, strategy: int, is_called: bool, held: float, witness: Witness, refusals: Any) -> Told:
        name = self._blueprint.plan.strategies[strategy].spec.name
        fates = [self._fate(item) for item in self._sent if item.order.strategy == name]
        proposals = witness.proposals(refusals) if is_called else []
        met = witness.tree_conditions() if is_called else []
        met += self._traces[strategy].met if strategy in self._traces else []
        return Told(name, held, is_called, witness.seen(), met, proposals, fates)

    def _fate(self, item: Outgoing) -> Fate:
        request = item.order.request
        row = next((row for row in self._recorded.outbox if row.key == item.row.key), None)
        order = next((row for row in self._recorded.orders if row.client_id == request.client_id), None)
        guard = "passed" if item.action != "cancel" else "not asked: a cancel always leaves"
        if row is not None and row.state == "DROPPED":
            guard = row.text
        words = f"{request.side.name} {request.quantity:g} {request.symbol} {request.type.name}"
        return Fate(
            item.action,
            request.client_id,
            request.intent.name,
            words,
            guard if row is not None else "not asked yet",
            row.state if row is not None else "not recorded yet",
            order.state if order is not None else "",
            order.filled if order is not None else "",
            order.average_price if order is not None else "",
            order.text if order is not None else "",
        )
