"""From what somebody wishes for to the specification of an agent, checked as a whole before anything is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidemill.model.agent import AgentSpec, Schedule
from tidemill.model.errors import ConfigError
from tidemill.model.settings import RunSettings
from tidemill.services.agents import limits_of, uses_of
from tidemill.services.entries import StrategyRequest
from tidemill.services.fleet.feeds import Feed
from tidemill.services.fleet.naming import slug
from tidemill.services.fleet.refusals import live_refused

__all__ = ["Made", "Wish", "check_mode", "check_symbols", "made_of"]

_MOST_SYMBOLS = 100
_LONGEST_SYMBOL = 24
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_=^/")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an agent is to be, in the core's words.

    Args:
        name: as its owner calls it.
        strategies: who decides. symbols, interval: what it trades, and on which bars.
        feed: where the market comes from. run: account, settings, costs, fill rules.
        limits: by face. auto_execute: off: signals only. schedule: checks and end. mode: paper or live.
    """

    name: str
    strategies: Sequence[StrategyRequest]
    symbols: Sequence[str]
    interval: str
    feed: Feed
    run: RunSettings = field(default_factory=RunSettings)
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    auto_execute: bool = True
    schedule: Schedule = field(default_factory=Schedule)
    mode: str = "paper"


@dataclass(frozen=True, slots=True)
class Made:
    """An agent ready to be stored.

    Args:
        spec: the core's. speed: of its feed; infinite: as fast as it can.
    """

    spec: AgentSpec
    speed: float = math.inf


def check_mode(mode: str) -> str:
    """Return a mode as the core knows it.

    Raises:
        Refused: it is for real money. ConfigError: it is none.
    """
    plain = mode.strip().lower()
    if plain == "live":
        raise live_refused()
    if plain != "paper":
        raise ConfigError(f"mode is PAPER or LIVE, not {mode[:40]!r}.")
    return plain


def check_symbols(symbols: Sequence[str]) -> tuple[str, ...]:
    """Return symbols once each, in order.

    Raises:
        ConfigError: there are none, too many, or one cannot be one.
    """
    found = tuple(dict.fromkeys(symbol.strip() for symbol in symbols))
    for symbol in found:
        is_name = 0 < len(symbol) <= _LONGEST_SYMBOL and set(symbol) <= _SIGNS
        if not is_name or not (symbol[0].isalnum() or symbol[0] == "^") or ".." in symbol:
            raise ConfigError(f"{symbol[:40]!r} cannot be a symbol; write for example AAPL.")
    if not (0 < len(found) <= _MOST_SYMBOLS):
        raise ConfigError(f"Name 1 to {_MOST_SYMBOLS} symbols, not {len(found)}.")
    return found


def made_of(wish: Wish) -> Made:
    """Return the agent somebody wishes for.

    Raises:
        ConfigError, UnknownName: in one sentence, what does not fit. Refused: it is for real money.
    """
    takes_symbols = wish.feed.spec.kind not in {"replay", "sample"} or bool(wish.symbols)
    spec = AgentSpec(
        name=slug(wish.name),
        strategies=uses_of(wish.strategies),
        symbols=check_symbols(wish.symbols) if takes_symbols else (),
        interval=wish.interval if wish.feed.spec.kind == "push" else "",
        run=wish.run,
        mode=check_mode(wish.mode),
        feed=wish.feed.spec,
        schedule=wish.schedule,
        limits=wish.limits,
        auto_execute=wish.auto_execute,
    )
    limits_of(spec)
    return Made(spec, wish.feed.speed)
