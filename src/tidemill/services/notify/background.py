"""The thread that tells people: follows what happened and delivers it, as long as its process lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tidemill.adapters.sql.database import Database
from tidemill.model.errors import TidemillError
from tidemill.services.logs import Log
from tidemill.services.notify.follower import Follower
from tidemill.services.notify.outbound import Outbound

__all__ = ["Background"]

_EVERY_S = 0.5
_REST = 3.0  # times as long as a turn of work took


class Background:
    """Runs follower and deliveries, each on a thread of its own: a slow receiver keeps nobody from being told.

    Args:
        database: of the installation. follower, outbound: what they do. log: of the process.
    """

    def __init__(self, database: Database, follower: Follower, outbound: Outbound, log: Log) -> None:
        self._database, self._log = database, log
        self._works = (("follower", follower.look), ("deliveries", outbound.turn))
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for name, work in self._works:
            thread = threading.Thread(target=self._serve, args=(name, work), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(10.0)

    def _serve(self, name: str, work: Callable[[], int]) -> None:
        """Work whenever there is something to do; a busy database is tried again."""
        while not self._ending.is_set():
            count, began = 0, time.monotonic()
            try:
                count = work()
            except TidemillError as error:
                self._log.warning("late", work=name, error=str(error))
            # Whoever has much to catch up on leaves most of the process to those who ask meanwhile.
            self._ending.wait(_REST * (time.monotonic() - began) if count else _EVERY_S)
        self._database.release()
