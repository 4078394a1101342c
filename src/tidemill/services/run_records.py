"""What the record says about runs, whether their engine lives or not: states, positions, orders."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from tidemill.adapters.sql.store import SqlStore
from tidemill.kernel.transitions import is_final
from tidemill.model.bookkeeping import decimal_text
from tidemill.model.enums import OrderState
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.journal import FillEntry, OrderRecord, RunRow
from tidemill.model.units import from_micros
from tidemill.services.kept_plan import read_plan

__all__ = [
    "HeldLine",
    "RunLine",
    "RunStatus",
    "find_run",
    "held_by",
    "list_runs",
    "orders_of",
    "positions_of",
    "status_of",
]

_SILENT_NS = 5_000_000_000  # a live engine says that it lives once a second
_LIVING = ("RUNNING", "STARTING", "RECONCILING", "PAUSED")


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run.

    Args:
        run_id, agent, mode, broker, account: names.
        state: as recorded; ``DEAD`` when it was recorded as running and nothing has been heard of it.
        message: why it stands so.
        started_ns, ended_ns, heard_ns: UTC; 0: not yet.
        is_simulated: its prices are made up.
    """

    run_id: str
    agent: str
    mode: str
    broker: str
    account: str
    state: str
    message: str
    started_ns: int
    ended_ns: int
    heard_ns: int
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class HeldLine:
    """One open position as its fills made it: signed units and average entry price, decimal text.

    Market price and unrealised result (account currency) are of the last look the engine took; empty before.
    """

    strategy: str
    symbol: str
    quantity: str
    average_price: str
    opened_ns: int
    fills: int
    market_price: str = ""
    unrealised: float | None = None


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Everything one look at a run shows.

    Args:
        line: the run.
        beat: what its engine said last: bars, events, equity; empty if it never spoke.
        balances: money and units of its sub-ledger, decimal text.
        orders: counts by state.
        fills: how many.
        positions: open ones.
        last_orders: newest first.
        refused: sentences of what the guard held back, with counts.
        halts: sentences of the halts that stand in the record.
    """

    line: RunLine
    beat: dict[str, Any]
    balances: dict[str, str]
    orders: dict[str, int]
    fills: int
    positions: list[HeldLine]
    last_orders: list[OrderRecord]
    refused: dict[str, int] = field(default_factory=dict)
    halts: list[str] = field(default_factory=list)


def _line(row: RunRow, heard_ns: int, now_ns: int) -> RunLine:
    state, message = row.state, row.message
    if state in _LIVING and now_ns - max(heard_ns, row.started_ns) > _SILENT_NS:
        state = "DEAD"
        message = f"nothing was heard of it since; `tidemill run` with --run-id {row.run_id} goes on"
    return RunLine(
        row.run_id,
        row.agent,
        row.mode,
        row.broker,
        row.account,
        state,
        message,
        row.started_ns,
        row.ended_ns,
        heard_ns,
    )


def list_runs(store: SqlStore, now_ns: int, folder: Path | None = None) -> list[RunLine]:
    """Return all runs, newest first; with the folder of their tapes, those on made-up prices say so."""
    heard = store.heartbeats()
    lines = [_line(row, heard.get(f"run:{row.run_id}", (0, ""))[0], now_ns) for row in store.runs()]
    return [replace(line, is_simulated=_is_simulated(folder, line.run_id)) for line in lines]


def _is_simulated(folder: Path | None, run_id: str) -> bool:
    plan = read_plan(folder / run_id) if folder is not None else None
    return plan is not None and plan.is_simulated


def find_run(store: SqlStore, run_id: str | None = None) -> RunRow:
    """Return a run by its id, the newest when none is named.

    Raises:
        ConfigError: there are no runs. UnknownName: there is none of that id.
    """
    rows = store.runs()
    if not rows:
        raise ConfigError("There are no runs yet; begin one with `tidemill run AGENT.toml`.")
    if not run_id:
        return rows[0]
    found = next((row for row in rows if row.run_id == run_id), None)
    if found is None:
        raise UnknownName("run", run_id, [row.run_id for row in rows])
    return found


def orders_of(store: SqlStore, run_id: str, *, limit: int = 0, open_only: bool = False) -> list[OrderRecord]:
    """Return a run's orders, newest first.

    Args:
        store: the record.
        run_id: of the run.
        limit: at most so many; 0: all.
        open_only: only those that may still fill.
    """
    rows = list(reversed(store.orders(run_id)))
    if open_only:
        rows = [row for row in rows if not is_final(OrderState[row.state])]
    return rows[:limit] if limit else rows


def positions_of(fills: Iterable[FillEntry]) -> list[HeldLine]:
    """Return the open positions that fills leave, by strategy and symbol; entries are averaged, exits are not."""
    held: dict[tuple[str, str], _Held] = {}
    for fill in fills:
        book = held.setdefault((fill.strategy, fill.symbol), _Held())
        sign = (1 if fill.side == "BUY" else -1) * (-1 if fill.kind == "bust" else 1)
        book.take(Decimal(fill.quantity) * sign, Decimal(fill.price), fill.ts_ns)
    return [book.line(*key) for key, book in sorted(held.items()) if book.quantity]


def held_by(store: SqlStore, run_id: str) -> list[HeldLine]:
    """Return the open positions of a run with the market's last word on each."""
    seen = {(row["strategy"], row["symbol"]): row for row in store.projection("positions", {"run_id": run_id})}
    lines = []
    for line in positions_of(store.fills(run_id)):
        row = seen.get((line.strategy, line.symbol), {})
        micros = row.get("unrealised_pnl_micros")
        unrealised = None if micros is None else from_micros(micros)
        lines.append(replace(line, market_price=row.get("market_price") or "", unrealised=unrealised))
    return lines


