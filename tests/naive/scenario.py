"""One market, one script of decisions, two simulators: builds a case and runs it through the core and the twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from naive.broker import Market, Policy, Run, books_of
from naive.exchange import Bar, Costs, Exchange, Rules
from naive.ledger import micros
from tidemill.authoring.fields import Param
from tidemill.authoring.strategy import Strategy, spec_of
from tidemill.engine.engine import Engine
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.engine.stepper import replay_one_by_one
from tidemill.engine.streams import build_streams
from tidemill.kernel.proposals import buy, close, go_long, go_short, oco, sell, then
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.enums import EventKind, Refusal, TimeInForce
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.model.settings import RunSettings, StrategySettings

_HIGHEST_RATE = 120  # no price of a random case is higher
SCRIPTS: list[dict[Any, Any]] = [{}, {}]
START = 1_704_153_600_000_000_000  # 2024-01-02 00:00 UTC


class Script(Strategy):
    """Plays one of the scripts."""

    compiled = False
    number = Param(0, low=0, high=1)

    def step(me, bar, order, second, third):
        actions = SCRIPTS[me.number].get((bar.instrument, bar.ts_ns), ())
        for ticket, action in zip((order, second, third), actions, strict=False):
            given = dict(action.get("args", {}))
            if "tif" in given:
                given["tif"] = int(TimeInForce[given["tif"].upper()])
            if action["verb"] == "buy":
                buy(ticket, **given)
            elif action["verb"] == "sell":
                sell(ticket, **given)
            elif action["verb"] == "close":
                close(ticket, **given)
            elif action["verb"] == "go_long":
                go_long(ticket, **given)
            else:
                go_short(ticket, **given)
            if "after" in action:
                then(order, ticket)
            if "group" in action and ticket is not order:
                oco(order, ticket)


@dataclass
class Case:
    """Everything both simulators need.

    Args:
        instruments: table order.
        bars: one table per instrument.
        scripts: per strategy, (instrument row, bar start) to a list of actions.
        settings: per strategy.
        run: account, costs, fill rules.
        sessions: (open_ns, close_ns) of every trading day, empty for markets that never close.
        splits, dividends: (instrument row, instant, ratio or cash).
        rates: instrument row to (row of the conversion pair, inverse?).
    """

    instruments: list[Instrument]
    bars: list[BarTable]
    scripts: list[dict[Any, Any]]
    settings: list[StrategySettings]
    run: RunSettings = field(default_factory=RunSettings)
    sessions: list[tuple[int, int]] = field(default_factory=list)
    splits: list[tuple[int, int, float]] = field(default_factory=list)
    dividends: list[tuple[int, int, float]] = field(default_factory=list)
    rates: dict[int, tuple[int, bool]] = field(default_factory=dict)


def table(symbol: str, rows: Sequence[Sequence[float]], *, interval: int = MINUTE_NS, **more: Any) -> BarTable:
    """Return bars from (open, high, low, close[, volume]) rows, one interval apart unless ``starts`` says otherwise."""
    columns = np.array([(*row, 1000.0)[:5] for row in rows], np.float64).reshape(-1, 5).T
    starts = more.get("starts", [START + number * interval for number in range(len(rows))])
    duration = more.get("duration", interval)
    return BarTable(symbol, interval, duration, np.array(starts, np.int64), *(column.copy() for column in columns))


def _calendar(case: Case) -> CalendarPlan:
    zone = ZoneTable(np.array([0], np.int64), np.array([0], np.int64))
    if not case.sessions:
        return CalendarPlan("24/7", zone, 0)
    opens = np.array([first for first, _ in case.sessions], np.int64)
    closes = np.array([last for _, last in case.sessions], np.int64)
    return CalendarPlan("test", zone, 0, opens // DAY_NS, opens - HOUR_NS, opens, closes, closes + HOUR_NS)


def plan_of(case: Case) -> EnginePlan:
    """Return the engine's plan of a case."""
    spec = spec_of(Script)
    strategies = [
        StrategyPlan(spec, spec.read_params({"number": number}), settings)
        for number, settings in enumerate(case.settings)
    ]
    intervals = [bars.interval_ns for bars in case.bars]
    calendar = [0] * len(case.instruments)
    return EnginePlan(case.instruments, intervals, [_calendar(case)], calendar, strategies, case.run, case.rates)


def _events(case: Case) -> list[np.ndarray[Any, Any]]:
    rows = [(EventKind.SPLIT, *item) for item in case.splits] + [(EventKind.DIVIDEND, *item) for item in case.dividends]
    if not rows:
        return []
    events = np.zeros(len(rows), EVENT)
    for row, (kind, instrument, instant, amount) in zip(events, sorted(rows, key=lambda item: item[2]), strict=True):
        row["kind"], row["instrument"], row["close"] = int(kind), instrument, amount
        row["ts_ns"] = row["now_ns"] = instant
    return [events]


