"""A network that plays a script: what every attempt to connect meets, word by word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tidemill.model.errors import LinkDown, TidemillError
from tidemill.ports.seams import Clock

__all__ = ["ScriptedNet", "ScriptedWire"]

Step = str | float | TidemillError
"""A text that is heard; seconds of silence; an error that ends the connection."""


class ScriptedWire:
    """One connection of a script.

    Args:
        steps: what happens on it; after the last one it breaks.
        clock: silence passes on it.
    """

    def __init__(self, steps: Sequence[Step], clock: Clock) -> None:
        self.sent: list[str] = []
        self.is_closed = False
        self._steps: Iterator[Step] = iter(steps)
        self._clock = clock

    async def send(self, text: str) -> None:
        """Keep what is sent."""
        self.sent.append(text)

    async def receive(self) -> str:
        """Return the next text, after the silence before it; raises what the script says, LinkDown at its end."""
        for step in self._steps:
            if isinstance(step, str):
                return step
            if isinstance(step, TidemillError):
                raise step
            await self._clock.sleep(step)
        raise LinkDown("The script is over.")

    async def close(self) -> None:
        """Note it."""
        self.is_closed = True


class ScriptedNet:
    """Meets each attempt with the next entry of a script; when it is used up nobody answers.

    Args:
        script: per attempt the steps of a connection, or the error there is instead.
        clock: silence passes on it.
    """

    def __init__(self, script: Iterable[Sequence[Step] | TidemillError], clock: Clock) -> None:
        self.wires: list[ScriptedWire] = []
        self.attempts_ns: list[int] = []
        self._script = iter(script)
        self._clock = clock

    async def connect(self, url: str) -> ScriptedWire:
        """Return the script's next connection; raises the error it has instead."""
        self.attempts_ns.append(self._clock.monotonic_ns())
        met = next(self._script, None)
        if met is None:
            raise LinkDown(f"Nobody answers at {url}.")
        if isinstance(met, TidemillError):
            raise met
        self.wires.append(ScriptedWire(met, self._clock))
        return self.wires[-1]