@dataclass(slots=True)
class _Held:
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    opened_ns: int = 0
    fills: int = 0

    def take(self, units: Decimal, price: Decimal, ts_ns: int) -> None:
        """Move the position by one fill."""
        before, after = self.quantity, self.quantity + units
        self.quantity, self.fills = after, self.fills + 1
        if before * after <= 0:  # opened, closed or turned round
            self.cost, self.opened_ns = after * price, ts_ns
            self.fills = 1
        elif before * units > 0:
            self.cost += units * price
        else:
            self.cost = self.cost * after / before

    def line(self, strategy: str, symbol: str) -> HeldLine:
        """Return it in words."""
        average = round(self.cost / self.quantity, 8)
        return HeldLine(
            strategy, symbol, decimal_text(self.quantity), decimal_text(average), self.opened_ns, self.fills
        )


def status_of(store: SqlStore, run: RunRow, now_ns: int, *, last: int = 10, folder: Path | None = None) -> RunStatus:
    """Return everything one look at a run shows.

    Args:
        store: the record.
        run: of ``find_run``.
        now_ns: the wall clock, to tell the living from the dead.
        last: newest orders to show.
        folder: of all tapes, to tell made-up prices.
    """
    heard_ns, beat = store.heartbeats().get(f"run:{run.run_id}", (0, "{}"))
    orders, fills = store.orders(run.run_id), store.fills(run.run_id)
    scopes = {"system", f"account:{run.account}", f"run:{run.run_id}"}
    return RunStatus(
        line=replace(_line(run, heard_ns, now_ns), is_simulated=_is_simulated(folder, run.run_id)),
        beat=json.loads(beat),
        balances=dict(store.balances(run.account, run.run_id)),
        orders=dict(Counter(row.state for row in orders)),
        fills=len(fills),
        positions=held_by(store, run.run_id),
        last_orders=list(reversed(orders))[:last],
        refused=_refusals(orders),
        halts=[
            f"{row.scope} by {row.by}: {row.reason}"
            for row in store.guard()
            if row.state != "CLEAR" and (row.scope in scopes or f":{run.run_id}/" in row.scope)
        ],
    )


def _refusals(orders: Sequence[OrderRecord]) -> dict[str, int]:
    found = Counter(f"{row.symbol}: {row.text}" for row in orders if row.state == "REJECTED" and row.text)
    return dict(found.most_common())
