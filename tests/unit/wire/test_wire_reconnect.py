from __future__ import annotations

from tidemill.wire.reconnect import LinkState, Reconnect


class Fixed:
    """Chance that always falls on one side."""

    def __init__(self, share: float = 1.0) -> None:
        self.share = share

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.share


def test_waits_double_up_to_a_minute() -> None:
    link = Reconnect(Fixed().uniform)
    assert [link.lost(), *(link.failed() for _ in range(9))] == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_chance_only_shortens() -> None:
    link = Reconnect(Fixed(0.0).uniform)
    assert [link.lost(), *(link.failed() for _ in range(7))] == [0.75, 1.5, 3, 6, 12, 24, 45, 45]


def test_after_ten_failures_it_probes_every_minute_for_ever() -> None:
    link = Reconnect(Fixed(0.0).uniform)
    link.connected()
    link.lost()
    states = []
    for _ in range(2000):
        wait = link.failed()
        states.append((link.state, wait))
    assert all(state is LinkState.WAITING for state, _ in states[:9])
    assert set(states[9:]) == {(LinkState.SAFE_MODE, 60.0)}
    assert link.status().attempts == 2000


def test_a_connection_ends_safe_mode_and_brings_all_subscriptions_back_in_order() -> None:
    link = Reconnect(Fixed().uniform)
    for symbol in ("B", "A", "C", "A"):
        link.subscribe(symbol)
    link.unsubscribe("C")
    link.unsubscribe("never")
    assert link.connected() == ("B", "A")
    link.lost()
    for _ in range(12):
        link.failed()
    link.subscribe("D")
    assert link.connected() == ("B", "A", "D")
    assert (link.state, link.attempts) == (LinkState.UP, 0)
    assert link.lost() == 1.0


def test_status_tells_connection_symbols_attempts_and_losses() -> None:
    link = Reconnect(Fixed().uniform)
    assert (link.status().state, link.status().connected) == (LinkState.IDLE, False)
    link.subscribe("A")
    link.connected()
    assert link.status().connected
    link.lost()
    link.failed()
    status = link.status()
    assert (status.connected, status.symbols, status.attempts, status.losses) == (False, ("A",), 1, 1)
    link.lost()
    assert link.status().losses == 1
