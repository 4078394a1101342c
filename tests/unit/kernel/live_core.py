"""One core fed by hand, event by event, as a live run feeds it: for tests of what a broker or a person may do."""

from __future__ import annotations

from typing import Any

import numpy as np

from naive.scenario import SCRIPTS, START, Script
from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import spec_of
from tidemill.engine.engine import Engine
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.kernel.replay import write_mark
from tidemill.model.bars import DAY_NS, MINUTE_NS
from tidemill.model.enums import CommandKind, EventKind, Operator, Reason, Refusal
from tidemill.model.instrument import Instrument
from tidemill.model.records import COMMAND
from tidemill.model.settings import RunSettings, StrategySettings

__all__ = ["LiveCore", "do"]

STOCK = Instrument("X", tick_size=0.01, calendar="24/7", zone="UTC")


def do(verb: str, **args: Any) -> dict[str, Any]:
    """Return one action of a script."""
    return {"verb": verb, "args": args}


class LiveCore:
    """A strategy that plays a script by bar number, in one core without an exchange: tests say what the broker says."""

    def __init__(
        self,
        script: dict[int, Any] | None = None,
        instrument: Instrument = STOCK,
        sessions: list[tuple[int, int]] | None = None,
        **settings: Any,
    ) -> None:
        SCRIPTS[0].clear()
        for number, actions in (script or {}).items():
            rows = actions if isinstance(actions, list) else [actions]
            SCRIPTS[0][0, START + number * MINUTE_NS] = rows
        chosen = StrategySettings(allow_short=True, **settings)
        zone = ZoneTable(np.array([0], np.int64), np.array([0], np.int64))
        spec = spec_of(Script)
        entrant = StrategyPlan(spec, spec.read_params({}), chosen, window_zone=zone)
        run = RunSettings(cash=1_000_000.0, leverage=2.0, settings=chosen)
        hours = np.array(sessions or [], np.int64).reshape(-1, 2).T
        calendar = CalendarPlan("test", zone, 0, hours[0] // DAY_NS, hours[0], hours[0], hours[1], hours[1])
        plan = EnginePlan([instrument], [MINUTE_NS], [calendar], [0], [entrant], run)
        self.engine = Engine(plan, load_rules())
        self.now = START
        self.commands: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []  # every command so far

    def feed(self, kind: EventKind, **values: Any) -> list[dict[str, Any]]:
        """Feed one event and return the commands of its turn."""
        event = self.engine.event
        event[:] = 0
        row = {"kind": int(kind), "instrument": 0, "ts_ns": self.now, "now_ns": self.now, "row": -1, **values}
        for name, value in row.items():
            event[name] = value
        self.engine.feed()
        self.engine.steps[0].raise_failure()
        names = COMMAND.names or ()
        self.commands = [dict(zip(names, row, strict=True)) for row in self.engine.commands.tolist()]
        self.told += self.commands
        return self.commands

    def bar(self, price: float) -> list[dict[str, Any]]:
        """Feed the next minute bar, flat at one price; the number counts from 0."""
        begin, self.now = self.now, self.now + MINUTE_NS
        values = dict.fromkeys(("open", "high", "low", "close"), price)
        commands = self.feed(EventKind.BAR, ts_ns=begin, interval_ns=MINUTE_NS, volume=1e6, **values)
        write_mark(self.engine.state.address, self.engine.tape.address, self.now)
        return commands

    def later(self, seconds: float) -> None:
        """Let time go by."""
        self.now += round(seconds * 1e9)

    def operator(self, code: Operator) -> list[dict[str, Any]]:
        """Give an order of an operator."""
        return self.feed(EventKind.OPERATOR, instrument=-1, code=int(code))

    def fill(self, number: int, quantity: float, price: float) -> list[dict[str, Any]]:
        """Fill an order."""
        return self.feed(EventKind.FILL, order=number, volume=quantity, close=price)

    def adjust(self, units: float, price: float, **values: Any) -> list[dict[str, Any]]:
        """Book an adjustment."""
        return self.feed(EventKind.ADJUST, volume=units, close=price, **values)

    def acknowledge(self) -> None:
        """Acknowledge every submission of the last turn."""
        for command in [item for item in self.commands if item["kind"] == CommandKind.SUBMIT]:
            self.feed(EventKind.ACK, order=command["order"])

    def numbers(self, reason: Reason) -> list[int]:
        """Return the numbers of all orders sent for a reason."""
        return [c["order"] for c in self.told if c["kind"] == CommandKind.SUBMIT and c["reason"] == int(reason)]

    @property
    def said(self) -> list[tuple[str, str, float]]:
        """Return (kind, reason, quantity) of the last turn's commands."""
        return [(CommandKind(c["kind"]).name, Reason(c["reason"]).name, c["quantity"]) for c in self.commands]

    @property
    def position(self) -> float:
        """Return the signed units held."""
        return float(self.slot["quantity"])

    @property
    def slot(self) -> Any:
        """Return the only slot."""
        return self.engine.state.tables["slots"][0]

    @property
    def account(self) -> Any:
        """Return the account."""
        return self.engine.state.tables["accounts"][0]

    @property
    def refusals(self) -> list[str]:
        """Return the refusals on the tape, by name."""
        return [Refusal(int(code)).name for code in self.engine.tape.rows("refusals")["refusal"]]

    def count(self, name: str) -> int:
        """Return a number of the state's header."""
        return int(self.engine.state.header[name][0])

    def long(self, quantity: float = 10.0, price: float = 100.0) -> None:
        """Open a position with the entry that the script proposes on the next bar; its protection is acknowledged."""
        self.bar(price)
        number = self.commands[0]["order"]
        self.feed(EventKind.ACK, order=number)
        self.fill(number, quantity, price)
        self.acknowledge()
