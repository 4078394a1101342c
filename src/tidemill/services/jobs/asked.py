"""What somebody asks of a backtest, as it is stored and hashed, and the request of the core it amounts to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from tidemill.adapters.files import select_days
from tidemill.adapters.samples import sample_bars
from tidemill.model.bars import BarTable
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.instrument import Instrument
from tidemill.model.settings import RunSettings
from tidemill.services.backtests import BacktestRequest
from tidemill.services.entries import StrategyRequest
from tidemill.services.faces.session_settings import SessionSettings, merged_settings
from tidemill.services.fleet.feeds import data_names, feed_of
from tidemill.services.home import Home
from tidemill.services.reading import instrument_for
from tidemill.services.simulated import simulated_market

__all__ = ["Asked", "BacktestWish", "asked_of", "chosen_data", "request_of_asked"]

DataWish = str | Sequence[str] | Mapping[str, Any] | None

_SAMPLE = "AAPL"
_KINDS = ("sample", "files", "synthetic")
_MOST_FILES = 100
_SESSIONS = 40
_MOST_SESSIONS = 2_500
_VENDORS = ("yahoo", "polygon", "polygon-flatfiles", "massive", "alpaca", "tiingo")


@dataclass(frozen=True, slots=True)
class BacktestWish:
    """What somebody says of a backtest, beside its strategy.

    Args:
        symbols: what it trades. start, end: first and last trading day, YYYY-MM-DD; empty: all there are.
        cash: starting money. settings: session settings that differ from the defaults.
        shares: of each trade; 0: the settings say the size.
        data: ``sample``, ``synthetic``, a data set or several by name, or a mapping with kind, names, seed, sessions;
            None: the data sets that carry the symbols, else the sample if it holds them.
        provider: a vendor of prices, by name; empty: none.
    """

    symbols: Sequence[str]
    start: str = ""
    end: str = ""
    cash: float = 10_000.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    shares: float = 0.0
    data: DataWish = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A backtest that was checked: everything a worker needs, as plain values.

    Args:
        name: of the strategy, as somebody called it. type: as the API lists it. strategy_id: of a custom one, or empty.
        strategy, params: what the core runs.
        symbols, start, end, cash: as of the wish. settings: all of them, by name.
        data: kind, and names or seed and sessions.
    """

    name: str
    type: str
    strategy_id: str
    strategy: str
    params: Mapping[str, Any]
    symbols: Sequence[str]
    start: str
    end: str
    cash: float
    settings: Mapping[str, Any]
    data: Mapping[str, Any]

    def text(self) -> str:
        """Return it as stored: the same text for the same backtest."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    def hash(self) -> str:
        """Return what is the same for two backtests that ask for the same."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    @property
    def is_simulated(self) -> bool:
        """Tell whether its prices are made up."""
        return bool(self.data["kind"] == "synthetic")

    @property
    def settled(self) -> SessionSettings:
        """Return its settings."""
        return merged_settings(SessionSettings(), self.settings)

    @classmethod
    def read(cls, text: str) -> Asked:
        """Return what was stored."""
        return cls(**json.loads(text))


def asked_of(
    home: Home, wish: BacktestWish, request: StrategyRequest, *, name: str, kind: str, strategy_id: str = ""
) -> Asked:
    """Check everything that can be told before data are read.

    Args:
        request: the strategy. name, kind, strategy_id: what it is called.

    Raises:
        ConfigError, UnknownName: in one sentence, what does not fit.
    """
    days = [date.fromisoformat(day) for day in (wish.start, wish.end) if day]
    if wish.start and wish.end and days[0] > days[1]:
        raise ConfigError(f"startDate {wish.start} lies behind endDate {wish.end}; exchange them.")
    settings = dict(wish.settings)
    settled = merged_settings(SessionSettings(), settings)
    if wish.shares and settled.position_sizing_method == SessionSettings().position_sizing_method:
        settled = replace(settled, position_sizing_method="fixed", position_size_value=float(wish.shares))
    symbols = tuple(dict.fromkeys(wish.symbols))
    return Asked(
        name,
        kind,
        strategy_id,
        str(request.strategy),
        dict(request.params),
        symbols,
        wish.start,
        wish.end,
        wish.cash,
        settled.values(),
        chosen_data(home, wish.data, symbols, wish.provider),
    )


