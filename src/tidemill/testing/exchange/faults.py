"""What can go wrong between us and a broker: every fault has a name, an intensity, a seed and a count.

The names are those of docs/how-to/broker.md. Each fault draws from a sequence of its own, so that switching one on or
off leaves the others as they were.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.model.errors import UnknownName

__all__ = ["FAULTS", "Fault", "Faults"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong.

    Args:
        sentence: what happens.
        value: how much of it, unless told otherwise; ``unit`` says of what.
    """

    sentence: str
    value: float = 0.0
    unit: str = ""


FAULTS: Final[Mapping[str, Fault]] = {
    "N1": Fault("Opening is refused: nobody listens."),
    "N2": Fault("The line is cut before the request arrives; sometimes some of it had left already."),
    "N3": Fault("The request arrives, the line is cut before the reply."),
    "N4": Fault("The reply comes after the deadline; the order's acknowledgement then comes by the stream.", 3.0, "s"),
    "N5": Fault(
        "The line is dead and does not say so: requests run into the deadline, the stream is silent.", 20.0, "s"
    ),
    "N6": Fault("The stream says nothing for a while, and looks alive.", 30.0, "s"),
    "N7": Fault("The stream loses the report of a fill."),
    "N8": Fault("The stream repeats a report.", 5.0, "times"),
    "N9": Fault("The report of a fill overtakes the acknowledgement.", 2.0, "s"),
    "N10": Fault("A fill is reported after the cancellation was."),
    "N11": Fault("A report is late, and others overtake it.", 5.0, "s"),
    "N12": Fault("A list is answered as it was when it was asked for before."),
    "N13": Fault("An order fills while a list is on its way to us."),
    "N14": Fault("The connection drops, and drops again.", 3.0, "s"),
    "N17": Fault("Everything takes very long, both ways.", 30.0, "s"),
    "N20": Fault("A web page answers in place of the broker."),
    "N23": Fault("The broker cannot be reached at all."),
    "B1": Fault("Too many requests: the broker asks to wait.", 2.0, "s"),
    "B2": Fault("The broker's answer is a penalty ticket.", 15.0, "s"),
    "B3": Fault("The broker's server fails while it works on the request."),
    "B4": Fault("The broker rejects the order."),
    "B5": Fault("An accepted order is not shown for a while.", 5.0, "s"),
    "B6": Fault("An order is accepted, then rejected.", 1.0, "s"),
    "B7": Fault("The broker cancels the rest after a partial fill."),
    "B8": Fault("A fill comes in many parts.", 40.0, "parts"),
    "B9": Fault("More is filled than was ordered.", 0.1, "of the order"),
    "B10": Fault("A past execution is taken back."),
    "B11": Fault("A cancel is refused: the order has just filled."),
    "B12": Fault("A replacement and a partial fill cross."),
    "B13": Fault("A replacement leaves two orders alive."),
    "B16": Fault("The broker loses its own connection; what happens meanwhile is not streamed.", 20.0, "s"),
    "B17": Fault("The broker swallows the order: no answer, no order."),
    "B18": Fault("Opening is refused: the session is in use."),
    "B19": Fault("Another session takes our stream."),
    "B20": Fault("The token expires while the request is on its way."),
    "B21": Fault("The key was revoked."),
    "B22": Fault("The child of a filled parent is rejected."),
    "B23": Fault("The sibling of a filled order is not cancelled."),
    "B24": Fault("A stop is rejected."),
    "B26": Fault("A good-till-cancelled exit ends with the day all the same."),
    "B27": Fault("The broker cancels a resting order by itself, as after a corporate action."),
    "B31": Fault("The broker liquidates a position."),
    "B32": Fault("The account may not open positions."),
    "B33": Fault("Somebody trades by hand.", 1.0, "units"),
    "B34": Fault("Somebody cancels an order by hand."),
    "B35": Fault("Positions are shown as they were before the latest fills.", 10.0, "s"),
    "B36": Fault("A list comes without its last page."),
    "B38": Fault("The account turns out to be of the other environment."),
    "B39": Fault("An order is shown in a state nobody knows."),
    "B42": Fault("Trading in the instrument is halted.", 60.0, "s"),
    "B43": Fault("The broker's clock is wrong.", 90.0, "s"),
    "B44": Fault("A fill is reported for an order nobody knows.", 1.0, "units"),
}


class Faults:
    """Which faults are on, how strong, and how often each has fired.

    Args:
        seed: of every draw.
        catalogue: the faults there are.
    """

    def __init__(self, seed: int = 0, catalogue: Mapping[str, Fault] = FAULTS) -> None:
        self.seed = seed
        self._known = catalogue
        self.fired: dict[str, int] = {}
        self._on: dict[str, tuple[float, float]] = {}
        self._left: dict[str, int] = {}
        self._chances: dict[str, random.Random] = {}

    def on(self, name: str, intensity: float = 1.0, *, value: float | None = None, times: int | None = None) -> None:
        """Switch a fault on.

        Args:
            name: a key of the catalogue.
            intensity: how likely it fires each time it could, 0-1.
            value: how much of it; by default that of the catalogue.
            times: after so many times it switches itself off; None: never.

        Raises:
            UnknownName: there is no such fault.
        """
        if name not in self._known:
            raise UnknownName("fault", name, self._known)
        self._on[name] = (intensity, self._known[name].value if value is None else value)
        self._left.pop(name, None)
        if times is not None:
            self._left[name] = times

    def off(self, *names: str) -> None:
        """Switch faults off."""
        for name in names:
            self._on.pop(name, None)

    def heal(self) -> None:
        """Switch every fault off; the counts stay."""
        self._on.clear()

    def swarm(self, names: Iterable[str] = tuple(FAULTS), share: float = 0.3, strongest: float = 0.2) -> list[str]:
        """Switch on a random part of the faults at random intensities; return which.

        Args:
            names: to choose from.
            share: likelihood of each to be chosen.
            strongest: highest intensity.
        """
        chance = random.Random(f"{self.seed}|swarm")  # noqa: S311 - seeded, for tests
        chosen = []
        for name in names:
            picks, intensity = chance.random() < share, chance.random() * strongest
            if picks:
                self.on(name, intensity)
                chosen.append(name)
        return chosen

    @property
    def active(self) -> tuple[str, ...]:
        """Return the faults that are on, in the order they were switched on."""
        return tuple(self._on)

    def is_on(self, name: str) -> bool:
        """Tell whether a fault is on."""
        return name in self._on

    def value(self, name: str) -> float:
        """Return how much of a fault there is."""
        return self._on[name][1] if name in self._on else self._known[name].value

    def draw(self, name: str) -> float:
        """Return a number in [0, 1) from a fault's own sequence."""
        if name not in self._chances:
            self._chances[name] = random.Random(f"{self.seed}|{name}")  # noqa: S311 - seeded, for tests
        return self._chances[name].random()

    def fires(self, name: str) -> bool:
        """Decide whether a fault happens now, and count it."""
        if name not in self._on or self.draw(name) >= self._on[name][0]:
            return False
        self.fired[name] = self.fired.get(name, 0) + 1
        if name in self._left:
            self._left[name] -= 1
            if self._left[name] <= 0:
                self.off(name)
        return True
