from __future__ import annotations

import asyncio

import pytest

from tidemill.model.errors import InvariantBroken
from tidemill.runtime.bus import EventBus, FillNotHandled, HandlerFailure, Notice, Topic

FOURTEEN = (
    "tick_received candle_completed setup_detected setup_invalidated order_placed order_filled order_rejected "
    "order_cancelled position_opened position_closed websocket_connected websocket_disconnected "
    "circuit_breaker_triggered safe_mode_entered"
)


def made(**settings: int) -> tuple[EventBus, list[HandlerFailure]]:
    failures: list[HandlerFailure] = []
    return EventBus(failures.append, **settings), failures


def notice(topic: Topic = Topic.CANDLE_COMPLETED, at_ns: int = 1) -> Notice:
    return Notice(topic, at_ns, "AAA", {"close": 1.0})


def broken(item: Notice) -> None:
    raise ValueError(item.symbol)


async def broken_later(item: Notice) -> None:
    await asyncio.sleep(0)
    raise ValueError(item.symbol)


def test_there_are_fourteen_kinds() -> None:
    assert sorted(topic.value for topic in Topic) == sorted(FOURTEEN.split())


def test_handlers_hear_their_kind_in_order_of_subscription() -> None:
    bus, _ = made()
    heard: list[str] = []

    @bus.on(Topic.CANDLE_COMPLETED)
    def first(item: Notice) -> None:
        heard.append(f"first {item.symbol}")

    bus.subscribe(None, lambda item: heard.append(f"all {item.topic}"))
    bus.emit(notice())
    bus.emit(notice(Topic.TICK_RECEIVED))
    assert heard == ["first AAA", "all candle_completed", "all tick_received"]
    assert bus.wants(Topic.ORDER_PLACED)
    assert bus.emitted[Topic.TICK_RECEIVED] == 1
    assert first is not None


def test_a_subscription_can_be_ended() -> None:
    bus, _ = made()
    heard: list[Notice] = []
    end = bus.subscribe(Topic.ORDER_PLACED, heard.append)
    assert bus.wants(Topic.ORDER_PLACED)
    end()
    end()
    bus.emit(notice(Topic.ORDER_PLACED))
    assert heard == []
    assert not bus.wants(Topic.ORDER_PLACED)


def test_a_failing_handler_disturbs_no_other() -> None:
    bus, failures = made()
    heard: list[Notice] = []
    bus.subscribe(None, broken)
    bus.subscribe(None, broken_later)
    bus.subscribe(None, heard.append)
    asyncio.run(bus.emit_and_wait(notice()))
    assert len(heard) == 1
    assert [failure.handler for failure in failures] == ["broken", "broken_later"]
    assert isinstance(failures[0].error, ValueError)
    assert bus.failures[Topic.CANDLE_COMPLETED] == 2


def test_emit_and_wait_ends_after_every_async_handler() -> None:
    bus, _ = made()
    heard: list[int] = []

    async def slow(item: Notice) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        heard.append(item.at_ns)

    bus.subscribe(Topic.ORDER_FILLED, slow)
    asyncio.run(bus.emit_and_wait(notice(Topic.ORDER_FILLED, 9)))
    assert heard == [9]


def test_emit_leaves_async_handlers_to_run() -> None:
    bus, failures = made()
    heard: list[int] = []

    async def later(item: Notice) -> None:
        heard.append(item.at_ns)

    bus.subscribe(None, broken_later)
    bus.subscribe(None, later)

    async def play() -> None:
        bus.emit(notice(at_ns=1))
        assert (bus.waiting, heard) == (2, [])
        task = asyncio.ensure_future(bus.run())
        for _ in range(4):
            await asyncio.sleep(0)
        bus.emit(notice(at_ns=2))
        for _ in range(6):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())
    assert heard == [1, 2]
    assert len(failures) == 2


@pytest.mark.parametrize("handler", [broken, broken_later])
def test_a_handler_that_fails_on_a_fill_stops_the_caller_after_all_have_heard(handler) -> None:
    bus, failures = made()
    heard: list[Notice] = []
    bus.subscribe(Topic.ORDER_FILLED, handler)
    bus.subscribe(Topic.ORDER_FILLED, heard.append)
    with pytest.raises(FillNotHandled, match="trading stops") as caught:
        asyncio.run(bus.emit_and_wait(notice(Topic.ORDER_FILLED)))
    assert isinstance(caught.value, InvariantBroken)
    assert isinstance(caught.value.__cause__, ValueError)
    assert (len(heard), len(failures)) == (1, 1)


def test_a_fill_that_fails_stops_emit_and_run_too() -> None:
    bus, _ = made()
    bus.subscribe(Topic.ORDER_FILLED, broken)
    with pytest.raises(FillNotHandled):
        bus.emit(notice(Topic.ORDER_FILLED))
    other, _ = made()
    other.subscribe(Topic.ORDER_FILLED, broken_later)

    async def play() -> None:
        other.emit(notice(Topic.ORDER_FILLED))
        await other.run()

    with pytest.raises(FillNotHandled):
        asyncio.run(play())


@pytest.mark.parametrize(("asked", "kept"), [(3, 3), (5000, 1000)])
def test_history_keeps_the_newest_and_at_most_a_thousand(asked: int, kept: int) -> None:
    bus, _ = made(history=asked)
    for number in range(1200):
        bus.emit(notice(at_ns=number))
    assert [item.at_ns for item in bus.history] == list(range(1200 - kept, 1200))
