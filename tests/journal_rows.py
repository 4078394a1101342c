"""Rows of the durable record for tests: every field has a value, none is a default."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tidemill.model.chain import chain
from tidemill.model.journal import (
    Batch,
    FillEntry,
    IntentRow,
    LedgerRow,
    OrderRecord,
    OutboxRow,
    RunRow,
    TapeRow,
)
from tidemill.ports.store import CommandRow

AWKWARD = "naïve 'quoted' \"text\"; -- % %s \\ \n €𝄞"
LARGE = 2**63 - 1


def filled(kind: type[Any], **given: Any) -> Any:
    """Return a row whose fields all differ; ``given`` ones are as told."""
    values: dict[str, Any] = {}
    for at, item in enumerate(fields(kind)):
        made = {"str": f"{item.name}-{at}", "int": 1_000 + at, "bytes": bytes([0, at, 255])}
        values[item.name] = given.get(item.name, made[str(item.type)])
    return kind(**values)


def run_row(run_id: str = "R", **given: Any) -> RunRow:
    return filled(RunRow, run_id=run_id, **given)


def tape_rows(count: int, run_id: str = "R", prev_hash: str = "", first: int = 1) -> list[TapeRow]:
    rows: list[TapeRow] = []
    for seq in range(first, first + count):
        row = chain(
            TapeRow(run_id, seq, 10 * seq, 20 * seq, "broker", "FILL", f"k{seq}", bytes([seq % 256])), prev_hash
        )
        rows.append(row)
        prev_hash = row.hash
    return rows


def request(client_id: str, run_id: str = "R", state: str = "PENDING", **given: Any) -> OutboxRow:
    return filled(OutboxRow, key=f"{client_id}:submit:0", run_id=run_id, client_id=client_id, state=state, **given)


def order_batch(client_id: str, account: str = "A", epoch: int = 0, run_id: str = "R", seq: int = 1) -> Batch:
    """Return what one decision writes before anything leaves: event, intent, request, order."""
    return Batch(
        account=account,
        epoch=epoch,
        tape=[TapeRow(run_id, seq, seq, seq, "core", "SUBMIT", client_id, b"")],
        intents=[filled(IntentRow, client_id=client_id, run_id=run_id, seq=seq)],
        outbox=[request(client_id, run_id)],
        orders=[filled(OrderRecord, client_id=client_id, run_id=run_id)],
    )


def fill(exec_id: str, **given: Any) -> FillEntry:
    return filled(FillEntry, **{"exec_id": exec_id, "run_id": "R", "broker": "sim", "account": "A"} | given)


def entry(ref: str, asset: str, delta: str, run_id: str = "R", account: str = "A") -> LedgerRow:
    return LedgerRow(ref, run_id, account, "trade", asset, delta, 7)


def command(key: str, **given: Any) -> CommandRow:
    return filled(CommandRow, **{"key": key, "run_id": "R", "state": "NEW"} | given)
