"""No answer is a defect and none is undocumented, whatever is sent: Schemathesis over the whole OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from installation import Service, make_service
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CALM = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from make_service(tmp_path_factory.mktemp("fuzz"))


def wrong_answers(fuzzed: Service, search: settings) -> dict[str, str]:
    """Ask every operation odd things; return what was wrong, by operation."""
    schema = schemathesis.openapi.from_dict(fuzzed.app.openapi())
    schema.app = fuzzed.app
    wrong = {}
    for found in schema.get_all_operations():
        operation = found.ok()

        @search
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            # Some operations sign the caller out, or change who they are; everybody else's token stays good.
            token, _ = fuzzed.parts.access.mint(fuzzed.users["owner"], 600)
            response = case.call(base_url="http://localhost", headers={"Authorization": f"Bearer {token}"})
            case.validate_response(response, checks=CHECKS)

        try:
            ask()
        except FailureGroup as failures:
            wrong[operation.label] = " | ".join(str(item).splitlines()[0] for item in failures.exceptions)
    return wrong


def test_a_few_odd_requests_for_every_operation(fuzzed: Service) -> None:
    search = settings(max_examples=4, derandomize=True, database=None, deadline=None, suppress_health_check=CALM)
    assert wrong_answers(fuzzed, search) == {}


@pytest.mark.campaign
def test_many_odd_requests(fuzzed: Service) -> None:
    search = settings(max_examples=300, database=None, deadline=None, suppress_health_check=CALM)
    assert wrong_answers(fuzzed, search) == {}
