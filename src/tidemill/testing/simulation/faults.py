"""What can go wrong around an engine besides its broker: data, time, processes, disks. Names as in docs/promises.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidemill.testing.exchange.faults import FAULTS, Fault

__all__ = ["BY_HAND", "LIKELIHOOD", "OWN_FAULTS", "PEOPLE", "is_of_broker", "likelihood"]

OWN_FAULTS: Final[Mapping[str, Fault]] = {
    "D1": Fault("The data of one symbol stop.", 240.0, "s"),
    "D2": Fault("The data of all symbols stop, and the line looks alive.", 180.0, "s"),
    "D3": Fault("A bar shows ten times the price, a tenth of it, zero or less.", 10.0, "times"),
    "D4": Fault("A bar holds something that is no number."),
    "D5": Fault("A bar whose high lies below its low, or a quote whose bid lies above its ask."),
    "D6": Fault("A bar comes after its successor."),
    "D7": Fault("A bar comes twice."),
    "D8": Fault("Some minutes of bars never come.", 4.0, "bars"),
    "D10": Fault("All that was held up comes at once.", 150.0, "s"),
    "D11": Fault("A bar of an instrument nobody asked for."),
    "D17": Fault("A bar is stamped in the future.", 3600.0, "s"),
    "D18": Fault("The line of the market data drops and comes back.", 30.0, "s"),
    "T1": Fault("The wall clock jumps.", 3600.0, "s"),
    "T3": Fault("The machine sleeps.", 600.0, "s"),
    "T4": Fault("The wall clock is slewed.", 0.4, "s"),
    "T5": Fault("The trading day rolls over with positions open."),
    "T6": Fault("A timer fires late.", 30.0, "s"),
    "P1": Fault("The process is killed."),
    "P2": Fault("The process is killed while it recovers."),
    "P4": Fault("The process is stopped past its lease, and goes on.", 120.0, "s"),
    "P7": Fault("The strategy orders at every bar."),
    "P11": Fault("A second engine is started."),
    "K1": Fault("The disk is full.", 20.0, "s"),
    "K2": Fault("The disk is slow.", 5.0, "s"),
    "K3": Fault("The machine loses power: what was not on the disk is gone, the last block is torn."),
    "K6": Fault("The database is locked by somebody else.", 8.0, "s"),
    "K7": Fault("A transaction is written and its success is not told."),
    "H1": Fault("A person halts trading and lifts the halt later.", 300.0, "s"),
    "H2": Fault("A person asks for everything to be closed."),
}

# How likely a fault may be, at most, each time it could happen; what is asked for at every trade is rarer.
LIKELIHOOD: Final[Mapping[str, float]] = {
    **dict.fromkeys(FAULTS, 0.15),
    **dict.fromkeys(("B10", "B27", "B31", "B33", "B34", "B42", "B44"), 0.002),
    **dict.fromkeys(("B18", "B19", "B21", "B38", "N5", "N14", "N17", "N23", "B16"), 0.02),
    **dict.fromkeys(("B4", "B6", "B7", "B9", "B13", "B22", "B24", "B32"), 0.1),
    **dict.fromkeys(("B11", "B12", "B13", "B22", "B26", "N10"), 0.6),
    **dict.fromkeys(OWN_FAULTS, 0.02),
    **dict.fromkeys(("D1", "D2", "D8", "D10", "D18"), 0.006),
    **dict.fromkeys(("K1", "K6", "K7"), 0.002),
    "T6": 0.05,
    "K2": 0.05,
}

_BY_TIME: Final = frozenset({"B10", "B27", "B31", "B33", "B34", "B42", "B44"})
"""Asked for at every trade or bar: of fewer of them each is the likelier."""

PEOPLE: Final = frozenset({"H1", "H2"})
"""What people may do at any time; no fault, but it has to be possible in the middle of all others."""

# Faults after which broker and record differ for good: a person has to look (promise 9).
BY_HAND: Final = frozenset({"B9", "B10", "B13", "B31", "B33", "B44"})


def likelihood(name: str, bar_minutes: int) -> float:
    """Return how likely a fault may be, at most, each time it could happen in a day of such bars."""
    is_by_time = name in _BY_TIME or name[0] == "D"
    return LIKELIHOOD[name] * (bar_minutes if is_by_time else 1)


def is_of_broker(name: str) -> bool:
    """Tell whether the scripted exchange knows how to make a fault happen."""
    return name in FAULTS
