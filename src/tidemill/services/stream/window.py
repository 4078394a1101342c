"""What the engine's process says right now, listened to while somebody watches; nothing of it is ever needed."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tidemill.runtime.loudspeaker import Ear
from tidemill.services.stream.rows import iso, money
from tidemill.services.stream.topics import Topic

__all__ = ["Said", "Window"]

_MOST = 4_096  # messages between two turns; beyond that the oldest go
Said = tuple[Topic, str, dict[str, Any], str]


class Window:
    """Listens to the shop window of the engine host.

    Args:
        place: where it speaks.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._ear: Ear | None = None
        self._heard: deque[bytes] = deque(maxlen=_MOST)

    def __enter__(self) -> Self:
        self._ear = Ear(self._place)
        asyncio.get_running_loop().add_reader(self._ear.number, self._listen)  # systems let few messages wait
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ear is not None:
            asyncio.get_running_loop().remove_reader(self._ear.number)
            self._ear.close()
            self._ear = None

    def _listen(self) -> None:
        if self._ear is not None:
            self._heard.extend(self._ear.heard())

    def looked(self) -> Iterator[Said]:
        """Return what was said since the last call: topic, key, fields and run."""
        while self._heard:
            try:
                said = [item for body in json.loads(self._heard.popleft()) for item in _said(body)]
            except (ValueError, TypeError, AttributeError):
                continue  # of an engine of another version; the database tells the same a little later
            yield from said


def _said(body: dict[str, Any]) -> Iterator[Said]:
    run_id = str(body.get("run", ""))
    of_run = {"run_id": run_id}
    for symbol, last, bid, ask, at_ns in body.get("q", ()):
        row = {**of_run, "symbol": symbol, "last": last, "bid": bid or None, "ask": ask or None, "at": iso(at_ns)}
        yield Topic.QUOTES, f"{run_id}/{symbol}", row, run_id
    for symbol, size_s, start_s, opened, high, low, close, volume in body.get("b", ()):
        row = {"symbol": symbol, "interval_s": size_s, "start_s": start_s, "open": opened, "high": high, "low": low}
        yield Topic.BARS, f"{run_id}/{symbol}/{size_s}", {**of_run, **row, "close": close, "volume": volume}, run_id
    for strategy, symbol, price, value, unrealised in body.get("p", ()):
        row = {"market_price": price, "market_value": money(value), "unrealised_pnl": money(unrealised)}
        yield Topic.POSITIONS, f"{run_id}/{strategy}/{symbol}", row, run_id
    for equity, cash, daily, exposure in body.get("e", ()):
        row = {"equity": money(equity), "cash": money(cash), "daily_pnl": money(daily), "exposure": money(exposure)}
        yield Topic.EQUITY, f"{run_id}/paper:{run_id}", {**of_run, "account": f"paper:{run_id}", **row}, run_id
