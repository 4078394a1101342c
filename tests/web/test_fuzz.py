"""No answer is a defect and none is undocumented, whatever is sent: Schemathesis over the whole OpenAPI document.

Every day a small part of each phase, always the same; ``make test-api`` asks ten thousand times (API_CASES), with an
engine at work beside the API, from a seed of its own (API_SEED).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_campaign import explore
from hosting import hosted
from impatience import nobody_waits
from installation import Service, make_service
from trading.by_hand import ALWAYS

# One of each kind: kept rows, what is at work, what is asked of an engine, people.
SOME = r"^/v1/(webhooks|custom-strategies|halt|users|export)"


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with nobody_waits():
        yield from make_service(tmp_path_factory.mktemp("fuzz"))


def test_what_the_document_gives_as_examples_can_be_sent(fuzzed: Service) -> None:
    found = explore(fuzzed, seed=1, examples=1, phases=("examples",))
    assert found.wrong == {}
    assert found.total >= 30 and found.statuses[200] + found.statuses[201] >= 10


def test_every_edge_a_schema_has(fuzzed: Service) -> None:
    found = explore(fuzzed, seed=2, examples=1, phases=("coverage",), only=SOME, most=700)
    assert found.wrong == {}
    assert found.total >= 400 and found.statuses[401] < found.total / 2


def test_a_few_odd_requests_for_every_operation(fuzzed: Service) -> None:
    found = explore(fuzzed, seed=3, examples=1, phases=("fuzzing",))
    assert found.wrong == {}
    assert found.total >= 400


def test_created_changed_deleted_and_gone(fuzzed: Service) -> None:
    found = explore(fuzzed, seed=4, examples=8, phases=("stateful",), only=SOME, most=300)
    assert found.wrong == {}
    assert found.statuses[201] >= 3 and found.statuses[204] >= 1


def test_a_method_that_is_not_there_is_told_which_are(fuzzed: Service) -> None:
    for path, operations in fuzzed.app.openapi()["paths"].items():
        if "{" not in path:
            answer = fuzzed.client.request("TRACE", path)
            assert answer.status_code == 405, path
            # More, where the last word of the path could be a name as well.
            assert set(answer.headers["allow"].split(", ")) >= {method.upper() for method in operations}, path
    assert fuzzed.client.request("TRACE", "/v1/halt").headers["allow"] == "GET, POST"


@pytest.mark.campaign
def test_the_campaign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted, seed = int(os.environ.get("API_CASES", "10000")), int(os.environ.get("API_SEED", "1"))
    for service in make_service(tmp_path):
        with hosted(service):
            service.ask("owner", "PUT", "/v1/config", 200, json=ALWAYS)
            asked = explore(service, seed=seed, examples=1, phases=("examples", "coverage"))
            turn = 0
            while turn == 0 or asked.total < wanted:
                turn += 1
                asked.join(explore(service, seed=seed + turn, examples=4, phases=("fuzzing",)))
                asked.join(explore(service, seed=seed + turn, examples=100, phases=("stateful",)))
                with capsys.disabled():
                    told = f"{dict(asked.cases)}, {dict(sorted(asked.statuses.items()))}, 503: {dict(asked.codes)}"
                    sys.stdout.write(f"\nseeds {seed} to {seed + turn}: {asked.total} requests: {told}\n")
    assert asked.wrong == {}
