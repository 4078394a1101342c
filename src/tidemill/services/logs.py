"""Structured logs: one JSON object per line on standard error, secrets blacked out, never in the way of trading."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from tidemill.runtime.clock import SystemClock

__all__ = ["Log", "redact"]

_BLACK = "***"
_SECRET_NAME = re.compile(r"(token|secret|passw|api_?key|authorization|credential|cookie)", re.IGNORECASE)
_SECRETS = (
    (re.compile(r"(\w+://[^\s/:@]+:)[^\s@]+(@)"), rf"\1{_BLACK}\2"),  # password in an address
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+"), rf"\1{_BLACK}"),
    (re.compile(r"(/bot)\d+:[\w-]+"), rf"\1{_BLACK}"),  # a bot's token is part of its path
    (re.compile(r"(?i)([?&](?:api_?key|token|secret|signature|password)=)[^&\s]+"), rf"\1{_BLACK}"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), _BLACK),  # a signed web token
)
_LONGEST = 4_000  # characters of one value


def redact(value: Any, name: str = "") -> Any:
    """Return a value without secrets: by the name it stands under, and by what it looks like."""
    if name and _SECRET_NAME.search(name):
        return _BLACK
    if isinstance(value, Mapping):
        return {str(key): redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    if isinstance(value, str):
        for pattern, black in _SECRETS:
            value = pattern.sub(black, value)
        return value[:_LONGEST]
    return value if isinstance(value, int | float | bool) or value is None else redact(str(value))


def _black_out(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Stamp a line, put what happened first, and let no secret pass."""
    event = line.pop("event")
    return {"ts_ns": SystemClock().now_ns(), "event": event, **redact(line)}


class Log:
    """Writes what happens, with the same names on every line.

    Args:
        names: on every line, for example ``process="up"``.
        stream: where to; standard error when left out.
    """

    def __init__(self, stream: TextIO | None = None, **names: Any) -> None:
        bare = structlog.WriteLogger(stream or sys.stderr)
        processors: list[Any] = [_black_out, structlog.processors.JSONRenderer(default=str)]
        self._log: Any = structlog.wrap_logger(
            bare, processors=processors, wrapper_class=structlog.BoundLogger, context_class=dict
        ).bind(**names)

    def __call__(self, event: str, **values: Any) -> None:
        """Write one line; a full disk loses the line and nothing else (K11)."""
        with contextlib.suppress(OSError, ValueError):
            self._log.info(event, **values)
