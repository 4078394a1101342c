"""A strategy that never returns stops every run of the host: it is found, ended and named, and the others go on."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from hosting import hosted, push, until
from installation import Service

from tidemill.services.faces.trading_agents import TradingAgent, made_agent
from tidemill.services.hosting.stalls import STALL_EXIT, strategy_frame

HANGING = '''"""Never comes back once the price is high."""

from __future__ import annotations

from tidemill import Strategy


class Hanging(Strategy):
    """Loop for ever above 510."""

    compiled = False

    def step(me, bar, order):
        while bar.close > 510.0:
            pass
'''
CALM = {
    "name": "Calm",
    "accountId": "C1",
    "timeframe": "intraday",
    "strategies": ["meanReversion"],
    "symbols": ["ETHUSD"],
    "interval": "1s",
}
STALL_S = 2.0
HOST = (
    "from tidemill.services.home import find_home\n"
    "from tidemill.services.hosting.process import host_runs\n"
    "home = find_home({folder!r}, {url!r})\n"
    "host_runs(home, has_watchdog=False, say=lambda line: print(line, flush=True), stall_s={stall})"
)


def wild_run(service: Service, folder: Path) -> str:
    """Start an agent whose strategy hangs; whoever keeps the machine may run files of their own."""
    file = folder / "hanging.py"
    file.write_text(HANGING, encoding="utf-8")
    parts, caller = service.parts, service.principal("trader")
    wish = TradingAgent("Wild", "W1", "intraday", ["meanReversion"], {}, ["BTCUSD"], None, "1s")
    made, wish = made_agent(parts.home, parts.fleet.strategies, wish)
    one = [replace(use, strategy=f"{file}:Hanging", params={}) for use in made.spec.strategies]
    made = replace(made, spec=replace(made.spec, strategies=one))
    agent = parts.fleet.agents.create(caller.scope, "agent", "Wild", made, wish.values(), is_active=False)
    return parts.fleet.runs.start(caller, agent).run_id


def status_of(service: Service, run_id: str) -> dict[str, Any]:
    return dict(service.get("trader", f"/v1/runs/{run_id}")["run"])


def test_a_run_that_keeps_the_loop_is_ended_and_the_others_go_on(service: Service, tmp_path: Path) -> None:
    home = service.parts.home
    text = HOST.format(folder=str(home.folder), url=home.url, stall=STALL_S)
    host = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert host.stdout is not None and host.stdout.readline().strip() == "READY"
        wild = wild_run(service, tmp_path)
        service.post("trader", "/v1/agents", CALM, 201)
        calm_run = service.get("trader", "/v1/runs")["runs"][0]["run_id"]
        for run_id in (wild, calm_run):
            until(lambda name=run_id: status_of(service, name)["status"], "RUNNING".__eq__)  # type: ignore[misc]
        until(lambda: (_tick(service, wild), host.poll())[1], lambda code: code is not None)
        assert host.returncode == STALL_EXIT
    finally:
        host.kill()
        host.wait()
        assert host.stdout is not None
        host.stdout.close()
    ended = status_of(service, wild)
    assert (ended["status"], ended["is_active"]) == ("ERROR", False)
    assert "hanging.py line 14 (step)" in ended["message"] and "Mend the strategy" in ended["message"]
    assert "step" in (home.runs / wild / "stack.txt").read_text(encoding="utf-8")
    assert service.parts.database.store.run(wild).state == "ERROR"  # type: ignore[union-attr]
    with hosted(service):
        until(lambda: status_of(service, calm_run)["status"], "RUNNING".__eq__)
        push(service, "trader", "ETHUSD", 100.0)
        assert status_of(service, wild)["status"] == "ERROR"


def _tick(service: Service, run_id: str) -> None:
    """Push a price the strategy hangs on; a host that hangs, or is gone, takes none."""
    body = {"ticks": [{"symbol": "BTCUSD", "price": 520.0, "size": 1.0}]}
    service.client.post(f"/v1/runs/{run_id}/ticks", json=body, headers=service.headers("trader"))


def test_only_code_of_others_is_accused() -> None:
    mine = inspect.currentframe()
    assert strategy_frame(mine) is mine
    assert strategy_frame(None) is None
    frames: list[FrameType | None] = []
    json.loads("[1]", parse_int=lambda _: frames.append(inspect.currentframe()))
    assert strategy_frame(frames[0]) is frames[0]  # ours stands inside the library's
