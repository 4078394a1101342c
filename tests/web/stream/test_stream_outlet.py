"""The queue of one watcher: whatever comes and goes, events keep their order and none is missing unless it is over."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.services.stream.outlet import Outlet

STEPS = st.lists(st.sampled_from(["event", "state", "take"]), max_size=200)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(STEPS, st.integers(1, 8), st.integers(1, 3))
def test_events_are_all_sent_in_order_or_the_outlet_is_over(steps: list[str], events: int, states: int) -> None:
    outlet = Outlet(events, states)
    put: list[str] = []
    taken: list[str] = []
    dropped = False
    for number, step in enumerate(steps):
        if step == "event":
            if outlet.put_event(f"e{number}"):
                put.append(f"e{number}")
        elif step == "state":
            dropped |= not outlet.put_state(f"s{number}")
        elif (frame := outlet.take()) is not None:
            taken.append(frame)
        assert len(outlet) <= events + states
    was_over = outlet.is_over
    while (frame := outlet.take()) is not None:
        taken.append(frame)
    sent = [frame for frame in taken if frame[0] == "e"]
    assert sent == put[: len(sent)] and (was_over or sent == put)
    values = [int(frame[1:]) for frame in taken if frame[0] == "s"]
    assert values == sorted(values)
    assert outlet.is_behind or not dropped
    assert not outlet.put_event("late") if was_over else outlet.put_event("next")


def test_values_make_room_for_events() -> None:
    outlet = Outlet(2, 2)
    assert outlet.put_state("s1") and outlet.put_state("s2") and not outlet.put_state("s3")
    assert outlet.put_event("e1") and outlet.put_event("e2")
    assert [outlet.take(), outlet.take(), outlet.take()] == ["e1", "e2", None]
    assert outlet.is_behind and not outlet.is_over


def test_an_event_without_room_ends_it() -> None:
    outlet = Outlet(1, 1)
    assert outlet.put_event("e1") and not outlet.put_event("e2")
    assert outlet.is_over and outlet.take() is None and not outlet.put_event("e3")
