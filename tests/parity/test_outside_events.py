"""Words from outside in the middle of a run: loop, one by one and plain Python agree byte for byte on them too."""

from __future__ import annotations

import numpy as np
import pytest

from parity.cases import CROSS, walk
from parity.test_equivalences import difference
from tidemill import Instrument, Sizing, StrategySettings, load_strategy
from tidemill.adapters.calendars import get_calendar
from tidemill.authoring.rulebook import load_rules
from tidemill.engine.engine import Engine
from tidemill.engine.stepper import replay_one_by_one
from tidemill.engine.streams import build_streams
from tidemill.model.enums import EventKind, Operator, Reason, Timer
from tidemill.model.records import EVENT
from tidemill.model.settings import RunSettings
from tidemill.research.planning import Entrant, plan_run

COUNT = 1_500
TABLES = [walk(k, f"T{k}", COUNT, missing=k * 40) for k in range(2)]
M = 1_000_000
WORDS = [
    (100, EventKind.OPERATOR, {"code": Operator.MUTE}),
    (160, EventKind.OPERATOR, {"code": Operator.UNMUTE}),
    (300, EventKind.ADJUST, {"volume": 7.0, "close": 100.0, "money": 3 * M, "code": 1}),
    (305, EventKind.ADJUST, {"volume": -3.0, "close": 101.5, "money": -M, "low": 90.0, "high": 120.0}),
    (400, EventKind.OPERATOR, {"code": Operator.PAUSE}),
    (450, EventKind.OPERATOR, {"code": Operator.GO_ON}),
    (500, EventKind.LINK, {"code": 0}),
    (520, EventKind.LINK, {"code": 1}),
    (600, EventKind.ACCOUNT_SNAPSHOT, {"money": 20_000 * M}),
    (700, EventKind.OPERATOR, {"code": Operator.FLATTEN}),
    (720, EventKind.OPERATOR, {"code": Operator.RESUME}),
    (800, EventKind.TIMER, {"code": Timer.SESSION_END}),
    (900, EventKind.INTENT, {"code": 1, "extra": 1, "volume": 5.0, "bid": 99.0}),
    (1_000, EventKind.SESSION_CHANGE, {"code": 2}),
    (1_100, EventKind.VERDICT, {"order": 3, "code": 1, "close": 50.0}),
    *(
        (at, EventKind.OPERATOR, {"code": Operator.PROTECT, "volume": 1.0, **terms})
        for at in range(110, 1_400, 35)
        for terms in (
            {"low": float(TABLES[0].close[at]) - 0.3, "high": float(TABLES[0].close[at]) + 0.9},
            {"bid": 0.2} if at % 2 else {"ask": 0.15, "high": float(TABLES[0].close[at]) + 0.7},
        )
    ),
]


def _words() -> np.ndarray:
    rows = np.zeros(len(WORDS) + 40, EVENT)
    for row, (at, kind, values) in zip(rows, WORDS, strict=False):
        row["kind"], row["now_ns"] = int(kind), int(TABLES[0].ts[at])
        for name, value in values.items():
            row[name] = value
    for number, row in enumerate(rows[len(WORDS) :]):  # verdicts now and then: some too late, some for nobody
        row["kind"], row["now_ns"] = int(EventKind.VERDICT), int(TABLES[0].ts[25 * number + 30]) + 20_000_000_000
        row["order"], row["code"], row["volume"], row["close"] = number + 1, 1 + number % 2, 0.5, 70.0
    rows["ts_ns"] = rows["now_ns"]
    return np.ascontiguousarray(rows[np.argsort(rows["now_ns"], kind="stable")])


def _run(form: str = "auto", *, one_by_one: bool = False, **settings: object) -> Engine:
    chosen = {"sizing": Sizing.PERCENT, "size_value": 30.0, "stop_loss_pct": 0.8, "take_profit_pct": 1.2, **settings}
    run = RunSettings(settings=StrategySettings(**chosen))
    traded = [Instrument(t.symbol, tick_size=0.01, lot_size=1e-4, calendar="24/7", zone="UTC") for t in TABLES]
    spec = load_strategy(CROSS[0])
    plan = plan_run([Entrant(spec, spec.read_params(CROSS[1]))], TABLES, traded, run, get_calendar)
    engine = Engine(plan, load_rules(), form=form, equity_rows=4 * COUNT)
    streams = build_streams(TABLES, [item.symbol for item in traded], [_words()])
    if one_by_one:
        replay_one_by_one(engine, streams.rows)
    else:
        engine.replay(streams)
    return engine


def _bytes(engine: Engine) -> bytes:
    return engine.tape.content() + engine.fingerprint()


@pytest.mark.parametrize(
    "settings",
    [{}, {"gate": True, "gate_ttl_s": 3_600.0}, {"gate": True, "gate_ttl_s": 30.0}, {"auto_execute": False}],
    ids=str,
)
def test_words_from_outside_give_the_same_bytes_in_every_form(settings: dict[str, object]) -> None:
    loop, stepped = _run(**settings), _run(one_by_one=True, **settings)
    assert _bytes(loop) == _bytes(stepped), difference(loop, stepped)
    plain = _run("interpreted", **settings)
    assert _bytes(loop) == _bytes(plain), difference(loop, plain)
    reasons = set(loop.tape.rows("fills")["reason"].tolist())
    assert int(Reason.ADJUSTMENT) in reasons and (int(Reason.TRAILING_STOP) in reasons or settings)
    assert int(loop.state.header["quarantined"][0]) == 0
    assert len(loop.tape.rows("refusals")) > 0
