"""What a service says when it will not do something: a kind for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tidemill.model.errors import TidemillError

__all__ = ["Kind", "Refused"]


class Kind(StrEnum):
    """Why something was refused."""

    NOT_SIGNED_IN = "not_signed_in"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    INVALID = "invalid"
    TOO_OFTEN = "too_often"
    BUSY = "busy"


class Refused(TidemillError):
    """A service was asked for something it does not do, in one sentence that says what to do instead.

    Args:
        kind: what a program has to make of it.
        code: stable name of the refusal, ``snake_case``.
        message: what is wrong and what to do.
        field: of the request it is about.
        details: facts for programs.
        wait_s: seconds after which it may be tried again; 0: trying again changes nothing.
    """

    exit_code = 3

    def __init__(
        self,
        kind: Kind,
        code: str,
        message: str,
        *,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
        wait_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.kind, self.code, self.field, self.details, self.wait_s = kind, code, field, details, wait_s
