"""What every durable store must be able to do. All calls are synchronous: the runtime gives them their own thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tidemill.model.journal import (
    AnswerRow,
    Batch,
    FillEntry,
    GuardRow,
    IntentRow,
    LedgerRow,
    OrderRecord,
    OutboxRow,
    RunRow,
    SnapshotRow,
    TapeRow,
)

__all__ = ["ENGINE", "CommandRow", "Lease", "Store"]

ENGINE = "engine@"  # the names of engine processes begin so: each holds the lock of its SQLite file while it lives


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send for an account until ``expires_ns`` (wall clock of the database's machine)."""

    account: str
    epoch: int
    owner: str
    expires_ns: int


@dataclass(frozen=True, slots=True)
class CommandRow:
    """Something a person or program asked the engine for, in the order it was asked.

    ``state``: NEW, TAKEN, DONE, REFUSED. ``key`` is the idempotency key; ``body_hash`` belongs to it for ever.
    """

    key: str
    user: str
    run_id: str
    kind: str
    body: str
    body_hash: str
    state: str
    answer: str
    at_ns: int


class Store(Protocol):
    """The only shared truth of engine, API and watchdog."""

    def commit(self, batch: Batch) -> None:
        """Write a batch in one durable transaction.

        Raises:
            LeaseLost: the account's epoch is not the batch's; nothing was written.
            StoreError: nothing was written, or (lost connection) it is unknown: re-read by key before going on.
        """

    def claim(self, key: str, account: str, epoch: int, now_ns: int) -> bool:
        """Turn a PENDING outbox row into SENDING, durably: the point of no return.

        Returns:
            False when the row is not PENDING any more; it must not be sent then.

        Raises:
            LeaseLost, StoreError: it was not claimed.
        """

    def lease(self, account: str) -> Lease | None:
        """Return an account's lease as it stands, None when nobody ever had it."""

    def take_lease(self, account: str, owner: str, now_ns: int, ttl_ns: int) -> Lease:
        """Take an account's lease with the next epoch.

        A store that was opened with the lock of the account takes it from an engine that held it at once: without its
        lock that process has ended.

        Raises:
            LeaseLost: somebody else holds it and it has not run out.
        """

    def renew_lease(self, lease: Lease, now_ns: int, ttl_ns: int) -> Lease:
        """Prolong a lease that is still ours; raises LeaseLost otherwise."""

    def release_lease(self, lease: Lease) -> None:
        """Give a lease back; harmless when it is lost already."""

    def run(self, run_id: str) -> RunRow | None:
        """Return one run."""

    def runs(self) -> list[RunRow]:
        """Return all runs, newest first."""

    def tape(self, run_id: str, after_seq: int = 0) -> list[TapeRow]:
        """Return a run's tape rows in order of writing."""

    def last_tape(self, run_id: str) -> TapeRow | None:
        """Return the newest tape row, whose hash the next one carries on."""

    def intents(self, run_id: str) -> list[IntentRow]:
        """Return a run's intents by seq and leg."""

    def outbox(self, run_id: str, states: Sequence[str] = ()) -> list[OutboxRow]:
        """Return requests in order of writing, of the given states or all."""

    def orders(self, run_id: str) -> list[OrderRecord]:
        """Return a run's orders by time."""

    def fills(self, run_id: str) -> list[FillEntry]:
        """Return a run's fills by seq."""

    def guard(self) -> list[GuardRow]:
        """Return every scope's halt state."""

    def last_snapshot(self, run_id: str) -> SnapshotRow | None:
        """Return the newest snapshot."""

    def ledger(self, account: str, run_id: str = "") -> list[LedgerRow]:
        """Return an account's ledger in order of writing; of one run if given."""

    def balances(self, account: str, run_id: str = "") -> Mapping[str, str]:
        """Return the ledger's sums by asset as decimal text; of one run if given."""

    def put_command(self, command: CommandRow) -> CommandRow:
        """Store a command once; a known key returns the stored one (the caller compares ``body_hash``)."""

    def new_commands(self, run_id: str = "") -> list[CommandRow]:
        """Return commands nobody has answered yet, oldest first."""

    def answer_commands(self, answers: Sequence[AnswerRow]) -> None:
        """Write down what became of commands, all in one transaction."""

    def heartbeat(self, name: str, now_ns: int, body: str) -> None:
        """Say that a process lives and how it fares."""

    def heartbeats(self) -> Mapping[str, tuple[int, str]]:
        """Return the last heartbeat of each process: time and words."""

    def projection(self, table: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return rows of a read table, by key order."""

    def clear_projections(self, run_id: str) -> None:
        """Empty a run's read tables, before they are rebuilt from the tape."""

    def check(self) -> None:
        """Verify that the file is sound and of this version; raises StoreMismatch, StoreError."""

    def close(self) -> None:
        """Let go of every connection and lock."""
