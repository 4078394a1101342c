"""A run as its record tells it: the tape, the tables that hang on it, and what it was built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.paper import PaperTerms
from tidemill.adapters.sql.store import SqlStore
from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.rules import RuleSpec
from tidemill.engine.engine import Engine
from tidemill.engine.plan import EnginePlan
from tidemill.model.bars import BarTable
from tidemill.model.chain import verify_tape
from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError, DataError, TapeBroken, UnknownName
from tidemill.model.journal import FillEntry, IntentRow, OrderRecord, OutboxRow, RunRow, TapeRow
from tidemill.research.planning import Entrant, plan_run
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.record.tape import TAPE_EVENT, TapeEnd, read_seals, read_tape
from tidemill.runtime.recovery.refeed import Names
from tidemill.services.agents import paper_terms, requests_of, spec_of_text
from tidemill.services.entries import entrants_of
from tidemill.services.kept_plan import kept_strategies, read_plan
from tidemill.services.live_market import market_of

__all__ = ["Blueprint", "RecordedRun", "bars_of_tape", "blueprint_of", "names_of", "read_recorded", "verify_chain"]

_START = bytes(32).hex()
_BAR = int(EventKind.BAR)
_COLUMNS = ("ts_ns", "open", "high", "low", "close", "volume")


@dataclass(slots=True)
class Blueprint:
    """What the core of a run is built from.

    Args:
        plan: instruments, calendars, strategies, settings.
        rules: risk rules in order.
        form: how strategies run.
        history: bars for ordinary Python strategies that ask for them, as the run had them.
        entrants: the strategies as they were asked for.
        paper: what the simulated account was strict about.
        note: what a reader must know about it.
        is_simulated: the prices are made up.
    """

    plan: EnginePlan
    rules: Sequence[RuleSpec]
    form: str = "auto"
    history: Sequence[BarTable] = ()
    entrants: Sequence[Entrant] = ()
    paper: PaperTerms = field(default_factory=PaperTerms)
    note: str = ""
    is_simulated: bool = False

    def engine(self, equity_rows: int = 4096) -> Engine:
        """Return a fresh core."""
        return Engine(self.plan, self.rules, form=self.form, equity_rows=equity_rows, history=self.history)


@dataclass(slots=True)
class RecordedRun:
    """Everything a run has left, read at one moment.

    Args:
        row: the run. tape: TAPE_EVENT rows from number 1 on.
        notes: rows of the store's tape; up to the last of them every table row is in the store.
        intents, outbox, orders, fills: as recorded.
        folder: of the run's files.
    """

    row: RunRow
    tape: NDArray[Any] = field(default_factory=lambda: np.zeros(0, TAPE_EVENT))
    notes: Sequence[TapeRow] = ()
    intents: Sequence[IntentRow] = ()
    outbox: Sequence[OutboxRow] = ()
    orders: Sequence[OrderRecord] = ()
    fills: Sequence[FillEntry] = ()
    folder: Path = field(default_factory=Path)

    @property
    def committed_seq(self) -> int:
        """Return the tape row up to which the record is whole."""
        return self.notes[-1].seq if self.notes else 0


def read_recorded(store: SqlStore, folder: Path, run_id: str) -> RecordedRun:
    """Read a run's record, also while its engine goes on writing.

    Args:
        store: the record. folder: of all runs' tapes.

    Raises:
        UnknownName: there is no such run. TapeBroken: a row was changed, lost or added by hand.
    """
    row = store.run(run_id)
    if row is None:
        raise UnknownName("run", run_id, [item.run_id for item in store.runs()])
    notes = store.tape(run_id)  # before everything else: what comes later is at least as far
    recorded = RecordedRun(
        row,
        notes=notes,
        intents=store.intents(run_id),
        outbox=store.outbox(run_id),
        orders=store.orders(run_id),
        fills=store.fills(run_id),
        folder=folder / run_id,
    )
    recorded.tape, _ = read_tape(folder / run_id)
    verify_chain(recorded, read_seals(folder / run_id))
    return recorded


def verify_chain(recorded: RecordedRun, seals: Sequence[TapeEnd]) -> None:
    """Prove that the store's tape is whole and that each of its rows lies on the files' tape it was written with.

    Args:
        recorded: the run; its file tape has proved itself when it was read.
        seals: ends of the blocks of its files.

    Raises:
        TapeBroken: names the first row that does not fit.
    """
    verify_tape(recorded.notes)
    reached = {seal.hash.hex(): seal.next_seq - 1 for seal in seals} | {_START: 0}
    if recorded.committed_seq > len(recorded.tape):
        raise TapeBroken(
            f"Run {recorded.row.run_id}: the files' tape ends at row {len(recorded.tape)}, the store knows row "
            f"{recorded.committed_seq}; restore a backup."
        )
    for note in recorded.notes:
        end = reached.get(note.market_hash)
        if end is None or end < note.seq:
            raise TapeBroken(
                f"Run {recorded.row.run_id}, row {note.seq}: the files' tape is not the one the store was written "
                "with; restore a backup."
            )


def blueprint_of(recorded: RecordedRun) -> Blueprint:
    """Return what a run was built from: its stored agent, and what was kept of its data when it began.

    Raises:
        StoreError: the stored agent cannot be read. ConfigError, DataError: nothing was kept, and its files are gone.
    """
    row = recorded.row
    spec, kept = spec_of_text(row.spec), read_plan(recorded.folder)
    paper = paper_terms(spec, row.account)
    try:
        market = market_of(spec, SystemClock(), row.started_ns)
    except (ConfigError, DataError) as error:
        if kept is None:
            raise
        note = f"The run's own files cannot be used any more ({error}); what they held up to its end is on its tape."
        entrants = entrants_of(requests_of(spec, kept_strategies(recorded.folder)))
        items = kept.instruments
        history = tuple(bars_of_tape(recorded.tape, [item.symbol for item in items])) if kept.is_known else ()
    else:
        note, entrants, items = "", market.entrants, market.instruments
        history = tuple(market.bars) if market.is_known else ()
    bars = kept.bars if kept is not None else market.bars
    plan = plan_run(entrants, bars, kept.instruments if kept is not None else items, spec.run, get_calendar)
    is_made_up = kept is not None and kept.is_simulated
    return Blueprint(plan, load_rules(), spec.form, history, entrants, paper, note, is_made_up)


def bars_of_tape(tape: NDArray[Any], symbols: Sequence[str]) -> list[BarTable]:
    """Return the bars on a tape as tables, in the order of the instruments.

    Raises:
        DataError: bars of one size do not all last equally long, or there are none.
    """
    bars = tape["event"][tape["event"]["kind"] == _BAR]
    tables = []
    for number, symbol in enumerate(symbols):
        own = bars[bars["instrument"] == number]
        for interval in np.unique(own["interval_ns"]):
            rows = own[own["interval_ns"] == interval]
            lasts = np.unique(rows["now_ns"] - rows["ts_ns"])
            if len(lasts) > 1:
                raise DataError(f"The bars of {symbol} on the tape do not all last equally long.")
            ts, opens, high, low, close, volume = (np.ascontiguousarray(rows[name]) for name in _COLUMNS)
            tables.append(BarTable(symbol, int(interval), int(lasts[0]), ts, opens, high, low, close, volume))
    if not tables:
        raise DataError("There are no bars on the tape yet.")
    return tables


def names_of(row: RunRow, blueprint: Blueprint) -> Names:
    """Return what a run's rows mean."""
    return Names(
        row.run_id,
        row.account,
        row.build,
        [item.symbol for item in blueprint.plan.instruments],
        [item.spec.name for item in blueprint.plan.strategies],
        is_stepped=row.broker == "paper",
    )
