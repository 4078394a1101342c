"""Use case: do a request once, however often it is sent under one key; whoever comes second gets the first's answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import IDEMPOTENCY
from tidemill.model.errors import AlreadyThere
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock
from tidemill.services.once import Stored
from tidemill.services.refusals import Kind, Refused

__all__ = ["Claim", "Keyed"]

_AT_WORK = 0  # status of a request that nobody has answered yet
_LOST_NS = 60_000_000_000  # a request of a process that died is given up after so long
_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do a request: whose, under which key, of which route, with which body (SHA-256)."""

    scope: UserScope
    key: str
    route: str
    digest: str


class Keyed:
    """Requests by key; keys of two people never meet.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def claim(self, claim: Claim) -> Stored | None:
        """Take the right to do a request; return the answer if it was done before.

        Raises:
            Refused: the key was used for another request; the same request is being done at this moment.
        """
        now = self._clock.now_ns()
        values = {
            "user_id": claim.scope.user_id,
            "key": claim.key,
            "route": claim.route,
            "body_hash": claim.digest,
            "answer_json": "null",
            "status_code": _AT_WORK,
            "at_ns": now,
        }
        try:
            with self._database.write() as writing:
                writing.run(insert(IDEMPOTENCY).values(values))
        except AlreadyThere:
            return self._known(claim, now)
        return None

    def _known(self, claim: Claim, now: int) -> Stored | None:
        table = IDEMPOTENCY
        row = self._database.row(select(table).where(*_mine(claim)))
        if row is None:
            raise _at_work()  # given up between the two looks
        if (row["route"], row["body_hash"]) != (claim.route, claim.digest):
            raise Refused(
                Kind.CONFLICT, "key_reused", "That idempotency key was used for another request; take a new key."
            )
        if row["status_code"] != _AT_WORK:
            return Stored(row["status_code"], json.loads(row["answer_json"]))
        with self._database.write() as writing:
            lost = update(table).where(*_mine(claim), table.c.status_code == _AT_WORK, table.c.at_ns <= now - _LOST_NS)
            if not writing.run(lost.values(at_ns=now)):
                raise _at_work()
        return None

    def renew(self, claim: Claim) -> None:
        """Say that a request is still being done, so that nobody takes it for given up. Raises StoreError."""
        with self._database.write() as writing:
            mine = update(IDEMPOTENCY).where(*_mine(claim), IDEMPOTENCY.c.status_code == _AT_WORK)
            writing.run(mine.values(at_ns=self._clock.now_ns()))

    def keep(self, claim: Claim, answer: Stored) -> None:
        """Keep what a request was answered with. Raises StoreError."""
        with self._database.write() as writing:
            writing.run(
                update(IDEMPOTENCY)
                .where(*_mine(claim))
                .values(answer_json=json.dumps(answer.body), status_code=answer.status)
            )

    def give_up(self, claim: Claim) -> None:
        """Let a request that was refused be sent anew under its key. Raises StoreError."""
        with self._database.write() as writing:
            writing.run(delete(IDEMPOTENCY).where(*_mine(claim), IDEMPOTENCY.c.status_code == _AT_WORK))


def _mine(claim: Claim) -> tuple[Any, ...]:
    return IDEMPOTENCY.c.user_id == claim.scope.user_id, IDEMPOTENCY.c.key == claim.key


def _at_work() -> Refused:
    sentence = "The same request is being done at this moment; ask again with the same key."
    return Refused(Kind.CONFLICT, "in_progress", sentence, wait_s=_AGAIN_S)
