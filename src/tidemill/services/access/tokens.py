"""Access tokens: short-lived, signed with one algorithm, checked as RFC 8725 asks; they say who, never what they may.

The header is not believed: the algorithm is a constant of this file, and key names (``kid``), critical extensions and
embedded keys are refused unread.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from tidemill.model.people import Role
from tidemill.ports.seams import Clock
from tidemill.services.refusals import Kind, Refused

__all__ = ["Claims", "TokenSettings", "Tokens"]

_ALGORITHM = "HS256"
_TYPE = "access"
_HEADER = {"alg": _ALGORITHM, "typ": "JWT"}
_REQUIRED = ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"]
_LEEWAY_S = 10
_SECOND = 1_000_000_000
_LONGEST = 4_096
_KNOWN = 4_096  # tokens whose signature was found right; a megabyte or two


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How tokens are made.

    Args:
        issuer, audience: who makes them and for whom; a token of another installation does not fit.
        access_s: seconds for which one is good.
    """

    issuer: str = "ai-trading-agent"
    audience: str = "ai-trading-agent"
    access_s: int = 900


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: which row of the database to read, and since when.

    Args:
        user_id, version: of the person and of their sessions; an old version is signed out.
        session: of the login it comes from; ended sessions end their tokens.
        token_id: of this one.
        most: highest role it may use, if it was made for less than its owner may.
    """

    user_id: int
    version: int
    session: str
    token_id: str
    most: Role | None = None


class Tokens:
    """Signs and reads access tokens.

    Args:
        key: at least 32 random bytes.
        settings: names and lifetime.
        clock: what time it is.
    """

    def __init__(self, key: bytes, settings: TokenSettings, clock: Clock) -> None:
        self._key, self.settings, self._clock = key, settings, clock
        self._known: dict[bytes, tuple[Claims, Mapping[str, Any]]] = {}

    def sign(
        self, claims: Claims, username: str, roles: list[str], *, lifetime_s: int | None = None
    ) -> tuple[str, int]:
        """Return a token and the second of its end.

        Args:
            claims: what it says. username, roles: for those who show it; nothing is decided by them.
            lifetime_s: another lifetime than the usual.
        """
        now = self._clock.now_ns() // _SECOND
        ends = now + (lifetime_s or self.settings.access_s)
        payload: dict[str, Any] = {
            "sub": str(claims.user_id),
            "username": username,
            "roles": roles,
            "iat": now,
            "nbf": now,
            "exp": ends,
            "aud": self.settings.audience,
            "iss": self.settings.issuer,
            "jti": claims.token_id or secrets.token_hex(16),
            "typ": _TYPE,
            "sid": claims.session,
            "ver": claims.version,
        }
        if claims.most is not None:
            payload["max_role"] = str(claims.most)
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM), ends

    def read(self, token: str) -> Claims:
        """Return what a token says; a signature is checked once, the times at every request.

        Raises:
            Refused: it is not ours, not an access token, not yet or no longer good.
        """
        try:
            if len(token) > _LONGEST:
                raise _not_good()
            mark = hashlib.sha256(token.encode()).digest()  # the token itself is kept nowhere
            claims, payload = self._known.get(mark) or self._verified(token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise _not_good() from None
        self._in_time(payload)
        if mark not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[mark] = claims, payload
        return claims

    def _verified(self, token: str) -> tuple[Claims, Mapping[str, Any]]:
        if jwt.get_unverified_header(token) != _HEADER:
            raise _not_good()
        payload = jwt.decode(
            token,
            self._key,
            algorithms=[_ALGORITHM],
            audience=self.settings.audience,
            issuer=self.settings.issuer,
            leeway=_LEEWAY_S,
            # Times are compared by themselves, with the clock of the process.
            options={"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
        return _claims(payload), payload

    def _in_time(self, payload: Mapping[str, Any]) -> None:
        now = self._clock.now_ns() / _SECOND
        exp, nbf, iat = payload["exp"], payload["nbf"], payload["iat"]
        if any(type(value) is not int for value in (exp, nbf, iat)) or max(nbf, iat) > now + _LEEWAY_S:
            raise _not_good()
        if now >= exp + _LEEWAY_S:
            raise Refused(Kind.NOT_SIGNED_IN, "token_expired", "That token has expired; refresh it or sign in again.")


def _claims(payload: Mapping[str, Any]) -> Claims:
    sub, version, session, token_id = payload["sub"], payload["ver"], payload["sid"], payload["jti"]
    texts = (sub, session, token_id, payload["typ"])
    if payload["typ"] != _TYPE or type(version) is not int or not all(type(text) is str and text for text in texts):
        raise ValueError
    if not (sub.isascii() and sub.isdigit() and len(sub) < 19):
        raise ValueError
    most = payload.get("max_role")
    return Claims(int(sub), version, session, token_id, None if most is None else Role(most))


def _not_good() -> Refused:
    return Refused(Kind.NOT_SIGNED_IN, "bad_token", "That token is not good here; sign in again.")
