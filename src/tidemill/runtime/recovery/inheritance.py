"""What an earlier process of the same run left behind, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind, Operator
from tidemill.model.errors import StoreMismatch, TapeBroken
from tidemill.model.journal import FillEntry, OrderRecord, OutboxRow, RunRow
from tidemill.ports.store import Store
from tidemill.runtime.guard.baseline import Baseline
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.incarnations import BY, RENAMED
from tidemill.runtime.orders.translation import report_of, report_of_fill
from tidemill.runtime.record.journal import BLOCK, Recorded
from tidemill.runtime.record.mending import put_back
from tidemill.runtime.record.tape import LAST, TapeBuffer, TapeEnd, TapeFile, read_seals, read_tape, take_over

__all__ = ["Inherited", "inherit", "recorded_report"]

_MARKET = tuple(int(kind) for kind in (EventKind.BAR, EventKind.QUOTE, EventKind.TRADE, EventKind.SPLIT))
_REPORTS = tuple(
    int(kind)
    for kind in (
        EventKind.ACK,
        EventKind.REJECT,
        EventKind.CANCELLED,
        EventKind.EXPIRED,
        EventKind.REPLACED,
        EventKind.CANCEL_REFUSED,
        EventKind.UNKNOWN,
        EventKind.ABSENT,
    )
)
_MARKET_KINDS = np.array([*_MARKET, int(EventKind.DIVIDEND)])


@dataclass(slots=True)
class Inherited:
    """The record of a run as a new process finds it.

    Args:
        run: its row, None for a new run.
        recorded: its tape.
        outbox: its requests by key, in order of writing. commands: keys of those on the tape.
        orders, fills: as written. fill_of: fills by tape row. broker_ids: by client id.
        renamed: by client id, the tape rows that gave an order another name at the broker, and the name before.
        baseline: from which losses of the day, the week and the peak are counted.
        resumed_ns: when a person let the run go on last, wall clock; 0: never.
        rule_states: what is remembered of an owner's rules, by name.
        cash_offset: the broker's cash less ours when an earlier process looked last, micros; None: it never did.
    """

    run: RunRow | None = None
    recorded: Recorded = field(default_factory=Recorded)
    outbox: Mapping[str, OutboxRow] = field(default_factory=dict)
    orders: Sequence[OrderRecord] = ()
    fills: Sequence[FillEntry] = ()
    commands: Sequence[str] = ()
    baseline: Baseline | None = None
    fill_of: Mapping[int, FillEntry] = field(default_factory=dict)
    broker_ids: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, Sequence[tuple[int, str]]] = field(default_factory=dict)
    cash_offset: int | None = None
    rule_states: Mapping[str, bytes] = field(default_factory=dict)
    resumed_ns: int = 0


def _keep(rows: NDArray[Any], committed_seq: int, *, is_stepped: bool) -> int:
    """Return how many rows of a tape count.

    Market rows behind the last transaction are true and stay; of a simulated exchange everything can be made again.
    What a broker said behind the last transaction was never booked: it is asked for again, so the tape ends there. A
    group of bars that is not whole was not looked at yet.
    """
    keep = len(rows)
    if not is_stepped:
        tail = rows["event"]["kind"][committed_seq:]
        foreign = np.flatnonzero(~np.isin(tail, _MARKET_KINDS))
        keep = committed_seq + int(foreign[0]) if len(foreign) else keep
    while is_stepped and keep > committed_seq:
        last = rows[keep - 1]
        if int(last["mark"]) & LAST or int(last["event"]["kind"]) not in _MARKET_KINDS:
            break
        keep -= 1
    return keep


def _cut(folder: Path, rows: NDArray[Any], keep: int) -> TapeEnd:
    """Write the tape anew up to a row: the files are replaced one after the other, the shortest last.

    Whole blocks stay the blocks they were, so that the store's rows still point to their hashes.
    """
    ends = {seal.next_seq for seal in read_seals(folder)}
    blocks: list[bytes] = []
    for path in sorted(folder.glob("events-*.tape")):
        path.rename(path.with_suffix(".cut"))
    buffer = TapeBuffer(TapeEnd())
    file = TapeFile(folder, 1)
    base = int(rows.ctypes.data)
    for at in range(keep):
        buffer.append(base + at * rows.itemsize, int(rows[at]["wall_ns"]), int(rows[at]["mark"]))
        if buffer.next_seq in ends:
            blocks += buffer.cut()
    file.write([*blocks, *buffer.cut()], durable=True)
    file.close()
    for path in folder.glob("events-*.cut"):
        path.unlink()
    return TapeEnd(buffer.next_seq, buffer.hash)


def _undo_cut(folder: Path) -> None:
    """Go back to the uncut tape when the process died while it was being cut."""
    old = sorted(folder.glob("events-*.cut"))
    if not old:
        return
    for path in folder.glob("events-*.tape"):
        path.unlink()
    for path in old:
        path.rename(path.with_suffix(".tape"))


def inherit(store: Store, run_id: str, folder: Path, spec_hash: str, *, is_stepped: bool) -> Inherited:
    """Read everything a run has left.

    Args:
        is_stepped: its orders go to a simulated exchange.

    Raises:
        StoreMismatch: the run was begun with other settings. TapeBroken: tape and store contradict each other.
    """
    run = store.run(run_id)
    if run is None:
        for path in sorted(folder.glob("events-*.tape")):  # the very first transaction was never written
            path.rename(path.with_suffix(".unborn"))
        return Inherited()
    if run.spec_hash != spec_hash:
        raise StoreMismatch(f"Run {run_id} was begun with other settings; begin a new run, or restore its file.")
    last = store.last_tape(run_id)
    committed = last.seq if last is not None else 0
    _undo_cut(folder)
    take_over(folder)
    tape = store.tape(run_id)
    put_back(folder, [row.body for row in tape if row.kind == BLOCK])
    rows, end = read_tape(folder, mend=True)
    if len(rows) < committed:
        raise TapeBroken(f"The tape of run {run_id} ends at row {len(rows)}, the store knows row {committed}; restore.")
    keep = _keep(rows, committed, is_stepped=is_stepped)
    if keep < len(rows):
        end = _cut(folder, rows, keep)
        rows = rows[:keep]
    recorded = Recorded(rows, end, committed, last.hash if last is not None else "")
    outbox = {row.key: row for row in store.outbox(run_id)}
    commands = [row.key for row in tape if row.source.startswith(("person:", "gate:")) and row.key]
    bodies = [row.body for row in tape if row.source == "guard" and row.kind == "baseline"]
    baseline = Baseline.from_body(bodies[-1]) if bodies else None
    orders, fills = store.orders(run_id), store.fills(run_id)
    fill_of = {fill.seq: fill for fill in fills}
    broker_ids = {order.client_id: order.broker_id for order in orders if order.broker_id}
    renamed: dict[str, list[tuple[int, str]]] = {}
    for row in tape:
        if row.kind == RENAMED:
            renamed.setdefault(row.key, []).append((row.seq, row.body.decode()))
    offsets = [int(row.body) for row in tape if row.source == "account" and row.kind == "cash_offset"]
    offset = offsets[-1] if offsets else None
    resumed_ns = max((row.wall_ns for row in tape if row.kind == Operator.RESUME.name), default=0)
    states = {row.key: row.body for row in tape if row.source == "guard" and row.kind == "rule"}
    return Inherited(
        run=run,
        recorded=recorded,
        outbox=outbox,
        orders=orders,
        fills=fills,
        commands=commands,
        baseline=baseline,
        fill_of=fill_of,
        broker_ids=broker_ids,
        renamed=renamed,
        cash_offset=offset,
        rule_states=states,
        resumed_ns=resumed_ns,
    )


def recorded_report(
    row: NDArray[Any], seq: int, book: OrderBook, inherited: Inherited
) -> OrderReport | FillEntry | None:
    """Return what a recorded event was made of: a broker's report, a fill of no order, None for anything else."""
    fill = inherited.fill_of.get(seq)
    if fill is not None and not fill.client_id:
        return fill
    kind = int(row["kind"].item())
    if fill is not None:
        is_fill = kind == int(EventKind.FILL)
        extra, phase = (int(row["extra"]), int(row["code"])) if is_fill else (0, 0)
        return report_of_fill(fill, _filled_by(fill) or _name_at(inherited, fill.client_id, seq), extra, phase)
    order = book.by_number.get(int(row["order"])) if kind in _REPORTS else None
    if order is None:
        return None
    return report_of(row, order, _name_at(inherited, order.request.client_id, seq))


def _filled_by(fill: FillEntry) -> str:
    """Return the broker's name of another order than the one we knew, if a fill is of such."""
    return next((flag.removeprefix(BY) for flag in fill.flags.split() if flag.startswith(BY)), "")


def _name_at(inherited: Inherited, client_id: str, seq: int) -> str:
    """Return what the broker called an order at a tape row, the row itself included."""
    later = (name for at, name in inherited.renamed.get(client_id, ()) if at > seq)
    return next(later, inherited.broker_ids.get(client_id, ""))
