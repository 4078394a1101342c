"""How often somebody may try to sign in: a growing wait for each name and address, and for each name; never a lockout.

An attempt counts before its password is checked, so that a thousand at once are no way around.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tidemill.adapters.sql.database import Database, Writing
from tidemill.adapters.sql.service_tables import LOGIN_THROTTLE
from tidemill.model.errors import AlreadyThere
from tidemill.ports.seams import Clock
from tidemill.services.refusals import Kind, Refused

__all__ = ["Throttle"]

_SECOND = 1_000_000_000
_FORGOTTEN_S = 24 * 3_600
_T = LOGIN_THROTTLE.c


@dataclass(frozen=True, slots=True)
class _Patience:
    """So many attempts are free; after them the wait doubles from one second up to the longest."""

    free: int
    longest_s: int

    def wait_s(self, failures: int) -> int:
        beyond = failures - self.free
        return 0 if beyond < 0 else min(self.longest_s, 1 << min(beyond, 30))


# Somebody at another address is kept waiting half a minute at most: whoever guesses cannot keep the owner out.
_PAIR = _Patience(free=5, longest_s=300)
_NAME = _Patience(free=20, longest_s=30)
_KINDS = (_PAIR, _NAME)


class Throttle:
    """Counts attempts to sign in.

    Args:
        database: where they are counted: a restart forgets nothing. clock: of the machine.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def enter(self, name: str, address: str) -> None:
        """Count an attempt before it is made.

        Args:
            name: as it was given, known or not. address: where the request comes from.

        Raises:
            Refused: it is too early for another one; it says how many seconds are left.
        """
        try:
            self._enter(name, address)
        except AlreadyThere:  # another process counted the same name first; now its row is seen
            self._enter(name, address)

    def _enter(self, name: str, address: str) -> None:
        now = self._clock.now_ns()
        with self._database.write() as writing:
            writing.run(LOGIN_THROTTLE.delete().where(_T.updated_ns < now - _FORGOTTEN_S * _SECOND))
            for key in _keys(name, address):  # PostgreSQL: two processes that count one name queue for its row
                writing.run(LOGIN_THROTTLE.update().where(_T.key == key).values(failures=_T.failures))
            rows = [writing.row(LOGIN_THROTTLE.select().where(_T.key == key)) for key in _keys(name, address)]
            left = max((int(row["until_ns"]) - now for row in rows if row), default=0)
            if left > 0:
                wait = -(-left // _SECOND)
                raise Refused(
                    Kind.TOO_OFTEN,
                    "too_many_attempts",
                    f"Too many attempts to sign in; try again in {wait} s.",
                    wait_s=float(wait),
                )
            for key, kind, row in zip(_keys(name, address), _KINDS, rows, strict=True):
                failures = (int(row["failures"]) if row else 0) + 1
                _put(writing, key, failures, now + kind.wait_s(failures) * _SECOND, now)

    def forget(self, name: str, address: str) -> None:
        """Forget what was counted: the attempt was right."""
        with self._database.write() as writing:
            for key in _keys(name, address):
                writing.run(LOGIN_THROTTLE.delete().where(_T.key == key))


def _keys(name: str, address: str) -> tuple[str, str]:
    """Return hashes: names as long as anybody likes, tried by the million, must not fill the database."""
    pair, alone = f"pair|{name}|{address}", f"name|{name}"
    return hashlib.sha256(pair.encode()).hexdigest(), hashlib.sha256(alone.encode()).hexdigest()


def _put(writing: Writing, key: str, failures: int, until_ns: int, now_ns: int) -> None:
    values = {"failures": failures, "until_ns": until_ns, "updated_ns": now_ns}
    if not writing.run(LOGIN_THROTTLE.update().where(_T.key == key).values(**values)):
        writing.run(LOGIN_THROTTLE.insert().values(key=key, **values))