def run_core(case: Case, *, tables: Sequence[BarTable] | None = None, one_by_one: bool = False) -> Engine:
    """Replay a case through the compiled core, or event by event through its live face, and return its engine."""
    for known, script in zip(SCRIPTS, case.scripts, strict=False):
        known.clear()
        known.update(script)
    engine = Engine(plan_of(case), form="auto", equity_rows=512)
    streams = build_streams(
        case.bars if tables is None else tables, [i.symbol for i in case.instruments], _events(case)
    )
    if one_by_one:
        replay_one_by_one(engine, streams.rows)
    else:
        engine.replay(streams)
    return engine


def has_room(engine: Engine) -> bool:
    """Tell whether no order was lost to a full table."""
    return not np.any(engine.tape.rows("refusals")["refusal"] == int(Refusal.ORDER_TABLE_FULL))


# the twin


def _d(value: float) -> Decimal:
    return Decimal(str(float(value)))


def _policy(chosen: StrategySettings) -> Policy:
    return Policy(
        chosen.sizing.name.lower(), _d(chosen.size_value), chosen.entry_type.name.lower(),
        chosen.entry_tif.name.lower(), _d(chosen.limit_offset_pct), _d(chosen.stop_loss_pct),
        _d(chosen.take_profit_pct), _d(chosen.trailing_stop_pct), _d(chosen.trailing_stop_amount),
    )  # fmt: skip


def _market(case: Case, row: int) -> Market:
    item = case.instruments[row]
    pair, is_inverse = case.rates.get(row, (None, False))
    return Market(
        _d(item.tick_size), _d(item.lot_size), _d(item.multiplier), _d(item.margin), item.is_margined, pair, is_inverse
    )


def twin_of(case: Case) -> Run:
    """Return a fresh twin for a case."""
    costs, fills = case.run.costs, case.run.fills
    markets = [_market(case, row) for row in range(len(case.instruments))]
    exchange = Exchange(
        books_of(markets),
        Rules(
            fills.path.name.lower(), fills.limit_through, _d(fills.volume_cap_ratio), fills.allow_partial,
            round(fills.latency_ms * 1_000_000),
        ),
        Costs(
            costs.slippage.name.lower(), _d(costs.slippage_value), _d(costs.commission_per_unit),
            _d(costs.commission_pct), _d(costs.commission_minimum),
        ),
    )  # fmt: skip
    policies = [_policy(settings) for settings in case.settings]
    return Run(markets, policies, exchange, micros(_d(case.run.cash)), _d(case.run.leverage))


