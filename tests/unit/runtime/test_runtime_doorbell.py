"""The bell between processes: heard at once, missed without harm, on every kind of system."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tidemill.runtime.doorbell import Doorbell, ring


@pytest.fixture(params=["unix", "loopback"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bell's place, once with unix sockets and once on a system without."""
    if request.param == "loopback":
        monkeypatch.setattr("tidemill.runtime.local_socket.is_unix", lambda _place: False)
    return tmp_path / "test.bell"


def test_a_thread_hears_many_rings_as_one(place: Path) -> None:
    with Doorbell(place) as bell:
        assert not bell.hear(0.0)
        assert all(ring(place) for _ in range(5))
        assert bell.hear(5.0)
        assert not bell.hear(0.0)


def test_a_loop_hears_a_ring_from_a_thread(place: Path) -> None:
    async def listen() -> tuple[bool, bool]:
        with Doorbell(place) as bell:
            thread = threading.Thread(target=ring, args=(place,))
            thread.start()
            heard = await bell.wait(10.0)
            thread.join()
            return heard, await bell.wait(0.01)

    assert asyncio.run(listen()) == (True, False)


def test_nobody_at_home_changes_nothing(place: Path) -> None:
    assert not ring(place)
    with Doorbell(place):
        pass
    ring(place)  # the place is left behind; whether anybody hears is not known


def test_the_newest_listener_has_the_bell(place: Path) -> None:
    with Doorbell(place), Doorbell(place) as newer:
        assert ring(place)
        assert newer.hear(5.0)


def test_a_path_too_long_for_a_socket_goes_by_a_port(tmp_path: Path) -> None:
    place = tmp_path / ("d" * 120) / "test.bell"
    with Doorbell(place) as bell:
        assert ring(place)
        assert bell.hear(5.0)
    assert not place.exists()
    assert place.with_name("test.bell.port").read_text(encoding="ascii").isdigit()


def test_a_port_file_of_nonsense_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidemill.runtime.local_socket.is_unix", lambda _place: False)
    (tmp_path / "test.bell.port").write_text("no port", encoding="ascii")
    assert not ring(tmp_path / "test.bell")
