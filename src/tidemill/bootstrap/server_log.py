"""What the server itself has to say goes into the log of the process: lines of JSON, secrets blacked out."""

from __future__ import annotations

import logging

from tidemill.services.logs import Log

__all__ = ["ServerLog"]


class ServerLog(logging.Handler):
    """Hands records of uvicorn to a log.

    Args:
        log: of the process.
    """

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a trace comes with it, its end where it is long."""
        trace = {}
        if record.exc_info:
            trace["trace"] = logging.Formatter().formatException(record.exc_info)[-3_500:]
        self._log("server", level=record.levelname, text=record.getMessage(), **trace)

    def install(self) -> None:
        """Take the place of uvicorn's own handlers."""
        logger = logging.getLogger("uvicorn")
        logger.handlers, logger.propagate = [self], False
        logger.setLevel(logging.WARNING)
