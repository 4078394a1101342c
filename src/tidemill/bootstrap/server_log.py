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
        self._log = log
        # Of what the server does all the time nothing is told, unless everything is asked for.
        super().__init__(logging.WARNING if log.least > logging.DEBUG else logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a trace comes with it, its end where it is long."""
        trace = {}
        if record.exc_info:
            trace["trace"] = logging.Formatter().formatException(record.exc_info)[-3_500:]
        told = self._log
        write = (
            told.error
            if record.levelno >= logging.ERROR
            else told.warning
            if record.levelno >= logging.WARNING
            else told
        )
        write("server", text=record.getMessage(), **trace)

    def install(self) -> None:
        """Take the place of uvicorn's own handlers."""
        logger = logging.getLogger("uvicorn")
        logger.handlers, logger.propagate = [self], False
        logger.setLevel(self.level)
