"""An engine host as a process of its own beside the API under test, and how tests wait for what it does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from installation import Service

from patience import stretch, until

__all__ = ["Host", "hosted", "push", "until"]

_COMMAND = "import sys; from tidemill.cli.main import main; sys.exit(main())"
# Hours and limits that let a session trade at whatever time the tests run.
ALWAYS = {
    "trading_hours_start": "00:00",
    "trading_hours_end": "24:00",
    "trading_days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"],
    "extended_hours": True,
}


class Host:
    """A host process over a service's home.

    Args:
        service: whose runs it hosts.
    """

    def __init__(self, service: Service) -> None:
        home = service.parts.home
        self._words = ["host", "--data-dir", str(home.folder), "--database", home.url]
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _COMMAND, *self._words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def await_ready(self) -> None:
        """Wait until the host says that every wanted run is at work."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "READY"

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def again(self) -> float:
        """Start another one; return the seconds until it is ready, as on a quiet machine."""
        began = time.monotonic()
        self.process = self._start()
        self.await_ready()
        return (time.monotonic() - began) / stretch()


@contextmanager
def hosted(service: Service) -> Iterator[Host]:
    """Run a host beside a service."""
    host = Host(service)
    try:
        host.await_ready()
        yield host
    finally:
        host.kill()


def push(service: Service, name: str, symbol: str, *prices: float) -> None:
    """Push trades as somebody, each taken before the next."""
    for price in prices:
        answer = service.post(name, "/v1/tick", {"symbol": symbol, "price": price, "size": 100.0})
        assert answer["accepted"] >= 1, answer