def chosen_data(home: Home, wish: DataWish, symbols: Sequence[str], provider: str = "") -> dict[str, Any]:
    """Return where the prices of a backtest come from.

    Raises:
        ConfigError: they cannot come from there. UnknownName: there is no such data set.
    """
    if provider in _VENDORS:
        raise ConfigError(
            f"This installation fetches no prices from {provider}; leave provider out, and use a data set "
            "(GET /v1/backtests/data lists them), sample or synthetic."
        )
    values = _plain(wish if wish is not None else (provider or None))
    if values is None:
        return _found(home, symbols)
    kind = values.pop("kind")
    if kind not in _KINDS:
        raise UnknownName("kind of data", str(kind)[:40], _KINDS)
    if kind == "sample":
        if tuple(symbols) != (_SAMPLE,):
            raise ConfigError(f"The sample holds {_SAMPLE} only; name a data set for {', '.join(symbols)[:200]}.")
        return {"kind": kind}
    if kind == "synthetic":
        sessions = values.get("sessions") or _SESSIONS
        if sessions > _MOST_SESSIONS:
            raise ConfigError(f"sessions lies between 1 and {_MOST_SESSIONS}, not {sessions}.")
        simulated_market(symbols, sessions=1)  # refuses names that could be taken for real ones
        return {"kind": kind, "seed": values.get("seed") or 7, "sessions": sessions}
    names = [str(name) for name in values.get("names", ())]
    if not 0 < len(names) <= _MOST_FILES:
        raise ConfigError(f"Name 1 to {_MOST_FILES} data sets, not {len(names)}.")
    for name in names:
        _file(home, name)
    return {"kind": kind, "names": names}


def _plain(wish: DataWish) -> dict[str, Any] | None:
    match wish:
        case None:
            return None
        case "sample" | "synthetic":
            return {"kind": wish}
        case str():
            return {"kind": "files", "names": [wish]}
        case Mapping():
            return {"kind": "files" if wish.get("names") else "", **wish}
        case _:
            return {"kind": "files", "names": list(wish)}


def _file(home: Home, name: str) -> Path:
    return Path(feed_of(home, {"kind": "replay", "name": name}).spec.files[0])


def _found(home: Home, symbols: Sequence[str]) -> dict[str, Any]:
    """Return the data sets whose names begin with the symbols, else the sample."""
    known = data_names(home)
    names: list[str] = []
    missing = []
    for symbol in symbols:
        own = [name for name in known if name.partition(".")[0].partition("_")[0].upper() == symbol.upper()]
        if len(own) > 1:
            raise ConfigError(f"Several data sets hold {symbol} ({', '.join(own)[:200]}); name one with data.")
        names += own
        missing += [] if own else [symbol]
    if not missing:
        return {"kind": "files", "names": names}
    if tuple(symbols) == (_SAMPLE,):
        return {"kind": "sample"}
    raise UnknownName("data set of this installation for", ", ".join(missing)[:80], known or ["none yet"])


def request_of_asked(home: Home, asked: Asked) -> BacktestRequest:
    """Return the core's request; what ``tidemill backtest`` would run with the same settings.

    Raises:
        ConfigError, DataError: data or settings cannot be used.
    """
    settings = asked.settled
    run = RunSettings(cash=asked.cash, settings=settings.strategy(), costs=settings.costs(), fills=settings.fills())
    strategies = [StrategyRequest(asked.strategy, asked.params)]
    start, end = asked.start or None, asked.end or None
    if asked.data["kind"] == "files":
        files = [str(_file(home, name)) for name in asked.data["names"]]
        return BacktestRequest(strategies, files, asked.symbols, start=start, end=end, run=run, count_trial=False)
    bars, instruments = _made(asked)
    cut = [select_days(table, instruments[table.symbol], start, end) for table in bars]
    return BacktestRequest(strategies, cut, instruments=instruments, run=run, count_trial=False)


def _made(asked: Asked) -> tuple[list[BarTable], dict[str, Instrument]]:
    if asked.data["kind"] == "sample":
        return [sample_bars()], {_SAMPLE: instrument_for(_SAMPLE, {})}
    market = simulated_market(asked.symbols, seed=asked.data["seed"], sessions=asked.data["sessions"])
    return list(market.draw(0).bars), {item.symbol: item for item in market.instruments}
