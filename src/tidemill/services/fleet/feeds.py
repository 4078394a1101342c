"""Where an agent made through the API may take its market from; users name things, never paths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill.model.agent import FeedSpec
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.services.home import Home

__all__ = ["DATA_FOLDER", "USER_FEEDS", "Feed", "data_names", "feed_of"]

USER_FEEDS = ("push", "synthetic", "replay", "sample")
DATA_FOLDER = "data"  # of the installation's home: the operator puts files there, users name them
_SUFFIXES = (".csv", ".parquet", ".pq", ".csv.gz", ".zip")
_SPEEDS = (1.0, 1000.0)
_USUAL_SPEED = 60.0  # a minute bar each second
_KNOWN = ("kind", "name", "seed", "sessions", "speed", "start", "end")


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed, and how fast it plays.

    Args:
        spec: as the agent holds it. speed: times the market's pace; infinite: as fast as it can.
    """

    spec: FeedSpec
    speed: float


def data_names(home: Home) -> list[str]:
    """Return what the installation's data folder holds, by the names users may replay."""
    folder = home.folder / DATA_FOLDER
    files = sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return [name for name in files if name.lower().endswith(_SUFFIXES)]


def _data_file(home: Home, name: str) -> Path:
    """Return the file a user names; nothing but a listed name gets through."""
    known = data_names(home)
    stems = {item.partition(".")[0]: item for item in known}
    found = name if name in known else stems.get(name)
    if found is None:
        raise UnknownName("data set of this installation", name[:80], known or ["none yet"])
    return home.folder / DATA_FOLDER / found


def feed_of(home: Home, wish: str | Mapping[str, Any] | None) -> Feed:
    """Return the feed a user asks for.

    Args:
        home: whose data folder replays come from.
        wish: ``push`` (the default), ``synthetic``, ``sample``, ``replay:NAME``; or a mapping of kind, name, seed,
            sessions (0: without end), speed (1 to 1000, or ``max``), start and end (days of a replay).

    Raises:
        ConfigError: something does not fit. UnknownName: there is no such feed or data set.
    """
    if isinstance(wish, str):
        kind, _, name = wish.partition(":")
        values: dict[str, Any] = {"kind": kind, "name": name} if name else {"kind": kind}
    else:
        values = dict(wish or {"kind": "push"})
    for key in values:
        if key not in _KNOWN:
            raise UnknownName("key of a feed", str(key)[:80], _KNOWN)
    kind = str(values.get("kind", "push")).lower()
    if kind not in USER_FEEDS:
        raise UnknownName("feed", kind[:80], USER_FEEDS)
    if ("name" in values) != (kind == "replay"):
        raise ConfigError("A replay, and nothing else, names a data set; write for example replay:AAPL_1min.")
    files = (str(_data_file(home, str(values["name"]))),) if kind == "replay" else ()
    spec = FeedSpec(
        kind,
        files,
        start=str(values.get("start", "")),
        end=str(values.get("end", "")),
        seed=_whole(values, "seed", 7, 0, 2**31),
        sessions=_whole(values, "sessions", 0 if kind == "synthetic" else 40, 0, 2_500),
    )
    return Feed(spec, _speed(values.get("speed"), kind))


def _speed(given: Any, kind: str) -> float:
    if given is None:
        return _USUAL_SPEED if kind in {"synthetic", "replay"} else math.inf
    if given == "max":
        return math.inf
    low, high = _SPEEDS
    if isinstance(given, bool) or not isinstance(given, int | float) or not (low <= given <= high):
        raise ConfigError(f"speed lies between {low:g} and {high:g} times the market's pace, or is max; not {given!r}.")
    return float(given)


def _whole(values: Mapping[str, Any], name: str, usual: int, low: int, high: int) -> int:
    value = values.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not (low <= value <= high):
        raise ConfigError(f"{name} must be a whole number between {low} and {high}, not {value!r}.")
    return value
