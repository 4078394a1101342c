"""A request that is done once, however often it is sent: key, hash of the body, and the answer it was given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import IDEMPOTENCY
from tidemill.model.errors import AlreadyThere
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock
from tidemill.services.refusals import Kind, Refused

__all__ = ["Once", "Stored"]


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it was given: HTTP status and JSON."""

    status: int
    body: Any


class Once:
    """Answers by key; keys of two people, and of two routes, never meet.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def find(self, scope: UserScope, route: str, key: str, body: Mapping[str, Any]) -> Stored | None:
        """Return the answer to a request that came before under this key.

        Raises:
            Refused: the key was used for another request.
        """
        table = IDEMPOTENCY
        row = self._database.row(select(table).where(table.c.user_id == scope.user_id, table.c.key == key))
        if row is None:
            return None
        if (row["route"], row["body_hash"]) != (route, _hash(body)):
            raise Refused(
                Kind.CONFLICT, "key_reused", "That idempotency key was used for another request; take a new key."
            )
        return Stored(row["status_code"], json.loads(row["answer_json"]))

    def keep(self, scope: UserScope, route: str, key: str, body: Mapping[str, Any], answer: Stored) -> Stored:
        """Keep the answer to a request; return the one that was kept first, if two came at once.

        Raises:
            Refused: as of ``find``.
        """
        values = {
            "user_id": scope.user_id,
            "key": key,
            "route": route,
            "body_hash": _hash(body),
            "answer_json": json.dumps(answer.body),
            "status_code": answer.status,
            "at_ns": self._clock.now_ns(),
        }
        try:
            with self._database.write() as writing:
                writing.run(insert(IDEMPOTENCY).values(values))
        except AlreadyThere:
            return self.find(scope, route, key, body) or answer
        return answer


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
