"""What one process says and another hears: words, only from those who may read the folder, and nothing kept waiting."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tidemill.runtime.loudspeaker import Ear, Loudspeaker


@pytest.fixture(params=["unix", "loopback"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place, once with unix sockets and once on a system without."""
    if request.param == "loopback":
        for module in ("local_socket", "loudspeaker"):
            monkeypatch.setattr(f"tidemill.runtime.{module}.is_unix", lambda _place: False)
    return tmp_path / "test.window"


def test_what_is_said_is_heard_in_order(place: Path) -> None:
    speaker = Loudspeaker(place)
    assert not speaker.is_heard() and not speaker.say(b"nobody")
    with Ear(place) as ear:
        assert speaker.is_heard()
        assert speaker.say(b"one") and speaker.say(b"two")
        assert list(ear.heard()) == [b"one", b"two"]
        assert list(ear.heard()) == []
    assert not speaker.is_heard()
    speaker.close()


def test_a_new_listener_is_found_anew(place: Path) -> None:
    speaker = Loudspeaker(place)
    with Ear(place):
        assert speaker.say(b"old")
    with Ear(place) as newer:
        said = [speaker.say(b"new") for _ in range(3)]
        assert said[-1] and b"new" in list(newer.heard())
    speaker.close()


def test_who_cannot_read_the_password_is_not_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("local_socket", "loudspeaker"):
        monkeypatch.setattr(f"tidemill.runtime.{module}.is_unix", lambda _place: False)
    place = tmp_path / "test.window"
    with Ear(place) as ear, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        file = place.with_name("test.window.port")
        assert file.stat().st_mode & 0o077 == 0
        port, password = file.read_bytes().split()
        stranger.sendto(b"a lie", ("127.0.0.1", int(port)))
        stranger.sendto(password + b"the truth", ("127.0.0.1", int(port)))
        assert list(ear.heard()) == [b"the truth"]