def bars_of(case: Case, row: int) -> list[Bar]:
    """Return an instrument's bars in decimals, each with its trading day and its place in the session."""
    source, result, opened = case.bars[row], [], set()
    for at in range(len(source)):
        begin = int(source.ts[at])
        prices = [_d(getattr(source, name)[at]) for name in ("open", "high", "low", "close", "volume")]
        bar = Bar(begin, begin + source.duration_ns, *prices, day=begin // DAY_NS)
        inside = [item for item in case.sessions if item[0] <= begin < item[1]]
        if source.interval_ns >= DAY_NS:
            bar.opens_session = bar.closes_session = True
        elif (inside or not case.sessions) and bar.day not in opened:
            opened.add(bar.day)
            bar.opens_session = True
        if inside and bar.end >= inside[0][1]:
            bar.closes_session = True
        result.append(bar)
    return result


def run_twin(case: Case) -> Run:
    """Run a case through the twin."""
    run = twin_of(case)
    rank = sorted(range(len(case.bars)), key=lambda row: case.bars[row].interval_ns)
    by_end: dict[int, list[tuple[int, Bar]]] = {}
    for row in rank:
        for bar in bars_of(case, row):
            by_end.setdefault(bar.end, []).append((row, bar))
    events = [(when, "split", row, value) for row, when, value in case.splits]
    events += [(when, "dividend", row, value) for row, when, value in case.dividends]
    same_close = case.run.fills.timing.name == "SAME_CLOSE"
    timeline = [(end, 1, end) for end in by_end] + [(event[0], 0, number) for number, event in enumerate(events)]
    for instant, is_group, key in sorted(timeline):
        if is_group:
            run.group(by_end[key], case.scripts, same_close=same_close)
        else:
            _, kind, row, value = events[key]
            if kind == "split":
                run.split(row, _d(value), instant)
            else:
                run.dividend(row, _d(value))
    return run


def differences(case: Case, engine: Engine, run: Run) -> list[str]:
    """Return where the two disagree.

    Money may differ by two micros per fill: the core multiplies in float64, so an amount that lies within rounding
    of half a micro may fall on the other side; a fee is the sum of two such amounts. A conversion multiplies that
    by its rate.
    """
    found: list[str] = []
    unit = 2 * _HIGHEST_RATE if case.rates else 2
    core = engine.tape.rows("fills")
    for at in range(max(len(core), len(run.fills))):
        if at >= len(core) or at >= len(run.fills):
            one = _core_fill(core[at]) if at < len(core) else "nothing"
            two = _twin_fill(run.fills[at]) if at < len(run.fills) else "nothing"
            found.append(f"fill {at}: core {one}, twin {two}")
            break
        one, two = _core_fill(core[at]), _twin_fill(run.fills[at])
        slack = unit * (at + 1)
        money = zip(one[-4:], two[-4:], (2, 2, unit, slack), strict=True)
        if one[:7] != two[:7] or not np.allclose(one[7:10], two[7:10], rtol=1e-12, atol=1e-9):
            found.append(f"fill {at}: core {one}, twin {two}")
            break
        if any(abs(left - right) > allowed for left, right, allowed in money):
            found.append(f"money of fill {at}: core {one}, twin {two}")
            break
    slack = unit * len(core) + unit * len(case.instruments)
    curve = engine.tape.rows("equity")
    if len(curve) != len(run.equity):
        found.append(f"{len(curve)} marks, twin {len(run.equity)}")
    for row, (instant, equity) in zip(curve, run.equity, strict=False):
        if row["ts_ns"] != instant or abs(int(row["equity"]) - equity) > slack:
            found.append(f"equity at {row['ts_ns'] - START}: core {row['equity']}, twin {equity} at {instant - START}")
            break
    account = engine.state.tables["accounts"][0]
    if abs(int(account["cash"]) - run.account.cash) > slack:
        found.append(f"cash: core {account['cash']}, twin {run.account.cash}")
    if abs(int(account["fees"]) - run.account.fees) > slack:
        found.append(f"fees: core {account['fees']}, twin {run.account.fees}")
    slots = engine.state.tables["slots"]
    for slot, trader in zip(slots, run.traders, strict=True):
        if not np.isclose(slot["quantity"], float(trader.holding.quantity), rtol=0, atol=1e-9):
            found.append(f"position {trader.strategy}/{trader.where}: {slot['quantity']}, {trader.holding.quantity}")
    found += _order_differences(engine, run)
    return found


_HOW = {10: "filled", 11: "cancelled", 12: "rejected", 13: "expired"}


def _order_differences(engine: Engine, run: Run) -> list[str]:
    """Compare how orders ended and what they had filled."""
    core = sorted(
        (int(row["order_id"]), _HOW[int(row["state"])], round(float(row["filled"]), 9))
        for row in engine.tape.rows("orders")
    )
    twin = sorted((number, how, round(float(filled), 9)) for number, how, _, filled in run.ended)
    if core == twin:
        return []
    return [
        f"ended orders: only core {sorted(set(core) - set(twin))[:4]}, only twin {sorted(set(twin) - set(core))[:4]}"
    ]


_REASONS = {1: "signal", 2: "stop_loss", 3: "take_profit", 4: "trailing_stop", 10: "reverse"}
_INTENTS = {1: "entry", 2: "exit", 3: "protect"}


def _core_fill(row: Any) -> tuple[Any, ...]:
    return (
        int(row["ts_ns"]) - START, int(row["strategy"]), int(row["instrument"]), int(row["order_id"]), int(row["side"]),
        _INTENTS[int(row["intent"])], _REASONS[int(row["reason"])], float(row["quantity"]), float(row["price"]),
        float(row["position_after"]), int(row["fee"]), int(row["slippage"]), int(row["realised"]),
        int(row["cash_after"]),
    )  # fmt: skip


def _twin_fill(fill: Any) -> tuple[Any, ...]:
    return (
        fill.at - START, fill.strategy, fill.where, fill.number, fill.side, fill.intent, fill.reason,
        float(fill.quantity), float(fill.price), float(fill.position), fill.fee, fill.slippage, fill.realised,
        fill.cash,
    )  # fmt: skip


def shorten(case: Case) -> Case:
    """Return the smallest case found, by leaving out actions, on which core and twin still disagree."""

    def fails(candidate: Case) -> bool:
        engine = run_core(candidate)
        return bool(differences(candidate, engine, run_twin(candidate)))

    best, changed = case, True
    while changed:
        changed = False
        for number, script in enumerate(best.scripts):
            for key in list(script):
                smaller = [{k: v for k, v in s.items() if i != number or k != key} for i, s in enumerate(best.scripts)]
                candidate = replace(best, scripts=smaller)
                if fails(candidate):
                    best, changed = candidate, True
                    break
    return best
