"""Rows of the durable record: what a run writes before and after anything leaves the machine.

One dataclass per table; the store maps them column by column. Money is int micros, quantities and prices are decimal
text (exact and the same in every database), time is int UTC nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

__all__ = [
    "AlertRow",
    "AnswerRow",
    "Batch",
    "FillEntry",
    "GuardRow",
    "IntentRow",
    "LedgerRow",
    "OrderRecord",
    "OutboxRow",
    "ProjectionRow",
    "ReconRow",
    "RunRow",
    "SnapshotRow",
    "TapeRow",
    "ViolationRow",
]


@dataclass(slots=True)
class RunRow:
    """One execution of one agent. ``state``: CREATED, RUNNING, PAUSED, STOPPED, COMPLETED, ERROR."""

    run_id: str
    agent: str
    spec: str  # JSON
    spec_hash: str
    mode: str  # paper, live
    broker: str
    account: str
    build: str
    state: str
    message: str = ""
    started_ns: int = 0
    ended_ns: int = 0


@dataclass(slots=True)
class TapeRow:
    """One event that is not bulk market data: broker messages, commands, operators, verdicts, session changes.

    ``hash`` covers ``prev_hash`` and every other field; ``market_hash`` ties it to the market segments before it.
    """

    run_id: str
    seq: int  # turn of the core that took the event
    wall_ns: int
    mono_ns: int
    source: str
    kind: str
    key: str
    body: bytes
    market_hash: str = ""
    prev_hash: str = ""
    hash: str = ""


@dataclass(slots=True)
class IntentRow:
    """One decision to do something at the broker. ``kind``: entry, exit, protect."""

    client_id: str
    run_id: str
    account: str
    seq: int
    leg: int
    number: int  # the core's order number
    strategy: str
    symbol: str
    kind: str
    terms: str  # JSON of the OrderRequest
    created_ns: int
    expires_ns: int
    build: str


@dataclass(slots=True)
class OutboxRow:
    """One request to a broker on its way. ``action``: submit, cancel, replace.

    ``state``: PENDING, SENDING (the point of no return), DONE, UNKNOWN (to be resolved), DROPPED (never left).
    """

    key: str  # client id, action and attempt: one row for each request that may ever leave
    run_id: str
    client_id: str
    action: str
    body: str  # JSON
    state: str
    epoch: int = 0
    attempt: int = 0
    sent_ns: int = 0
    text: str = ""


@dataclass(slots=True)
class OrderRecord:
    """An order as we believe it to be; one row per client id, the newest state."""

    client_id: str
    run_id: str
    broker_id: str
    symbol: str
    side: str
    type: str
    tif: str
    intent: str
    reason: str
    quantity: str
    filled: str
    average_price: str
    limit_price: str
    stop_price: str
    state: str
    created_ns: int
    updated_ns: int
    text: str = ""
    strategy: str = ""


@dataclass(slots=True)
class FillEntry:
    """One accepted fill; (broker, account, exec_id) is its identity and can be booked once."""

    broker: str
    account: str
    exec_id: str
    run_id: str
    client_id: str  # empty: not ours
    symbol: str
    side: str
    quantity: str
    price: str
    fee_micros: int
    ts_ns: int
    seq: int
    kind: str = "real"  # real, synthetic, bust, correct
    strategy: str = ""
    flags: str = ""  # LATE_FILL, OVERFILL, EXTERNAL


@dataclass(slots=True)
class LedgerRow:
    """One exact movement of money or units; ``ref`` can be booked once."""

    ref: str
    run_id: str
    account: str
    kind: str  # deposit, trade, fee, dividend, split, adjustment
    asset: str  # a currency or a symbol
    delta: str  # decimal text
    ts_ns: int


@dataclass(slots=True)
class GuardRow:
    """A durable halt. ``scope``: system, account:ID, run:ID, strategy:RUN/NAME, symbol:RUN/SYMBOL."""

    scope: str
    state: str  # HALTED, CLEAR
    reason: str
    by: str
    at_ns: int


@dataclass(slots=True)
class ViolationRow:
    """A limit that was hit. ``severity``: WARNING, ERROR, CRITICAL."""

    key: str
    run_id: str
    scope: str
    rule: str
    severity: str
    text: str
    at_ns: int
    resolved_ns: int = 0
    resolved_by: str = ""


@dataclass(slots=True)
class AlertRow:
    """Something a person should know, and whether a channel took it."""

    key: str
    run_id: str
    severity: int  # 1: act now
    kind: str
    text: str
    at_ns: int
    delivered_ns: int = 0


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What became of a command. ``state``: DONE, REFUSED."""

    key: str
    state: str
    text: str


@dataclass(slots=True)
class ReconRow:
    """One comparison of our record with the broker's."""

    key: str
    run_id: str
    account: str
    epoch: int
    started_ns: int
    ended_ns: int
    outcome: str  # equal, repaired, blocked, failed
    report: str  # JSON


@dataclass(slots=True)
class SnapshotRow:
    """The core's state after a turn, so that a restart need not replay everything."""

    run_id: str
    seq: int
    fingerprint: str
    blob: bytes


@dataclass(slots=True)
class ProjectionRow:
    """One row of a read table (positions, portfolio_state, round_trips ...), replaced by its key."""

    table: str
    key: tuple[str | int, ...]
    values: dict[str, str | int | float | None]


@dataclass(slots=True)
class Batch:
    """Everything one transaction writes: all of it, or nothing.

    Args:
        account, epoch: the lease that must still be ours inside the transaction; epoch 0 asks for none.
    """

    account: str = ""
    epoch: int = 0
    tape: list[TapeRow] = field(default_factory=list)
    intents: list[IntentRow] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)  # inserted, or replaced by key
    orders: list[OrderRecord] = field(default_factory=list)  # inserted, or replaced by client id
    fills: list[FillEntry] = field(default_factory=list)  # a known identity is left as it is
    ledger: list[LedgerRow] = field(default_factory=list)  # a known ref is left as it is
    guard: list[GuardRow] = field(default_factory=list)
    violations: list[ViolationRow] = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)
    recon: list[ReconRow] = field(default_factory=list)
    snapshots: list[SnapshotRow] = field(default_factory=list)
    runs: list[RunRow] = field(default_factory=list)  # inserted, or replaced by run id
    projections: list[ProjectionRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)  # of commands that were stored before

    def is_empty(self) -> bool:
        """Tell whether there is nothing to write."""
        return not any(_tables_of(self))


_tables_of = attrgetter(*(name for name in Batch.__slots__ if name not in {"account", "epoch"}))
