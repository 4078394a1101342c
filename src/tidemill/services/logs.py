"""Structured logs: one JSON object per line on standard error, secrets blacked out, never in the way of trading."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from tidemill.runtime.clock import SystemClock

__all__ = ["LEVEL_VARIABLE", "Log", "redact"]

LEVEL_VARIABLE = "TIDEMILL_LOG_LEVEL"

_BLACK = "***"
_SECRET_NAME = re.compile(r"(token|secret|passw|api_?key|authorization|credential|cookie)", re.IGNORECASE)
_SECRETS = (
    (re.compile(r"(://[^\s/:@]{1,256}+:)\S{1,1024}(@)"), rf"\1{_BLACK}\2"),  # password in an address
    (re.compile(r"(?i)(bearer\s++)[\w.~+/=-]+"), rf"\1{_BLACK}"),
    (re.compile(r"(/bot)\d++:[\w-]+"), rf"\1{_BLACK}"),  # a bot's token is part of its path
    (re.compile(r"(?i)([?&](?:api_?key|token|secret|signature|password)=)[^&\s]+"), rf"\1{_BLACK}"),
    # A signed web token; looked for once in a word, however often the word begins one.
    (re.compile(r"(?<![\w-])(?=[\w-]*eyJ)[\w-]++\.[\w-]++\.[\w-]++"), _BLACK),
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


def _black_out(_logger: Any, method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Stamp a line, put what happened first, and let no secret pass."""
    event = line.pop("event")
    return {"ts_ns": SystemClock().now_ns(), "event": event, "level": method.upper(), **redact(line)}


class Log:
    """Writes what happens, with the same names on every line.

    Args:
        names: on every line, for example ``process="up"``.
        stream: where to; standard error when left out.
        level: the least that is written: DEBUG, INFO, WARNING or ERROR; what ``TIDEMILL_LOG_LEVEL`` says when left out,
            as processes that `tidemill up` starts are told, else INFO.
    """

    def __init__(self, stream: TextIO | None = None, *, level: str | None = None, **names: Any) -> None:
        said = (level or os.environ.get(LEVEL_VARIABLE, "")).strip().upper()
        self.least = logging.getLevelNamesMapping().get(said, logging.INFO)
        bare = structlog.WriteLogger(stream or sys.stderr)
        processors: list[Any] = [_black_out, structlog.processors.JSONRenderer(default=str)]
        self._log: Any = structlog.wrap_logger(
            bare,
            processors=processors,
            wrapper_class=structlog.make_filtering_bound_logger(self.least),
            context_class=dict,
        ).bind(**names)

    def __call__(self, event: str, **values: Any) -> None:
        """Write one line of what happens all the time; a full disk loses the line and nothing else (K11)."""
        self._write("info", event, values)

    def warning(self, event: str, **values: Any) -> None:
        """Write one line that somebody should see; as above."""
        self._write("warning", event, values)

    def error(self, event: str, **values: Any) -> None:
        """Write one line of what failed; as above."""
        self._write("error", event, values)

    def _write(self, method: str, event: str, values: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):
            getattr(self._log, method)(event, **values)
