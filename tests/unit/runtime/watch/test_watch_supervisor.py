"""A task that dies quietly ends the run (P8); a stop waits for what is on its way, and for no longer (2.12)."""

from __future__ import annotations

import asyncio
import gc
import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import InvariantBroken
from tidemill.runtime.life.shutdown import drain
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.present import Health
from tidemill.runtime.watch.supervisor import critical


async def _ends() -> None:
    await asyncio.sleep(0)


async def _lasts() -> None:
    await asyncio.get_running_loop().create_future()


def test_a_task_that_returns_while_the_run_goes_on_ends_it_p8() -> None:
    with pytest.raises(InvariantBroken, match="keeper ended"):
        asyncio.run(critical("keeper", _ends, lambda: False))
    asyncio.run(critical("keeper", _ends, lambda: True))


def test_a_task_cancelled_before_its_first_step_begins_no_work() -> None:
    begun: list[str] = []

    async def work() -> None:
        begun.append("begun")

    async def scene() -> None:
        task = asyncio.create_task(critical("sender", work, lambda: False))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a coroutine made too early would be told as never awaited
        asyncio.run(scene())
        gc.collect()
    assert begun == []


def test_a_task_that_somebody_cancels_ends_the_run_p8() -> None:
    async def scene(*, is_over: bool) -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(critical("sender", _lasts, lambda: is_over))
            await asyncio.sleep(0)
            task.cancel()

    with pytest.raises(BaseExceptionGroup) as broken:
        asyncio.run(scene(is_over=False))
    assert isinstance(broken.value.exceptions[0], InvariantBroken)
    asyncio.run(scene(is_over=True))


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def monotonic_ns(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


class Inbox:
    """Hands words to the broker at once, unless it is deaf."""

    has_urgent = False

    def __init__(self, book: OrderBook, *, is_deaf: bool) -> None:
        self.book, self.is_deaf, self.cancelled = book, is_deaf, list[str]()

    def operator(self, word: Any) -> None:
        self.cancelled.append(word.client_id)
        order = self.book.by_client[word.client_id]
        order.state = OrderState.CANCEL_PENDING
        if not self.is_deaf:
            order.state = OrderState.CANCELED
            self.book.live.pop(word.client_id)


def scene(*, is_deaf: bool = False, exchange: object = None) -> tuple[Any, Inbox, list[tuple[int, str, str]]]:
    book, alerts = OrderBook(), list[tuple[int, str, str]]()
    for number, (name, intent) in enumerate((("E", Intent.ENTRY), ("S", Intent.PROTECT), ("U", Intent.ENTRY)), 1):
        request = OrderRequest(
            name, "SPY", Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 1.0, intent=intent, number=number
        )
        book.add(LiveOrder(request, 0, 0, "s", state=OrderState.UNKNOWN if name == "U" else OrderState.WORKING))
    inbox = Inbox(book, is_deaf=is_deaf)
    run = SimpleNamespace(
        terms=SimpleNamespace(instruments=[SimpleNamespace(symbol="SPY")]),
        parts=SimpleNamespace(exchange=exchange, inbox=inbox, clock=Clock()),
        book=book,
        present=SimpleNamespace(health=Health()),
        desk=SimpleNamespace(waiting=0),
        alert=lambda *alert: alerts.append(alert),
    )
    return run, inbox, alerts


def test_a_stop_cancels_entries_and_leaves_protection_and_the_unknown() -> None:
    run, inbox, alerts = scene()
    assert asyncio.run(drain(run))
    assert inbox.cancelled == ["E"]
    assert sorted(run.book.live) == ["S", "U"]
    assert run.present.health.blocked == {"SPY": "the engine is shutting down"}
    assert alerts == []


def test_a_stop_waits_ten_seconds_and_says_what_is_unresolved() -> None:
    run, _, alerts = scene(is_deaf=True)
    assert not asyncio.run(drain(run))
    assert 10.0 <= run.parts.clock.ns / 1e9 < 10.5
    assert "E" in alerts[0][2]


def test_a_simulated_exchange_is_left_as_a_kill_would_leave_it() -> None:
    run, inbox, _ = scene(exchange=object())
    assert asyncio.run(drain(run))
    assert inbox.cancelled == []
    assert run.present.health.blocked == {}
