"""The stream of reports from the scripted exchange: lost, repeated, late and out of order as the faults want."""

from __future__ import annotations

import asyncio

from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind
from tidemill.ports.broker import ReportSink
from tidemill.testing.exchange.exchange import ScriptedExchange
from tidemill.testing.exchange.line import Line

__all__ = ["Stream"]

_SECOND_NS = 1_000_000_000


class Stream:
    """Brings reports to a sink, on the event loop it was opened in.

    Args:
        exchange: whose reports.
        line: on which they travel; when it is dead they are lost.
        delay_s: how long a report takes.
    """

    def __init__(self, exchange: ScriptedExchange, line: Line, delay_s: float) -> None:
        self._exchange, self._faults, self._line = exchange, exchange.faults, line
        self._delay_s = delay_s
        self._sink: ReportSink | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened = 0
        self._silent_ns = 0
        self._held: dict[str, float] = {}  # acknowledgements that wait, by client id

    def open(self, sink: ReportSink) -> None:
        """Begin anew; reports of an earlier opening that are still on their way are lost."""
        self._sink, self._loop = sink, asyncio.get_running_loop()
        self._opened += 1
        self._silent_ns = 0

    def close(self) -> None:
        """Stop."""
        self._sink = None

    def kick(self) -> None:
        """Lose the place to another session."""
        self._sink = None
        self._line.disconnect()

    def hold_ack(self, client_id: str) -> None:
        """Let an order's acknowledgement come later than its fill."""
        self._held[client_id] = self._faults.value("N9")

    def hear(self, report: OrderReport) -> None:
        """Take a report from the exchange and send it on its way, if it gets through."""
        faults = self._faults
        now = self._exchange.clock.monotonic_ns()
        if faults.fires("B19"):
            self._exchange.detach(self)
            self.kick()
        if faults.fires("N6"):
            self._silent_ns = now + round(faults.value("N6") * _SECOND_NS)
        if faults.fires("B16"):
            self._silent_ns = now + round(faults.value("B16") * _SECOND_NS)
            self._line.drop(faults.value("B16"))
        is_lost = self._sink is None or self._line.is_dead or now < self._silent_ns
        if is_lost or (report.kind is EventKind.FILL and faults.fires("N7")):
            return
        delay = self._delay_s
        if report.kind is EventKind.ACK:
            delay += self._held.pop(report.client_id, 0.0)
        if faults.fires("N11"):
            delay += faults.value("N11") * faults.draw("N11")
        for _ in range(int(faults.value("N8")) if faults.fires("N8") else 1):
            self._send(report, delay)

    def _send(self, report: OrderReport, delay_s: float) -> None:
        if self._loop is None:
            return
        if delay_s > 0.0:
            self._loop.call_later(delay_s, self._deliver, report, self._opened)
        else:
            self._loop.call_soon(self._deliver, report, self._opened)

    def _deliver(self, report: OrderReport, opened: int) -> None:
        if self._sink is not None and opened == self._opened:
            self._sink(report)
