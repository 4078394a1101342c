"""Figures for Prometheus: counted from the record, bounded in their labels, read by those who may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import Service, make_service
from prometheus_client.parser import text_string_to_metric_families
from record import Record

from tidemill.bootstrap.operations import build_operations
from tidemill.model.errors import ConfigError
from tidemill.services.settings.loading import load_settings

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of this test
FOUND = re.compile(r"^([a-z_]+)(\{.*\})? ", re.MULTILINE)


def scrape(service: Service) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every figure of a process that has just begun, by name and labels."""
    parts = service.parts
    fresh = build_operations(parts.home, parts.database, parts.clock, "dev")
    return samples(fresh.figures.text().decode())


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


def test_orders_are_counted_by_what_became_of_them(service: Service) -> None:
    run, over = Record(service, "r1"), Record(service, "r2", state="STOPPED")
    for _ in range(3):
        run.order("SPY", took_ms=4)
    over.order("SPY", "SELL", took_ms=30)
    run.order("SPY", state="REJECTED", why="max_order_value: too large; 4711 USD for Ann")
    run.order("QQQ", state="REJECTED", why="Your account 12-34 may not do that")
    run.refusal("SPY", "DAILY_LOSS")
    run.refusal("SPY", "GATE_REFUSED")
    run.refused_wish("SPY", "off_tick: 400.005 is off the grid")
    found = scrape(service)
    assert value(found, "trading_orders_ok_total", symbol="SPY", side="BUY") == 3
    assert value(found, "trading_orders_ok_total", symbol="SPY", side="SELL") == 1
    blocked = {
        (dict(labels)["symbol"], dict(labels)["reason"]): count
        for (name, labels), count in found.items()
        if name == "trading_orders_blocked_total"
    }
    assert blocked == {
        ("SPY", "max_order_value"): 1,
        ("QQQ", "broker"): 1,
        ("SPY", "daily_loss"): 1,
        ("SPY", "gate_refused"): 1,
        ("SPY", "off_tick"): 1,
    }
    assert value(found, "trading_model_blocks_total", model_version="unknown", reason="refused") == 1
    assert value(found, "tidemill_order_latency_seconds_bucket", le="0.005") == 3
    assert value(found, "tidemill_order_latency_seconds_bucket", le="0.05") == 4
    assert value(found, "tidemill_order_latency_seconds_count") == 4
    assert value(found, "tidemill_order_latency_seconds_sum") == pytest.approx(0.042)


def test_what_happens_later_is_added_and_another_process_counts_the_same(service: Service) -> None:
    run, other = Record(service, "r1"), Record(service, "r2", state="STOPPED")
    clock = service.parts.clock
    figures = build_operations(service.parts.home, service.parts.database, clock, "dev").figures
    recorded = figures._recorded  # noqa: SLF001 - its cache is told that five seconds have passed
    run.order("SPY", took_ms=1)
    other.halted("ann")
    first = samples(figures.text().decode())
    run.order("SPY", took_ms=1)
    other.order("SPY")  # a run that was over goes on
    other.write(runs=[])
    run.halted("watchdog", "CANCEL_ALL")
    run.refused_wish("SPY", "busy: too many wait")
    recorded._kept_ns -= 6_000_000_000  # noqa: SLF001 - as above
    later = samples(figures.text().decode())
    assert value(first, "trading_orders_ok_total", symbol="SPY", side="BUY") == 1
    assert value(later, "trading_orders_ok_total", symbol="SPY", side="BUY") == 2
    assert value(later, "trading_halts_total", reason="operator") == 1
    assert value(later, "trading_halts_total", reason="watchdog") == 1
    other.store.commit(_running(other))
    recorded._kept_ns -= 6_000_000_000  # noqa: SLF001 - as above
    again, fresh = samples(figures.text().decode()), scrape(service)
    happened = [key for key in fresh if key[0].startswith(("trading_orders", "trading_halts", "tidemill_order"))]
    assert {key: again[key] for key in happened} == {key: fresh[key] for key in happened}
    assert value(fresh, "trading_orders_ok_total", symbol="SPY", side="BUY") == 3


