"""Which code the installation's processes run: API and engine host shake hands, and are strangers if they differ.

Each writes its build into its heartbeat. While they differ nothing is begun and nothing is ordered: a word may mean
something else on the other side. What ends or lessens something is always handed over (fault P16).
"""

from __future__ import annotations

import re

from tidemill.ports.seams import Clock
from tidemill.runtime.guard.heartbeat import beat_file, read_beat
from tidemill.services.builds import build_name
from tidemill.services.home import Home
from tidemill.services.hosting.bells import HOST
from tidemill.services.refusals import Kind, Refused

__all__ = ["OTHER_BUILD", "Handshake", "is_refused", "other_build"]

OTHER_BUILD = "other_build"
_ALWAYS = frozenset({"cancel", "stop", "pause", "halt", "flatten"})
_ALIVE_NS = 15_000_000_000  # a process that was silent for longer is not there
_FRESH_NS = 500_000_000
_SERVICE_KEY = re.compile(r"api-|u\d+/")


def other_build(home: Home, clock: Clock, process: str) -> str:
    """Return the build of a living process of the installation that runs other code than this one, empty if none does.

    Args:
        process: ``host`` or ``api``.
    """
    beat = read_beat(beat_file(home.halts, process))
    if beat is None or beat.state == "STOPPED" or clock.now_ns() - beat.now_ns > _ALIVE_NS:
        return ""
    return "" if beat.build in {"", build_name()} else beat.build


class Handshake:
    """Looks twice a second at most whether the engine is of the same build.

    Args:
        home, clock: of the installation.
    """

    def __init__(self, home: Home, clock: Clock) -> None:
        self._home, self._clock = home, clock
        self._engine, self._until_ns = "", -(2**62)

    def check(self, kind: str) -> None:
        """Refuse to hand a wish to an engine of another build, unless it ends or lessens something.

        Args:
            kind: of the wish.

        Raises:
            Refused: ``other_build``.
        """
        if kind in _ALWAYS:
            return
        now = self._clock.monotonic_ns()
        if now >= self._until_ns:
            self._engine, self._until_ns = other_build(self._home, self._clock, HOST), now + _FRESH_NS
        if self._engine:
            sentence = f"The engine runs build {self._engine}, the API {build_name()}; start both again with one build."
            details = {"api": build_name(), "engine": self._engine}
            raise Refused(Kind.CONFLICT, OTHER_BUILD, sentence, details=details)


def is_refused(key: str, kind: str) -> bool:
    """Tell whether the engine refuses a command that an API of another build has written; its key tells who did."""
    return kind not in _ALWAYS and _SERVICE_KEY.match(key) is not None
