"""What waits for one watcher: events in order and all of them, newest values only while there is room."""

from __future__ import annotations

from collections import deque

__all__ = ["Outlet"]


class Outlet:
    """A bounded queue of encoded frames.

    Frames of values are dropped first: they are not taken while others wait, and make room for events. An event that
    finds no room closes the outlet, since nothing may be missing from its order.

    Args:
        events: frames with events that may wait. states: frames with values that may wait.
    """

    def __init__(self, events: int = 256, states: int = 2) -> None:
        self._most_events, self._most_states = events, states
        self._frames: deque[tuple[bool, str]] = deque()
        self._events = self._states = 0
        self.is_behind = False  # values were dropped: the whole of them is wanted once there is room
        self.is_over = False  # an event found no room

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing waits."""
        return not self._frames

    def put_event(self, frame: str) -> bool:
        """Take a frame that must arrive; False: there is no room, and the outlet is over."""
        if self.is_over:
            return False
        if self._events >= self._most_events:
            self.is_over = True
            self._frames.clear()
            self._events = self._states = 0
            return False
        if self._events + self._states >= self._most_events and self._states:
            self._drop_states()
        self._frames.append((True, frame))
        self._events += 1
        return True

    def put_state(self, frame: str) -> bool:
        """Take a frame that a newer one may replace; False: it was dropped."""
        if self.is_over or self._states >= self._most_states or len(self._frames) >= self._most_events:
            self.is_behind = True
            return False
        self._frames.append((False, frame))
        self._states += 1
        return True

    def _drop_states(self) -> None:
        self._frames = deque(item for item in self._frames if item[0])
        self._states = 0
        self.is_behind = True

    def take(self) -> str | None:
        """Return the next frame, None when nothing waits."""
        if not self._frames:
            return None
        is_event, frame = self._frames.popleft()
        if is_event:
            self._events -= 1
        else:
            self._states -= 1
        return frame