def _running(record: Record):
    from journal_rows import run_row
    from tidemill.model.journal import Batch

    return Batch(runs=[run_row(record.run_id, state="RUNNING", ended_ns=0, account="paper:r2")])


def test_symbols_beyond_the_first_fifty_share_a_label_and_nobody_loses_theirs(service: Service) -> None:
    run = Record(service, "r1")
    for number in range(60):
        run.order(f"S{number:02d}")
    run.refused_wish('EVIL"}\n1', "unknown_symbol: no")
    found = scrape(service)
    named = {dict(labels)["symbol"] for (name, labels) in found if name == "trading_orders_ok_total"}
    assert named == {f"S{number:02d}" for number in range(50)} | {"other"}
    assert value(found, "trading_orders_ok_total", symbol="other", side="BUY") == 10
    run.order("A")  # earlier in the alphabet, later in time
    assert value(scrape(service), "trading_orders_ok_total", symbol="other", side="BUY") == 11


def test_requests_are_counted_by_template_and_class(service: Service) -> None:
    service.get("trader", "/v1/agents/no-such", 404)
    service.get("trader", "/api/agents/no-such-other", 404)
    service.get("", "/nothing/here/at/all", 404)
    service.ask("", "GET", "/v1/health/", 200)
    service.client.request("BREW", "/v1/health")
    text = service.parts.operations.figures.text().decode()
    found = samples(text)
    requests = {
        tuple(value for _, value in labels) for (name, labels) in found if name == "tidemill_http_requests_total"
    }
    assert requests >= {
        ("GET", "/v1/agents/{agent_id}", "4xx"),
        ("GET", "/api/agents/{agent_id}", "4xx"),
        ("GET", "unmatched", "4xx"),
        ("GET", "/v1/health", "2xx"),
    }
    assert "no-such" not in text
    assert "BREW" not in text
    assert value(found, "tidemill_http_request_seconds_count", route="/v1/health") == 2


@pytest.fixture(scope="module")
def open_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from make_service(tmp_path_factory.mktemp("scraped"), scrape_token=TOKEN, metrics_on_loopback=True)


def test_admins_and_scrapers_may_read_and_nobody_else(open_service: Service) -> None:
    path, client = "/v1/metrics/prom", open_service.client
    for headers, status in (
        ({}, 401),  # the test's client has no address of this machine
        (open_service.headers("trader"), 403),
        (open_service.headers("admin"), 200),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"Bearer {TOKEN[:-1]}e"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, headers
        assert (FOUND.search(answer.text) is not None) == (status == 200)
    assert client.get(path, headers=open_service.headers("admin")).headers["content-type"].startswith("text/plain")


def test_programs_on_this_machine_may_read_when_a_setting_says_so(open_service: Service) -> None:
    from fastapi.testclient import TestClient

    near = TestClient(open_service.app, base_url="http://localhost", client=("127.0.0.1", 5))
    assert near.get("/v1/metrics/prom").status_code == 200
    assert near.get("/v1/metrics/prom", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 401
    assert near.get("/v1/metrics/prom", headers={"Origin": "https://evil.example"}).status_code == 401
    assert near.get("/v1/agents").status_code == 401  # the setting is about figures alone


@pytest.mark.parametrize("token", ["short", "changeme-changeme-changeme-changeme", "a" * 40])
def test_placeholders_are_no_token(tmp_path: Path, token: str) -> None:
    with pytest.raises(ConfigError, match="scrape_token"):
        load_settings(tmp_path, {"SCRAPE_TOKEN": token})


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    loaded = load_settings(tmp_path, {"SCRAPE_TOKEN_FILE": str(tmp_path / "token")})
    assert loaded.settings.scrape_token is not None
    assert loaded.settings.scrape_token.get_secret_value() == TOKEN
    assert loaded.origins["scrape_token"] == "environment SCRAPE_TOKEN_FILE"  # noqa: S105 - where it was said
    with pytest.raises(ConfigError, match="SCRAPE_TOKEN_FILE"):
        load_settings(tmp_path, {"SCRAPE_TOKEN_FILE": str(tmp_path / "none")})
