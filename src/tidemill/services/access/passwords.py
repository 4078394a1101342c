"""Passwords: kept as argon2id, checked two at a time, at the same cost whether somebody of that name exists or not.

Parameters are those of the OWASP Password Storage Cheat Sheet for argon2id: 19 MiB, two passes, one lane.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from tidemill.services.refusals import Kind, Refused

__all__ = ["Checked", "Passwords", "refuse_weak"]

_MEMORY_KIB = 19 * 1024
_AT_ONCE = 2
_WAITING = 8  # beyond that requests are turned away: those who wait hold a thread that a halt may need
_SHORTEST, _LONGEST = 12, 128
_NOBODY = "a password that nobody has"
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a password that was tried.

    Args:
        is_right: whether it is the one that is kept.
        better: hash to keep instead, when today's parameters are dearer; else empty.
    """

    is_right: bool
    better: str = ""


class Passwords:
    """Hashes and checks passwords with bounded memory.

    Args:
        hasher: other parameters, for tests of what changes with them.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=_MEMORY_KIB, parallelism=1)
        # On threads of their own: what a thread has once taken from the system it keeps, so forty threads would keep
        # forty times the memory of a hash although no more than two are at work.
        self._two = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")
        self._count = threading.Lock()
        self._inside = 0
        self.hashes = 0  # ever computed: what the time of a login consists of
        self._nobody = self._hasher.hash(_NOBODY)

    def _one_of_few(self, work: Callable[[], _Found]) -> _Found:
        with self._count:
            if self._inside >= _AT_ONCE + _WAITING:
                raise Refused(Kind.BUSY, "busy", "Too many people sign in at this moment; try again.", wait_s=1.0)
            self._inside += 1
            self.hashes += 1
        try:
            return self._two.submit(work).result()
        finally:
            with self._count:
                self._inside -= 1

    def hash(self, password: str) -> str:
        """Return what is kept of a password. Raises Refused when too many are hashed at this moment."""
        return self._one_of_few(lambda: self._hasher.hash(password))

    def check(self, kept: str | None, password: str) -> Checked:
        """Try a password against what is kept; None: nobody is known by that name, which takes as long.

        Raises:
            Refused: too many are checked at this moment.
        """
        tried = self._nobody if kept is None else kept
        try:
            self._one_of_few(lambda: self._hasher.verify(tried, password))
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return Checked(is_right=False)
        if kept is None:
            return Checked(is_right=False)
        return Checked(is_right=True, better=self.hash(password) if self._hasher.check_needs_rehash(kept) else "")


def refuse_weak(password: str, *names: str) -> None:
    """Refuse a password that is short, or that contains what others know.

    Raises:
        Refused: it is weak; the sentence says how.
    """
    if not _SHORTEST <= len(password) <= _LONGEST:
        reason = f"A password has {_SHORTEST} to {_LONGEST} characters; four random words are good."
    elif len(set(password)) < _SHORTEST // 3:
        reason = "That password repeats few characters; four random words are good."
    elif any(name and name.lower() in password.lower() for name in names):
        reason = "A password must not contain the user name or the e-mail address."
    else:
        return
    raise Refused(Kind.INVALID, "weak_password", reason, field="body.password")
