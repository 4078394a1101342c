"""Random cases: bars on the grid with gaps, ties and holes, scripts of every kind of order, settings of every kind."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np

from naive.scenario import START, Case
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.enums import FillTiming, OrderType, PathRule, Sizing, Slippage, TimeInForce
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.model.settings import Costs, FillRules, RunSettings, StrategySettings

OPEN_NS, CLOSE_NS = 14 * HOUR_NS, 14 * HOUR_NS + 40 * MINUTE_NS

# Percentages whose products with prices on the grid never lie exactly between two ticks: which way a tie goes would
# be decided by float64 rounding, and no trader could tell which is right.
PERCENTS = (1.37, 2.71, 3.13)


def random_case(seed: int, length: int, *, plain: bool = False) -> Case:
    """Return the case of a seed.

    Plain cases leave out what is rare: orders for the open of a session, fills on the same close, ticks that are no
    power of two, trailing entries, foreign currencies, splits, protection, and entries that belong together.
    """
    rng = random.Random(seed)
    style = rng.choice(("open", "open", "session", "daily"))
    instruments = [_instrument(rng, number) for number in range(rng.choice((1, 1, 2, 3)))]
    if plain:
        instruments = [replace(item, tick_size=0.25, lot_size=max(item.lot_size, 0.5)) for item in instruments]
    sessions = _sessions(length) if style == "session" else []
    bars = [_bars(rng, item, length, style) for item in instruments]
    settings = [_settings(rng) for _ in range(rng.choice((1, 1, 2)))]
    run = RunSettings(1_000_000.0, rng.choice((1.0, 4.0, 50.0)), "USD", settings[0], _costs(rng), _fills(rng))
    scripts = [_script(rng, instruments, bars, chosen) for chosen in settings]
    case = Case(instruments, bars, scripts, settings, run, sessions)
    if plain:
        _simplify(case)
        return case
    if rng.random() < 0.15:
        _add_actions(rng, case)
    if len(instruments) > 1 and bars[0].interval_ns <= bars[1].interval_ns and rng.random() < 0.15:
        case.rates = {1: (0, rng.random() < 0.5)}
    return case


def _simplify(case: Case) -> None:
    """Leave out of a case what plain cases do not have."""
    case.run.fills.timing = FillTiming.NEXT_OPEN
    for settings in case.settings:
        if settings.entry_type == OrderType.TRAILING_STOP:
            settings.entry_type = OrderType.LIMIT
        settings.stop_loss_pct = settings.take_profit_pct = 0.0
        settings.trailing_stop_pct = settings.trailing_stop_amount = 0.0
    case.scripts = [{key: actions[:1] for key, actions in script.items()} for script in case.scripts]
    for action in (action for script in case.scripts for actions in script.values() for action in actions):
        action.pop("group", None)
        given = action.get("args", {})
        if given.get("tif") == "opg":
            given["tif"] = "day"
        for name in ("stop", "target", "trail", "trail_pct"):
            given.pop(name, None)


def _instrument(rng: random.Random, number: int) -> Instrument:
    kind = rng.choice(("stock", "stock", "future", "coin"))
    symbol = f"{kind}{number}"
    if kind == "future":
        return Instrument(symbol, AssetClass.FUTURE, 0.25, 1.0, 20.0, 500.0, calendar="24/7", zone="UTC")
    if kind == "coin":
        return Instrument(symbol, AssetClass.CRYPTO, 0.01, rng.choice((0.5, 0.1, 0.001)), calendar="24/7", zone="UTC")
    return Instrument(symbol, tick_size=rng.choice((0.25, 0.01)), calendar="24/7", zone="UTC")


def _sessions(length: int) -> list[tuple[int, int]]:
    return [(START + day * DAY_NS + OPEN_NS, START + day * DAY_NS + CLOSE_NS) for day in range(length // 8 + 2)]


def _starts(rng: random.Random, length: int, style: str) -> tuple[int, int, list[int]]:
    """Return interval, duration and the starts of the bars, some of them missing."""
    holes = rng.choice((0.0, 0.0, 0.15))
    if style == "daily":
        every = [START + number * DAY_NS + OPEN_NS for number in range(length)]
        return DAY_NS, 6 * HOUR_NS, [start for start in every if rng.random() >= holes]
    if style == "session":
        interval = 5 * MINUTE_NS
        first = OPEN_NS - 2 * interval
        every = [START + day * DAY_NS + first + k * interval for day in range(length // 12 + 1) for k in range(12)]
        return interval, interval, [start for start in every[:length] if rng.random() >= holes]
    interval = rng.choice((1, 1, 5)) * MINUTE_NS
    late = START + DAY_NS - length // 2 * MINUTE_NS
    origin = (late // interval) * interval
    return interval, interval, [origin + k * interval for k in range(length) if rng.random() >= holes]


def _bars(rng: random.Random, item: Instrument, length: int, style: str) -> BarTable:
    interval, duration, starts = _starts(rng, length, style)
    starts = starts or [START + OPEN_NS]
    per_unit = round(1 / item.tick_size)
    step = per_unit // 4 if per_unit > 4 and rng.random() < 0.5 else 1
    wild = rng.choice((3, 8)) * max(1, per_unit // 40)
    last = 100 * per_unit
    rows = []
    for _ in starts:
        gap = 0 if rng.random() < 0.4 else rng.randint(-wild, wild) * step
        o = min(max(last + gap, 82 * per_unit), 118 * per_unit)
        c = min(max(o + rng.randint(-wild, wild) * step, 82 * per_unit), 118 * per_unit)
        h = max(o, c) + (0 if rng.random() < 0.3 else rng.randint(0, wild) * step)
        low = min(o, c) - (0 if rng.random() < 0.3 else rng.randint(0, wild) * step)
        volume = 0 if rng.random() < 0.05 else rng.randint(1, 60)
        rows.append((o / per_unit, h / per_unit, low / per_unit, c / per_unit, float(volume)))
        last = c
    columns = np.array(rows, np.float64).T
    return BarTable(item.symbol, interval, duration, np.array(starts, np.int64), *(c.copy() for c in columns))


def _settings(rng: random.Random) -> StrategySettings:
    sizing, size = rng.choice(
        ((Sizing.FIXED, 1.0), (Sizing.FIXED, 7.0), (Sizing.FIXED_AMOUNT, 3_017.0), (Sizing.PERCENT, 11.0))
    )
    protected = rng.random() < 0.6
    chosen: dict[str, Any] = {}
    if protected:
        chosen["stop_loss_pct"] = rng.choice((0.0, *PERCENTS))
        chosen["take_profit_pct"] = rng.choice((0.0, *PERCENTS))
        if rng.random() < 0.3:
            chosen[rng.choice(("trailing_stop_pct", "trailing_stop_amount"))] = rng.choice(PERCENTS)
    kind = OrderType.MARKET if rng.random() < 0.7 else rng.choice(list(OrderType))
    tif = TimeInForce.GTC if rng.random() < 0.6 else rng.choice((TimeInForce.DAY, TimeInForce.IOC))
    if kind == OrderType.TRAILING_STOP and not chosen.get("trailing_stop_pct"):
        chosen["trailing_stop_amount"] = 1.25
    return StrategySettings(
        sizing,
        size,
        allow_short=True,
        entry_type=kind,
        entry_tif=tif,
        limit_offset_pct=rng.choice((0.0, 0.37, -0.37)),
        **chosen,
    )


def _costs(rng: random.Random) -> Costs:
    slippage, value = rng.choice(
        (
            (Slippage.NONE, 0.0),
            (Slippage.NONE, 0.0),
            (Slippage.FIXED, 0.13),
            (Slippage.PROPORTIONAL, 0.07),
            (Slippage.HALF_SPREAD, 0.5),
        )
    )
    return Costs(
        slippage, value, rng.choice((0.0, 0.0, 0.0075)), rng.choice((0.0, 0.05, 0.0123)), rng.choice((0.0, 0.0, 1.5))
    )


def _fills(rng: random.Random) -> FillRules:
    return FillRules(
        FillTiming.SAME_CLOSE if rng.random() < 0.25 else FillTiming.NEXT_OPEN,
        rng.choice(list(PathRule)),
        rng.random() < 0.2,
        rng.choice((0.0, 0.0, 0.1, 0.33)),
        rng.random() < 0.8,
        rng.choice((0.0, 0.0, 0.0, 250.0, 70_000.0)),
    )


# scripts


class _Writer:
    """Writes the actions of one strategy; it keeps the number of resting orders small enough for the order table."""

    def __init__(self, rng: random.Random, item: Instrument, bars: BarTable, settings: StrategySettings) -> None:
        self.rng, self.item, self.bars = rng, item, bars
        self.resting = 0
        self.is_plain = settings.entry_type in (OrderType.MARKET, OrderType.LIMIT)  # a stop cannot wait for the close

    def near(self, at: int, spread: float = 2.0) -> float:
        """Return a price near a close, often exactly one that the next bars touch."""
        rng, bars, tick = self.rng, self.bars, self.item.tick_size
        if rng.random() < 0.5:
            column = rng.choice((bars.open, bars.high, bars.low, bars.close))
            return float(column[min(at + rng.randint(0, 3), len(bars) - 1)])
        steps = round((float(bars.close[at]) + rng.uniform(-spread, spread)) / tick)
        return round(steps * tick, 6)

    def quantity(self) -> float:
        """Return units, on the lot or (seldom) not, or 0 for the settings' size."""
        rng = self.rng
        if rng.random() < 0.4:
            return 0.0
        if self.item.lot_size < 1:
            return round(rng.randint(1, 40) * self.item.lot_size, 6)
        return rng.choice((1.0, 2.0, 3.0, 10.0, 2.6))

    def entry(self, at: int, verb: str) -> dict[str, Any]:
        """Return a buy or sell with any of the order types."""
        rng = self.rng
        given: dict[str, Any] = {"quantity": self.quantity()}
        kind = rng.choice(("default", "default", "limit", "stop", "stop_limit"))
        if self.resting >= 5:
            kind = "default"
        if kind in ("limit", "stop_limit"):
            given["limit"] = self.near(at)
        if kind in ("stop", "stop_limit"):
            given["trigger"] = self.near(at)
        if kind != "default":
            given["tif"] = rng.choice(("day", "gtc", "gtc", "ioc", "fok", "opg"))
            if kind == "limit" and rng.random() < 0.2:
                given["tif"] = "cls"
            self.resting += 1
        elif rng.random() < 0.25 and self.resting < 5:
            given["tif"] = rng.choice(("day", "ioc", "fok", "opg", "cls" if self.is_plain else "day"))
            self.resting += given["tif"] in ("opg", "cls")
        self._bracket(at, verb, given)
        return {"verb": verb, "args": given}

    def _bracket(self, at: int, verb: str, given: dict[str, Any]) -> None:
        rng, side = self.rng, 1 if verb in ("buy", "go_long") else -1
        price = given.get("limit") or given.get("trigger") or float(self.bars.close[at])
        tick = self.item.tick_size
        if rng.random() < 0.3:
            given["stop"] = round(round((price - side * rng.uniform(-0.2, 3.0)) / tick) * tick, 6)
        if rng.random() < 0.3:
            given["target"] = round(round((price + side * rng.uniform(-0.2, 3.0)) / tick) * tick, 6)
        if verb in ("buy", "sell") and rng.random() < 0.15:
            given[rng.choice(("trail", "trail_pct"))] = rng.choice(PERCENTS)

    def turn(self, at: int) -> dict[str, Any]:
        """Return a reversal."""
        verb = self.rng.choice(("go_long", "go_short"))
        given: dict[str, Any] = {"quantity": self.quantity()}
        self._bracket(at, verb, given)
        return {"verb": verb, "args": given}

    def close(self) -> dict[str, Any]:
        """Return an exit, of all or a part."""
        return {"verb": "close", "args": {"quantity": self.rng.choice((0.0, 0.0, 1.0, 2.0, 2.4, 0.2))}}

    def actions(self, at: int) -> list[dict[str, Any]]:
        """Return what is done on one bar."""
        rng = self.rng
        kind = rng.choice(("entry", "entry", "entry", "close", "turn", "pair", "chain", "exit_limit"))
        if kind == "entry":
            return [self.entry(at, rng.choice(("buy", "sell")))]
        if kind == "close":
            return [self.close()]
        if kind == "turn":
            return [self.turn(at)]
        if kind == "exit_limit":
            given = {"limit": self.near(at), "quantity": self.quantity(), "tif": rng.choice(("day", "gtc"))}
            self.resting += 1
            return [{"verb": rng.choice(("buy", "sell")), "args": given}] if self.resting < 5 else []
        if self.resting >= 4:
            return []
        first, second = self.entry(at, "buy"), self.entry(at, rng.choice(("buy", "sell")))
        for action in (first, second):
            action["args"].pop("stop", None)
            action["args"].pop("target", None)
        if kind == "pair":
            first["group"] = second["group"] = 1
        else:
            second["after"] = 0
        return [first, second]


def _script(
    rng: random.Random, instruments: list[Instrument], bars: list[BarTable], settings: StrategySettings
) -> dict[Any, Any]:
    script: dict[Any, Any] = {}
    for row, (item, table) in enumerate(zip(instruments, bars, strict=True)):
        writer, busy = _Writer(rng, item, table, settings), rng.choice((0.15, 0.4))
        for at in range(len(table)):
            if rng.random() < busy:
                actions = writer.actions(at)
                if actions:
                    script[row, int(table.ts[at])] = actions
    return script


def _add_actions(rng: random.Random, case: Case) -> None:
    """Add a split or a dividend just after a bar has begun: one that falls on an end would belong to neither bar."""
    row = rng.randrange(len(case.bars))
    table = case.bars[row]
    if case.instruments[row].is_margined or len(table) < 4:
        return
    at = rng.randrange(1, len(table) - 1)
    instant = int(table.ts[at]) + 1
    if rng.random() < 0.5:
        case.dividends.append((row, instant, 0.37))
    elif case.instruments[row].tick_size == 0.25:
        ratio = rng.choice((2.0, 0.5, 4.0))
        case.splits.append((row, instant, ratio))
        for name in ("open", "high", "low", "close"):
            getattr(table, name)[at:] /= ratio
