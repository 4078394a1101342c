"""The smallest run loop: an engine and the paper broker, which share no memory, fed with the same groups of events."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidemill.adapters.paper import PaperBroker, PaperTerms, PhaseKind
from tidemill.engine.engine import Engine
from tidemill.engine.stepper import _rows_of
from tidemill.engine.streams import Streams
from tidemill.kernel.replay import mark_close, write_mark
from tidemill.model.broker import NONE, OrderReport, OrderRequest
from tidemill.model.enums import (
    CommandKind,
    EventKind,
    Intent,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)
from tidemill.model.records import EVENT

NEVER = np.iinfo(np.int64).max
BAR_FIELDS = ("kind", "instrument", "ts_ns", "now_ns", "interval_ns", "open", "high", "low", "close", "volume")


def ignore(report: OrderReport) -> None:
    """Take a report and do nothing: the loop takes them itself."""


def request_of(command: Any, symbols: list[str]) -> OrderRequest:
    """Return the order a SUBMIT command asks for, in the port's words."""
    return OrderRequest(
        client_id=f"TM{int(command['order'])}",
        symbol=symbols[int(command["instrument"])],
        side=Side(int(command["side"])),
        type=OrderType(int(command["type"])),
        tif=TimeInForce(int(command["tif"])),
        quantity=float(command["quantity"]),
        limit_price=float(command["limit_price"]) or NONE,
        stop_price=float(command["stop_price"]) or NONE,
        trail_amount=float(command["trail_amount"]),
        trail_pct=float(command["trail_pct"]),
        intent=Intent(int(command["intent"])),
        reason=Reason(int(command["reason"])),
        group=str(int(command["group"])) if command["group"] else "",
        parent=f"TM{int(command['parent'])}" if command["parent"] else "",
        number=int(command["order"]),
        created_ns=int(command["at_ns"]),
    )


def groups_of(streams: Streams) -> Iterator[np.ndarray[Any, Any]]:
    """Return the events of each instant, in stream order."""
    tables = [_rows_of(row) for row in streams.rows]
    at = [0] * len(tables)
    while True:  # a stream with several rows of one instant gives them one group after the other
        dues = [int(table["now_ns"][k]) if k < len(table) else NEVER for table, k in zip(tables, at, strict=True)]
        now = min(dues, default=NEVER)
        if now == NEVER:
            return
        picked = [i for i, due in enumerate(dues) if due == now]
        yield np.array([tables[i][at[i]] for i in picked], EVENT)
        for i in picked:
            at[i] += 1


@dataclass
class Loop:
    """Carries events to the core, its orders to the paper broker and the broker's reports back."""

    engine: Engine
    paper: PaperBroker
    instruments: dict[int, int] = field(default_factory=dict)

    def run(self, streams: Streams, groups: int = 2**62) -> None:
        for number, rows in enumerate(groups_of(streams)):
            if number >= groups:
                return
            self.group(rows)

    def group(self, rows: np.ndarray[Any, Any]) -> None:
        engine = self.engine
        engine.tape.grow(16 + 4 * len(engine.state.tables["orders"]))
        self.paper.begin(rows)
        while (phase := self.paper.step()) is not None:
            if phase.kind is PhaseKind.FEED:
                self.feed_row(rows[phase.row])
            elif phase.kind is PhaseKind.MARK:
                mark_close(engine.state.address, self.paper.stream_address(phase.row))
            while (report := self.paper.take_report()) is not None:
                self.feed_report(report)
        if (rows["kind"] == int(EventKind.BAR)).any():
            write_mark(engine.state.address, engine.tape.address, int(rows["now_ns"].max()))
        for step in engine.steps:
            step.raise_failure()

    def feed_row(self, row: Any) -> None:
        names = BAR_FIELDS if int(row["kind"]) == EventKind.BAR else EVENT.names
        for name in names:
            self.engine.event[name] = row[name]
        self.engine.feed()
        self.send()

    def feed_report(self, report: OrderReport) -> None:
        event = self.engine.event
        event[:] = np.zeros(1, EVENT)
        number = int(report.client_id[2:])
        event["kind"], event["order"], event["row"] = int(report.kind), number, -1
        event["instrument"] = self.instruments[number]
        event["ts_ns"] = event["now_ns"] = report.ts_ns
        if report.kind is EventKind.FILL:
            event["close"], event["volume"], event["code"] = report.price, report.quantity, report.phase
            event["money"], event["extra"] = report.fee_micros, report.slippage_micros
        self.engine.feed()
        self.send()

    def send(self) -> None:
        symbols = [item.symbol for item in self.engine.plan.instruments]
        for command in self.engine.commands.copy():
            kind, number = int(command["kind"]), int(command["order"])
            if kind == CommandKind.SUBMIT:
                self.instruments[number] = int(command["instrument"])
                call(self.paper.submit(request_of(command, symbols)))
            elif kind == CommandKind.CANCEL:
                call(self.paper.cancel(f"TM{number}", ""))
            elif kind == CommandKind.REPLACE:
                stop_price = float(command["stop_price"]) or math.nan
                call(self.paper.replace(f"TM{number}", "", float(command["quantity"]), stop_price))


def call(coroutine: Any) -> Any:
    """Run a coroutine that never waits; one that does is an error."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("the paper broker waited")


def loop_of(engine: Engine, terms: PaperTerms | None = None) -> Loop:
    """Return a loop around a fresh engine with an open paper broker of its plan."""
    paper = PaperBroker(engine.plan, terms)
    asyncio.run(paper.open(ignore))
    return Loop(engine, paper)
