"""P16: an API and an engine of different builds shake hands and do nothing new together."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from installation import Service

from tidemill import __version__
from tidemill.runtime.guard.heartbeat import Beat, beat_file, write_beat
from tidemill.services import builds
from tidemill.services.builds import build_name
from tidemill.services.hosting.builds import Handshake, is_refused, other_build
from tidemill.services.refusals import Refused

SESSION = {"symbols": ["AAPL"], "strategy": "momentum", "initialCash": 100_000}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    build_name.cache_clear()
    yield
    build_name.cache_clear()


def beat(service: Service, build: str, name: str = "host", age_s: float = 0.0, state: str = "RUNNING") -> None:
    home, now = service.parts.home, service.parts.clock.now_ns()
    file = beat_file(home.halts, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_beat(file, Beat(1, now - int(age_s * 1e9), state, 1, build=build))


def builds_finding(service: Service) -> dict[str, object]:
    return next(item for item in service.get("", "/v1/health/ready")["checks"] if item["name"] == "build")


def test_with_an_engine_of_another_build_nothing_is_begun_and_health_says_so(service: Service) -> None:
    beat(service, "0.0.9+deadbeef")
    answer = service.post("trader", "/v1/sessions/start", SESSION, 409)
    assert answer["code"] == "other_build"
    assert answer["message"] == (
        f"The engine runs build 0.0.9+deadbeef, the API {build_name()}; start both again with one build."
    )
    assert service.get("", "/v1/health/ready")["status"] == "degraded"
    assert builds_finding(service)["is_well"] is False
    beat(service, build_name())
    assert builds_finding(service) == {"name": "build", "is_well": True, "text": build_name()}


@pytest.mark.parametrize("kind", ["order", "go_on", "adjust", "verdict"])
def test_what_adds_risk_is_not_handed_over_and_what_lessens_it_is(service: Service, kind: str) -> None:
    beat(service, "0.0.9+deadbeef")
    handshake = Handshake(service.parts.home, service.parts.clock)
    with pytest.raises(Refused, match="start both again with one build") as caught:
        handshake.check(kind)
    assert caught.value.code == "other_build"
    for calm in ("cancel", "stop", "pause"):
        handshake.check(calm)


@pytest.mark.parametrize(("age_s", "state"), [(20.0, "RUNNING"), (0.0, "STOPPED")])
def test_an_engine_that_is_not_there_is_no_stranger(service: Service, age_s: float, state: str) -> None:
    beat(service, "0.0.9+deadbeef", age_s=age_s, state=state)
    assert other_build(service.parts.home, service.parts.clock, "host") == ""


def test_a_process_that_names_no_build_yet_is_no_stranger(service: Service) -> None:
    beat(service, "")
    assert other_build(service.parts.home, service.parts.clock, "host") == ""


@pytest.mark.parametrize(
    ("key", "kind", "refused"),
    [
        ("api-1", "order", True),
        ("u7/mine", "order", True),
        ("u7/mine", "cancel", False),
        ("cli-1", "order", False),
        ("up", "order", False),
    ],
)
def test_the_engine_knows_what_an_api_has_written(key: str, kind: str, refused: bool) -> None:
    assert is_refused(key, kind) is refused


def test_a_build_is_its_version_and_what_was_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["tidemill/a.py,sha256=1,2", "tidemill/__pycache__/a.pyc,,", "../bin/tidemill,sha256=9,1"]

    def installed(*files: str) -> str:
        build_name.cache_clear()
        package = SimpleNamespace(read_text=lambda _name: "\n".join(files))
        monkeypatch.setattr(builds.importlib.metadata, "distribution", lambda _name: package)
        return build_name()

    first = installed(*lines)
    assert first.startswith(f"{__version__}+")
    assert installed(lines[2] + "0", lines[0]) == first  # the same files in another place
    assert installed("tidemill/a.py,sha256=3,2") != first
    assert installed(lines[2]) == f"{__version__}+source"

    def missing(_name: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    build_name.cache_clear()
    monkeypatch.setattr(builds.importlib.metadata, "distribution", missing)
    assert build_name() == f"{__version__}+source"
