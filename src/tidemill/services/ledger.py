"""Use case: make a run's read tables again from its tape, and prove that a record adds up from end to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill.adapters.sql.read_tables import READ_TABLES, key_of
from tidemill.adapters.sql.store import SqlStore
from tidemill.model.bookkeeping import Contract, verify_ledger
from tidemill.model.errors import TapeBroken
from tidemill.model.journal import Batch, ProjectionRow
from tidemill.model.units import to_micros
from tidemill.runtime.projections.projector import Projector
from tidemill.runtime.recovery.refeed import Refeed
from tidemill.services.recorded import Blueprint, RecordedRun, names_of, read_recorded

__all__ = ["LedgerCheck", "Rebuilt", "project_again", "rebuild_tables", "verify_run"]

_UNFINISHED = ("RUNNING", "STARTING", "RECONCILING", "PAUSED")
_AT_ONCE = 2_000

Key = tuple[str, tuple[str | int, ...]]
Row = tuple[tuple[str, str | int | float | None], ...]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a tape makes of the read tables.

    Args:
        rows: the newest of each key. versions: every row that was ever written, as hashes by key.
        cash_micros: the core's, at the end. fills: how many the core booked.
    """

    rows: Mapping[Key, ProjectionRow]
    versions: Mapping[Key, set[Row]]
    cash_micros: int
    fills: int


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What was proven of a run.

    Args:
        run_id, state: which run. tape_rows, notes: of both tapes, hash chains and links whole.
        fills, entries: booked exactly once, the entries being the replay of the fills. read_rows: equal to the tape's.
    """

    run_id: str
    state: str
    tape_rows: int
    notes: int
    fills: int
    entries: int
    read_rows: int


class _Keeper(dict[Key, ProjectionRow]):
    """Rows that wait, and the memory of all that ever did."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[Key, set[Row]] = {}

    def __setitem__(self, key: Key, row: ProjectionRow) -> None:
        super().__setitem__(key, row)
        self.versions.setdefault(key, set()).add(_plain(row.values))


def _plain(values: Mapping[str, str | int | float | None]) -> Row:
    """Return a row as comparable values, empty columns left out."""
    return tuple(sorted((name, value) for name, value in values.items() if value is not None))


def project_again(recorded: RecordedRun, blueprint: Blueprint) -> Rebuilt:
    """Feed a run's tape to a fresh core and return what it makes of the read tables.

    Raises:
        StrategyError: an ordinary Python strategy raised.
    """
    row = recorded.row
    engine = blueprint.engine(len(recorded.tape))
    again = Refeed(
        engine,
        names_of(row, blueprint),
        on_written=lambda seq: projector.follow(seq, again.core.collect()),
    )
    projector = Projector(
        again.core,
        again.book,
        run_id=row.run_id,
        account=row.account,
        mode=row.mode,
        instruments=blueprint.plan.instruments,
        strategies=[item.spec.name for item in blueprint.plan.strategies],
        cash_micros=to_micros(blueprint.plan.run.cash),
    )
    keeper = _Keeper()
    projector.sheet.waiting = keeper
    again.on_row = projector.take_row
    again.feed(recorded.tape)
    if row.state in _UNFINISHED:
        projector.settle()
    else:
        projector.finish()
    account = engine.state.tables["accounts"][0]
    return Rebuilt(keeper, keeper.versions, int(account["cash"]), len(engine.tape.rows("fills")))


def rebuild_tables(store: SqlStore, recorded: RecordedRun, blueprint: Blueprint) -> int:
    """Empty a run's read tables and write them anew from its tape; return how many rows there are.

    Args:
        store: open for writing, while no engine runs on it.

    Raises:
        StoreError: they could not be written; begin again. StrategyError: an ordinary Python strategy raised.
    """
    rows = list(project_again(recorded, blueprint).rows.values())
    store.clear_projections(recorded.row.run_id)
    for at in range(0, len(rows), _AT_ONCE):
        store.commit(Batch(projections=rows[at : at + _AT_ONCE]))
    return len(rows)


def verify_run(
    store: SqlStore, folder: Path, run_id: str, blueprint_of: Callable[[RecordedRun], Blueprint]
) -> LedgerCheck:
    """Prove that a run's record adds up: chains, links, money, positions and read tables.

    Args:
        store: the record. folder: of all runs' tapes. run_id: which run.
        blueprint_of: what it was built from.

    Raises:
        TapeBroken: names the first thing that does not add up. UnknownName: there is no such run.
    """
    stored = {name: store.projection(name, {"run_id": run_id}) for name in READ_TABLES}
    recorded = read_recorded(store, folder, run_id)
    blueprint = blueprint_of(recorded)
    entries = store.ledger(recorded.row.account, run_id)
    items = blueprint.plan.instruments
    verify_ledger(
        recorded.fills,
        entries,
        {item.symbol: Contract(repr(item.multiplier), item.is_margined, item.currency) for item in items},
    )
    rebuilt = project_again(recorded, blueprint)
    is_open = recorded.row.state in _UNFINISHED
    if not is_open and rebuilt.fills != len(recorded.fills):
        raise TapeBroken(
            f"Run {run_id}: its tape tells {rebuilt.fills} fills, its tables {len(recorded.fills)}; restore a backup."
        )
    count = _compare(run_id, stored, rebuilt, is_open=is_open)
    return LedgerCheck(
        run_id,
        recorded.row.state,
        len(recorded.tape),
        len(recorded.notes),
        len(recorded.fills),
        len(entries),
        count,
    )


def _compare(run_id: str, stored: Mapping[str, Sequence[Mapping[str, Any]]], rebuilt: Rebuilt, *, is_open: bool) -> int:
    """Compare the read tables with what the tape makes of them; of an unfinished run they may be behind it."""
    seen: set[Key] = set()
    for name, rows in stored.items():
        keys = key_of(READ_TABLES[name])
        for row in rows:
            key = (name, tuple(row[column] for column in keys[1:]))
            values = _plain({column: value for column, value in row.items() if column not in keys})
            newest = rebuilt.rows.get(key)
            allowed = rebuilt.versions.get(key, set()) if is_open or newest is None else {_plain(newest.values)}
            if values not in allowed:
                raise TapeBroken(
                    f"Run {run_id}: row {key[1]} of {name} is not what the tape tells; "
                    f"`tidemill ledger rebuild {run_id}` writes it anew."
                )
            seen.add(key)
    missing = [key for key in rebuilt.rows if key not in seen]
    if missing and not is_open:
        raise TapeBroken(
            f"Run {run_id}: row {missing[0][1]} of {missing[0][0]} is missing; "
            f"`tidemill ledger rebuild {run_id}` writes it anew."
        )
    return len(seen)
