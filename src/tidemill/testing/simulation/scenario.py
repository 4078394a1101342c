"""What one integer tells: universe, prices, latencies, strategy, limits, and everything that goes wrong."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tidemill.model.bars import MINUTE_NS
from tidemill.model.broker import BrokerRules
from tidemill.model.enums import Sizing
from tidemill.model.settings import StrategySettings
from tidemill.testing.exchange import FAULTS, SCRIPTED_RULES
from tidemill.testing.simulation.faults import OWN_FAULTS, likelihood

__all__ = ["BAR_MINUTES", "MINUTES", "Scenario", "draw"]

MINUTES = 390  # of a regular session
BAR_MINUTES = 5
_SECOND_NS = 1_000_000_000
_CALM = 0.04  # share of days without any fault: there the tightest bounds hold
_GROUPS = "NBDTPKH"
_RUNAWAY_BARS = 16
_ROUND = 100  # days in which every fault has its own
_SELDOM: Mapping[str, float] = {"B26": 1.0, "B18": 0.4, "N1": 0.3, "B32": 0.5, "B6": 0.3, "B24": 0.3, "B4": 0.3}
_HOLDS = {"entry_rate": 0.8, "exit_rate": 0.02}
_ADDS = {"entry_rate": 0.5, "exit_rate": 0.1, "add_rate": 0.5}
_TURNS = {"entry_rate": 0.5, "exit_rate": 0.4, "short_rate": 0.5}
# What a strategy has to do for a fault to be possible: hold at the end of the day, add, turn round.
_NEEDS: Mapping[str, Mapping[str, float]] = {
    **dict.fromkeys(("B26", "T5", "B42"), _HOLDS),
    **dict.fromkeys(("B12", "B13", "B11"), _ADDS),
    **dict.fromkeys(("B22", "B23", "N10"), _TURNS),
}
_COUNTS = ("P1", "P2", "P4", "P11", "T3", "K3", "H1", "H2")  # happen so many times a day, not so likely


@dataclass(frozen=True, slots=True)
class Scenario:
    """One simulated day.

    Args:
        seed: of everything.
        prices, drifts: by symbol: at the open, and standard deviation of a minute's return.
        minutes, bar_minutes: length of the session, and of a bar.
        latency_s, stream_s, data_s, disk_s: of requests (one way), reports, bars, commits.
        strategy: parameters of the dice.
        settings: of the strategy.
        rules: what the broker can do.
        max_position_usd: limit of the guard.
        faults: name to likelihood each time it could happen; of kills, halts and the like how often in the day.
        pause_s: how long a dead engine stays down.
        roll_minutes: when the trading day rolls, minutes after midnight in New York.
    """

    seed: int
    prices: Mapping[str, float]
    drifts: Mapping[str, float]
    minutes: int
    bar_minutes: int
    latency_s: float
    stream_s: float
    data_s: float
    disk_s: float
    strategy: Mapping[str, float]
    settings: StrategySettings
    rules: BrokerRules
    max_position_usd: float
    faults: Mapping[str, float] = field(default_factory=dict)
    pause_s: float = 5.0
    roll_minutes: int = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols in the core's order."""
        return tuple(self.prices)

    @property
    def bars(self) -> int:
        """Return how many bars the session has."""
        return self.minutes // self.bar_minutes

    @property
    def bar_ns(self) -> int:
        """Return the length of a bar."""
        return self.bar_minutes * MINUTE_NS

    @property
    def is_calm(self) -> bool:
        """Tell whether nothing goes wrong."""
        return not self.faults

    def without(self, names: Iterable[str]) -> Scenario:
        """Return the same day with some faults left out."""
        gone = set(names)
        return replace(self, faults={name: rate for name, rate in self.faults.items() if name not in gone})


def _settings(chance: random.Random, bar_minutes: int) -> StrategySettings:
    trails = chance.random() < 0.15
    return StrategySettings(
        sizing=Sizing.FIXED,
        size_value=float(chance.choice((1, 3, 10, 25, 80))),
        allow_short=chance.random() < 0.5,
        pyramiding=chance.choice((1, 1, 2, 4)),
        stop_loss_pct=0.0 if trails else chance.uniform(0.1, 1.5),
        trailing_stop_pct=chance.uniform(0.2, 1.0) if trails else 0.0,
        take_profit_pct=chance.uniform(0.1, 2.0) if chance.random() < 0.6 else 0.0,
        max_bars_held=chance.choice((0, 0, 15, 60)) // bar_minutes,
    )


