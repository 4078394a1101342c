"""Schemathesis over the OpenAPI document, all its phases: examples, coverage, fuzzing, stateful; what it found."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from installation import Service
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from signing import owner_headers

__all__ = ["PHASES", "Found", "explore"]

PHASES = ("examples", "coverage", "fuzzing", "stateful")
# What does not hold here, and why:
_UNASKED = {
    # Much is refused that a schema cannot say: a symbol nobody lists, a place that is taken, a run that is over.
    "positive_data_acceptance": {"enabled": False},
    # 503 is an answer: no engine took it in time, all workers are busy. What a database could not do is not.
    "negative_data_rejection": {"expected-statuses": ["4xx", "503"]},
    "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]},
}
# Yes and no may be 1 and 0, a number may be a text: what the sources' own callers send. Ranges and lengths may not.
# What begins a row, as its callers would: chance alone hardly ever writes one that is taken.
_TREE = {"type": "indicator", "indicator": {"type": "rsi", "period": 14, "condition": "below", "value": 30}}
_OTHER_TREE = {"type": "indicator", "indicator": {"type": "sma", "period": 20, "condition": "above", "value": 1}}
_BEGINS: dict[str, dict[str, Any]] = {
    "/webhooks": {"url": "https://example.com/hook", "events": ["bot.started"]},
    "/agents": {"name": "Chance", "accountId": "P", "timeframe": "intraday", "strategies": ["momentum"]},
    "/live-strategies/strategies": {"name": "Chance", "strategy_id": 1, "symbols": ["AAPL"]},
    "/live-trading/strategies": {"name": "Chance", "strategy_id": 1, "symbols": ["AAPL"]},
    "/sessions/start": {"symbols": ["AAPL"], "strategy": "meanReversion"},
    "/backtests/run": {"symbols": ["AAPL"], "strategy": "meanReversion", "wait": False},
    "/backtest/run": {"symbols": ["AAPL"], "strategy": "meanReversion", "wait": False},
    "/custom-strategies": {"name": "Chance", "buy_conditions": _TREE, "sell_conditions": _OTHER_TREE},
    "/users": {"username": "chance", "email": "chance@example.com", "password": "correct horse battery"},
}
_NAMES = {"/custom-strategies": ("name",), "/users": ("username", "email")}
_LENIENT = "Incorrect type"
# A method that is not there, under a path that is: where its last word could be a name, it is refused as none.
_NAMELESS = ("returned 422", "returned 404")
_UNTOLD = "Missing documented methods"


@dataclass
class Found:
    """What was asked, how it was answered, and what is wrong: by operation and check, with one request for each."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Requests in all phases."""
        return self.cases.total()

    def join(self, other: Found) -> None:
        """Take in what was found elsewhere."""
        self.cases += other.cases
        self.statuses += other.statuses
        self.codes += other.codes
        self.wrong = other.wrong | self.wrong

    def add(self, event: ScenarioFinished) -> None:
        """Take in what one scenario did."""
        for interaction in event.recorder.interactions.values():
            self.cases[event.phase.value] += 1
            response = interaction.response
            if response is not None:
                self.statuses[response.status_code] += 1
                if response.status_code >= 500:
                    code = str(response.json().get("code"))
                    self.codes[code] += 1
                    if code in {"store_unavailable", "defect"}:
                        self.wrong.setdefault(f"{event.phase.value}, {event.label}: {code}", response.text[:300])
        for nodes in event.recorder.checks.values():
            for node in nodes:
                if node.failure_info is not None:
                    failure = node.failure_info.failure
                    if node.name == "negative_data_rejection" and _LENIENT in failure.message:
                        continue
                    if node.name == "unsupported_method" and any(word in failure.message for word in _NAMELESS):
                        continue
                    if node.name == "allow_header_conformance" and _UNTOLD not in failure.message:
                        continue
                    if node.name == "ensure_resource_availability" and "/users/{user_id}" in failure.message:
                        continue  # what is under a person is for them alone
                    said = f"{failure.title}: {failure.message[:300]} | {node.failure_info.code_sample[:700]}"
                    self.wrong.setdefault(f"{event.phase.value}, {event.label}: {node.name}", said)


def explore(
    service: Service,
    *,
    seed: int,
    examples: int,
    phases: Sequence[str] = PHASES,
    only: str | None = None,
    most: int | None = None,
    steps: int = 6,
) -> Found:
    """Explore an installation as its owner.

    Args:
        service: the installation.
        seed: of chance; the same one asks the same.
        examples: cases of fuzzing for each operation, and scenarios of the stateful phase.
        phases: of Schemathesis; the stateful one, alone, begins rows with bodies that are taken.
        only: pattern of the paths to ask; all when left out.
        most: ends after so many requests.
        steps: of a stateful scenario.
    """
    begins = tuple(phases) == ("stateful",)
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": "http://localhost",
            "continue-on-failure": True,
            "request-timeout": 180,  # a backtest answers after two minutes at the latest
            "checks": _UNASKED,
            "generation": {
                "max-examples": examples,
                "database": "none",
                "no-shrink": True,
                **({"mode": "positive"} if begins else {}),
            },
            "phases": {
                name: {"enabled": name in phases, **({"max-steps": steps} if name == "stateful" else {})}
                for name in PHASES
            },
        }
    )
    schema = schemathesis.openapi.from_dict(service.app.openapi(), config=config)
    schema.app = service.app
    if only is not None:
        schema = schema.include(path_regex=only)
    schema.auth(refresh_interval=None)(_signed_in(service, is_once=not begins))
    if begins:
        schema.hook("map_body")(_begun)
    found, stream = Found(), from_schema(schema).execute()
    for event in stream:
        if isinstance(event, ScenarioFinished):
            found.add(event)
        elif isinstance(event, NonFatalError):
            found.wrong[f"{event.phase.value}, {event.label}"] = str(event.info)[:500]
        if most is not None and found.total >= most:
            stream.stop()
    return found


def _begun(context: Any, body: Any) -> Any:
    """Let most bodies that begin something be good ones, each under a name of its own."""
    operation = context.operation
    digest = hashlib.sha256(repr(body).encode()).hexdigest()
    for end, good in _BEGINS.items():
        if operation.method.upper() == "POST" and operation.path.endswith(end) and digest[0] < "c":
            return {**good, **{name: digest[:9] + good[name] for name in _NAMES.get(end, ())}}
    return body


def _signed_in(service: Service, *, is_once: bool) -> type:
    """Return what signs every request in, also after one that has signed out; keys that are used again may be left out.

    A key that is used again brings back the row it once began, which may be gone since.
    """

    class Owner:
        def get(self, case: schemathesis.Case, context: Any) -> dict[str, str]:  # noqa: ARG002 - the interface
            return owner_headers(service)

        def set(self, case: schemathesis.Case, data: dict[str, str], context: Any) -> None:  # noqa: ARG002 - as above
            case.headers.update(data)
            if not is_once:
                case.headers.pop("Idempotency-Key", None)

    return Owner
