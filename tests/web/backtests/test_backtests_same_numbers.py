"""One engine: what the API computes is what the command line computes, and what a replayed session trades."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosting import hosted, until
from installation import Service, make_service
from typer.testing import CliRunner

from tidemill.adapters.samples import sample_bars
from tidemill.cli.main import app

# What a session may say, and the flags that say the same; the rest are the session's defaults.
SETTINGS: dict[str, Any] = {
    "stop_loss_percentage": 4,
    "take_profit_percentage": 8,
    "position_sizing_method": "percentage",
    "position_size_value": 20,
    "commission_rate": 0.05,
    "slippage_model": "proportional",
    "slippage_value": 0.02,
    "trading_days": ["MON", "TUE", "WED", "THU"],
}
FLAGS = [
    *("--stop-loss", "4%", "--take-profit", "8%", "--sizing", "percent:20", "--commission-percent", "0.05%"),
    *("--slippage", "proportional:0.02%", "--days", "MON,TUE,WED,THU", "--window-zone", "America/New_York"),
    *("--session-defaults", "--cash", "25000", "--no-count"),
]
NOT_OF_THE_RUN = ("command", "created_at", "inputs")


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return an installation with a data set: daily prices that come with Tidemill, as a file."""
    for service in make_service(tmp_path_factory.mktemp("numbers")):
        folder = service.parts.home.folder / "data"
        folder.mkdir()
        bars = sample_bars()
        rows = zip(bars.ts // 10**9, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)
        lines = [",".join(str(item) for item in row) for row in rows]
        (folder / "AAPL_1d.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines), "ascii")
        yield service


@pytest.mark.parametrize(
    ("name", "parameters", "sets"),
    [
        ("meanReversion", {"window": 15, "threshold": 0.03}, ["window=15", "threshold=0.03"]),
        ("movingAverageCrossover", {"maType": "EMA"}, ["ma_type=ema"]),
        ("bollingerBands", {}, []),
    ],
)
def test_the_api_and_the_command_line_give_the_same_bytes(
    priced: Service, tmp_path: Path, name: str, parameters: dict[str, Any], sets: list[str]
) -> None:
    body = {
        "strategy": name,
        "strategyParameters": parameters,
        "symbols": ["AAPL"],
        "startDate": "2020-01-01",
        "endDate": "2023-12-31",
        "initialCapital": 25_000,
        "settings": SETTINGS,
        "data": "AAPL_1d",
    }
    found = priced.post("trader", "/api/backtest/run", body)
    service = priced.client.get(f"/v1/backtests/{found['jobId']}/document", headers=priced.headers("trader"))
    out = tmp_path / "result.json"
    known = {row["name"]: row for row in priced.get("trader", "/v1/backtests/strategies")["strategies"]}
    assert name in known
    plain = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)
    words = ["backtest", plain, "--data", str(priced.parts.home.folder / "data" / "AAPL_1d.csv"), "--symbol", "AAPL"]
    words += ["--start", "2020-01-01", "--end", "2023-12-31", "--json", str(out), "--quiet", *FLAGS]
    for pair in sets:
        words += ["--set", pair]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0, ran.output
    told, ours = json.loads(out.read_bytes()), json.loads(service.content)
    for document in (told, ours):
        for key in NOT_OF_THE_RUN:
            del document[key]
    assert json.dumps(ours).encode() == json.dumps(told).encode()
    assert ours["fills"]
    assert found["finalValue"] == round(told["metrics"]["final_equity"], 2)


def test_a_replayed_session_trades_what_the_backtest_traded(priced: Service) -> None:
    body = {
        "strategy": "meanReversion",
        "strategyParameters": {"window": 15, "threshold": 0.03},
        "symbols": ["AAPL"],
        "settings": SETTINGS,
    }
    tested = priced.post("premium", "/api/backtest/run", {**body, "initialCapital": 25_000, "data": "AAPL_1d"})
    feed = {"kind": "replay", "name": "AAPL_1d", "speed": "max"}
    with hosted(priced):
        session = priced.post(
            "premium", "/api/trading/sessions/start", {**body, "initialCash": 25_000, "feed": feed}, 201
        )
        path = f"/api/trading/sessions/{session['sessionId']}"
        ended = until(lambda: priced.get("premium", path), lambda found: found["status"] != "ACTIVE")
    assert (ended["status"], ended["message"]) == ("COMPLETED", "")
    lived = list(reversed(priced.get("premium", f"{path}/trades")["trades"]))
    columns = ("action", "quantity", "price", "fee")
    assert len(lived) > 20
    assert [tuple(trade[name] for name in columns) for trade in lived] == [
        tuple(round(trade[name], 2) if name == "fee" else trade[name] for name in columns) for trade in tested["trades"]
    ]
    assert ended["final_cash"] == pytest.approx(tested["finalValue"], abs=0.01)
    live = priced.get("premium", "/api/performance/overview?execution_type=live")["performances"]
    assert [(item["execution_type"], item["session_id"]) for item in live] == [("live", session["sessionId"])]
    assert live[0]["total_trades"] == ended["total_trades"] > 10
    assert 0.0 < live[0]["win_rate"] < 100.0  # percent here, a ratio in results
    again = priced.get("premium", "/api/performance/overview?execution_type=live")["performances"]
    assert [item["id"] for item in again] == [live[0]["id"]]