def _rules(chance: random.Random) -> BrokerRules:
    return replace(
        SCRIPTED_RULES,
        dedupes_client_ids=chance.random() < 0.7,
        finds_by_client_id=chance.random() < 0.8,
        shows_closed_orders=chance.random() < 0.85,
        links_orders=True,
        settle_ns=round(chance.choice((3.0, 10.0)) * _SECOND_NS),
    )


def _own(seed: int) -> str:
    """Return the fault whose day it is: each has one of every hundred, at full strength; some days are nobody's."""
    names, number = [*FAULTS, *OWN_FAULTS], seed % _ROUND
    return names[number] if number < len(names) else ""


def _swarm(chance: random.Random, own: str, bar_minutes: int) -> dict[str, float]:
    """Choose a random part of all faults, or of one group, at random strength, and the day's own."""
    if chance.random() < _CALM and not own:
        return {}
    names = [*FAULTS, *OWN_FAULTS]
    group = chance.choice(_GROUPS) if chance.random() < 0.25 else ""
    share = chance.choice((0.04, 0.08, 0.15, 0.3)) if not group else 0.5
    chosen = {}
    for name in names:
        picks, strength = chance.random() < share, chance.random()
        if name in _COUNTS and name[0] == "P":
            picks = picks or chance.random() < 0.15
        if not picks or (group and name[0] != group):
            continue
        chosen[name] = float(1 + int(3.0 * strength)) if name in _COUNTS else strength * likelihood(name, bar_minutes)
    if own:
        usual = 2.0 if own in _COUNTS else likelihood(own, bar_minutes)
        chosen[own] = max(chosen.get(own, 0.0), _SELDOM.get(own, usual))
    return chosen


def draw(seed: int, minutes: int = MINUTES, bar_minutes: int = BAR_MINUTES) -> Scenario:
    """Return the day that belongs to a seed.

    Args:
        seed: any integer.
        minutes: length of the session.
        bar_minutes: length of a bar; longer bars are fewer, and as much happens in each as in the minutes it spans.
    """
    chance = random.Random(f"{seed}|scenario")  # noqa: S311 - seeded, for simulations
    count = chance.choice((1, 1, 1, 2, 2, 3, 4, 5))
    symbols = [f"SIM{letter}" for letter in "ABCDE"[:count]]
    prices = {symbol: round(chance.uniform(8.0, 400.0), 2) for symbol in symbols}
    drifts = {symbol: chance.uniform(0.0003, 0.003) for symbol in symbols}
    settings, faults = _settings(chance, bar_minutes), _swarm(chance, _own(seed), bar_minutes)
    is_runaway = "P7" in faults
    strategy = {
        "seed": float(chance.randrange(1, 1_000_000)),
        "entry_rate": 1.0 if is_runaway else bar_minutes * chance.uniform(0.01, 0.12),
        "exit_rate": 0.5 if is_runaway else bar_minutes * chance.uniform(0.01, 0.1),
        "add_rate": bar_minutes * chance.uniform(0.0, 0.05),
        "short_rate": chance.uniform(0.0, 0.6) if settings.allow_short else 0.0,
        "quiet_after": float(min(minutes, _RUNAWAY_BARS) if is_runaway else minutes),
    }
    if _own(seed) in _NEEDS:
        settings = replace(settings, allow_short=True, pyramiding=4)
        strategy |= _NEEDS[_own(seed)]
    if _own(seed) == "B26":  # its stop has to work when the day ends
        settings = replace(settings, max_bars_held=0, take_profit_pct=0.0, stop_loss_pct=1.5, trailing_stop_pct=0.0)
    biggest = max(prices.values()) * settings.size_value * settings.pyramiding
    return Scenario(
        seed=seed,
        prices=prices,
        drifts=drifts,
        minutes=minutes,
        bar_minutes=bar_minutes,
        latency_s=chance.choice((0.0, 0.01, 0.05, 0.15, 0.4)),
        stream_s=chance.choice((0.0, 0.01, 0.05, 0.2)),
        data_s=chance.choice((0.0, 0.02, 0.1, 0.4)),
        disk_s=chance.choice((0.0, 0.0, 0.0002, 0.004)),
        strategy=strategy,
        settings=settings,
        rules=_rules(chance),
        max_position_usd=biggest * chance.choice((0.6, 1.1, 3.0)),
        faults=faults,
        pause_s=chance.choice((1.0, 5.0, 20.0)),
        roll_minutes=chance.choice((660, 720) if "T5" in faults else (0, 0, 660, 720)),
    )
