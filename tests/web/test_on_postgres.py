"""The service on PostgreSQL: each face through HTTP from its start to its record, stream, notifications, webhooks.

The flows are those the faces' own files live through on SQLite; trading agents, places, people and the queue of
backtests have both databases there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosting import hosted, until
from installation import Service, make_service
from live_trading.test_live_trading_end_to_end import (
    test_a_live_strategy_lives_from_creation_to_its_end as a_live_strategy,
)
from notify import test_notifications as telling
from sessions.test_sessions_end_to_end import test_a_session_lives_from_start_to_stop as a_session
from stream import test_stream_resume as resume
from stream import test_stream_topics as topics
from stream.conftest import stream as stream_of
from trading.by_hand import ALWAYS, SMOKE, place, settled, tick, trades

pytest_plugins = ["databases"]
stream = stream_of


@pytest.fixture
def service(tmp_path: Path, postgres_url: str) -> Iterator[Service]:
    """An installation on PostgreSQL, in the place of the one on SQLite."""
    yield from make_service(tmp_path, postgres_url)


def records(service: Service, name: str) -> list[dict[str, Any]]:
    """Wait for the records of live runs of somebody's that have ended."""
    path = "/v1/performance/overview?execution_type=live"
    return until(lambda: service.get(name, path)["performances"], lambda found: found, 20.0)


def test_it_is_postgresql(service: Service) -> None:
    assert service.parts.database.kind == "postgresql"


def test_a_session_and_its_record(service: Service) -> None:
    a_session(service)
    (record,) = records(service, "trader")
    assert (record["total_trades"], record["winning_trades"], record["win_rate"]) == (1, 1, 100.0)
    assert record["final_capital"] > record["initial_capital"] == 50_000.0


def test_a_live_strategy_and_its_record(service: Service) -> None:
    a_live_strategy(service, True)
    assert {record["execution_type"].lower()[:4] for record in records(service, "trader")} == {"live"}


def test_a_desk_and_its_record(service: Service) -> None:
    with hosted(service):
        service.ask("trader", "PUT", "/v1/config", 200, json=ALWAYS)
        taken = place(service, SMOKE)
        tick(service, 17894.75)
        settled(service, taken["order_id"], "FILLED")
        tick(service, 17874.0)  # beyond the target
        (trade,) = trades(service, 1)
        earned = (17894.75 - 17874.0) * 20.0
        assert (trade["outcome"], trade["pnl_usd"]) == ("target", earned)
        assert service.get("trader", "/v1/pnl/daily")["realized_pnl"] == earned
        run_id = service.get("trader", "/v1/portfolio")["run_id"]
        service.post("trader", f"/v1/runs/{run_id}/stop")
    (record,) = records(service, "trader")
    assert (record["run_id"], record["total_trades"]) == (run_id, 1)


@pytest.mark.parametrize(
    "flow",
    [
        topics.test_a_snapshot_shows_what_is_there_and_deltas_what_comes,
        topics.test_everything_that_happens_arrives_once_and_in_order,
        topics.test_nothing_of_others_is_ever_sent,
        resume.test_who_comes_back_soon_is_told_what_was_missed_and_nothing_twice,
    ],
    ids=lambda flow: flow.__name__.removeprefix("test_"),
)
def test_the_stream(stream: Any, flow: Any) -> None:
    flow(stream)


@pytest.mark.parametrize(
    "flow",
    [
        telling.test_everything_is_told_once_and_to_whom_it_belongs,
        telling.test_jobs_and_tiers_and_a_halt_of_everything,
        telling.test_a_webhook_is_called_and_its_log_tells,
        telling.test_retries_grow_survive_a_restart_and_end,
        telling.test_an_attempt_counts_before_it_is_made,
        telling.test_secrets_are_sealed_bound_to_their_row_and_told_once,
        telling.test_the_list_is_read_marked_and_paged,
    ],
    ids=lambda flow: flow.__name__.removeprefix("test_"),
)
def test_notifications_and_webhooks(service: Service, flow: Any) -> None:
    flow(telling.World(service, telling.Fake()))
