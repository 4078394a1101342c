"""The engine host's shop window: what its runs look like, ten times a second, while somebody looks in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tidemill.ports.seams import Clock
from tidemill.runtime.life.glance import Glance
from tidemill.runtime.loudspeaker import LONGEST, Loudspeaker
from tidemill.services.home import Home
from tidemill.services.hosting.hosted import Hosted

__all__ = ["Showing", "window_of"]

_EVERY_S = 0.1
_AGAIN = 10  # looks between two at everything: words may be lost, and listeners change


def window_of(home: Home) -> Path:
    """Return where the words about runs are listened to: the API's process."""
    return home.folder / "engine.window"


class Showing:
    """Says what runs look like.

    Args:
        home: of the installation. runs: hosted now, by id. clock: of the machine.
    """

    def __init__(self, home: Home, runs: Mapping[str, Hosted], clock: Clock) -> None:
        self._speaker = Loudspeaker(window_of(home))
        self._runs, self._clock = runs, clock
        self._glances: dict[str, tuple[object, Glance]] = {}
        self._count = 0
        self._waiting: list[bytes] = []
        self._bytes = 0

    async def serve(self) -> None:
        """Look and tell until cancelled."""
        try:
            while True:
                await self._clock.sleep(_EVERY_S)
                if self._speaker.is_heard():
                    self.tell()
        finally:
            self._speaker.close()

    def tell(self) -> None:
        """Tell what changed since the last look; everything, now and then. An empty word asks whether anybody hears."""
        if not self._speaker.say(b"[]"):
            return
        self._count += 1
        for run_id, hosted in list(self._runs.items()):
            if hosted.live is None or not hosted.is_serving:
                self._glances.pop(run_id, None)
                continue
            known = self._glances.get(run_id)
            if known is None or known[0] is not hosted.live:
                known = self._glances[run_id] = (hosted.live, Glance(hosted.live.run))
            if self._count % _AGAIN == 0:
                known[1].forget()
            for message in known[1].words():
                self._add(message)
        self._flush()
        for gone in [run_id for run_id in self._glances if run_id not in self._runs]:
            del self._glances[gone]

    def _add(self, message: bytes) -> None:
        """Say what many runs have to tell as one message: systems let few wait, ten by default on Linux."""
        if self._bytes + len(message) + 1 > LONGEST - 1:
            self._flush()
        self._waiting.append(message)
        self._bytes += len(message) + 1

    def _flush(self) -> None:
        if self._waiting:
            self._speaker.say(b"[" + b",".join(self._waiting) + b"]")
        self._waiting.clear()
        self._bytes = 0
