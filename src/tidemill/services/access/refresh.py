"""Refresh tokens: random words that are good once; one that is shown twice was stolen, and its whole family ends.

Only hashes are kept. All tokens that replaced each other since one sign-in are a family; access tokens name theirs.
Source of the rotation and reuse rules: RFC 9700, section 4.14.2.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from tidemill.adapters.sql.database import Database, Row, Writing
from tidemill.adapters.sql.service_tables import REFRESH_TOKENS
from tidemill.ports.seams import Clock
from tidemill.services.refusals import Kind, Refused

__all__ = ["Session", "Sessions"]

_SECOND = 1_000_000_000
_KEPT_S = 90 * 86_400  # after its end a token is still known for that long, so that showing it again is noticed
_T = REFRESH_TOKENS.c


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in.

    Args:
        user_id: whose. family: its name. refresh_token: the word that prolongs it, once.
        expires_ns: when that word ends.
    """

    user_id: int
    family: str
    refresh_token: str
    expires_ns: int


class Sessions:
    """Begins, prolongs and ends sign-ins.

    Args:
        database, clock: of the installation.
        refresh_s: seconds for which a refresh token is good.
        longest_s: seconds after which one signs in with a password again, however often it was prolonged.
    """

    def __init__(self, database: Database, clock: Clock, refresh_s: int, longest_s: int) -> None:
        self._database, self._clock = database, clock
        self._refresh_ns, self._longest_ns = refresh_s * _SECOND, longest_s * _SECOND

    def begin(self, user_id: int, version: int, lifetime_s: int | None = None) -> Session:
        """Begin a session of somebody whose password, code or key was right.

        Args:
            version: of their sessions at this moment. lifetime_s: another lifetime than the usual.
        """
        now = self._clock.now_ns()
        ends = now + (self._refresh_ns if lifetime_s is None else lifetime_s * _SECOND)
        with self._database.write() as writing:
            writing.run(REFRESH_TOKENS.delete().where(_T.expires_ns < now - _KEPT_S * _SECOND))
            return _add(writing, user_id, version, secrets.token_hex(16), now, ends)

    def prolong(self, refresh_token: str) -> tuple[Session, int]:
        """Trade a refresh token for the next one; return the session and the version it was begun under.

        Raises:
            Refused: it is unknown, over, or was used before: then everything of its sign-in ends.
        """
        now = self._clock.now_ns()
        with self._database.write() as writing:
            row = writing.row(REFRESH_TOKENS.select().where(_T.hash == _hash(refresh_token)))
            is_good = row is not None and not row["revoked_ns"] and now < row["expires_ns"]
            if row is not None and row["used_ns"]:
                _end(writing, str(row["family"]), now)
                is_good = False
            if row is not None and is_good:
                return self._replace(writing, row, now), int(row["session_version"])
        raise Refused(Kind.NOT_SIGNED_IN, "bad_refresh_token", "That session is over; sign in again.")

    def _replace(self, writing: Writing, row: Row, now: int) -> Session:
        family = str(row["family"])
        begun = writing.row(REFRESH_TOKENS.select().where(_T.family == family).order_by(_T.issued_ns).limit(1))
        first = int(begun["issued_ns"]) if begun else now
        writing.run(REFRESH_TOKENS.update().where(_T.hash == row["hash"]).values(used_ns=now))
        ends = min(now + self._refresh_ns, first + self._longest_ns)
        return _add(writing, int(row["user_id"]), int(row["session_version"]), family, now, ends)

    def end(self, family: str) -> None:
        """End a session: neither its refresh token nor its access tokens are good any more."""
        with self._database.write() as writing:
            _end(writing, family, self._clock.now_ns())

    def end_all(self, writing: Writing, user_id: int) -> None:
        """End every session of somebody, inside a transaction."""
        ended = REFRESH_TOKENS.update().where(_T.user_id == user_id, _T.revoked_ns == 0)
        writing.run(ended.values(revoked_ns=self._clock.now_ns()))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _add(writing: Writing, user_id: int, version: int, family: str, now_ns: int, ends_ns: int) -> Session:
    token = secrets.token_urlsafe(32)
    writing.run(
        REFRESH_TOKENS.insert().values(
            hash=_hash(token),
            family=family,
            user_id=user_id,
            session_version=version,
            issued_ns=now_ns,
            expires_ns=ends_ns,
            used_ns=0,
            revoked_ns=0,
        )
    )
    return Session(user_id, family, token, ends_ns)


def _end(writing: Writing, family: str, now_ns: int) -> None:
    writing.run(REFRESH_TOKENS.update().where(_T.family == family, _T.revoked_ns == 0).values(revoked_ns=now_ns))
