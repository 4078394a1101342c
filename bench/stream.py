"""The stream: what 200 people who watch cost the API's process, while twenty symbols move ten times a second."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PEOPLE, VIEWERS, SYMBOLS = 20, 200, 20
_SERVER = "import sys; sys.path.insert(0, sys.argv[1]); import stream; stream.serve(sys.argv[2])"


def serve(folder: str) -> None:
    """Serve an installation with people and a run each; say port and tokens, then CPU seconds for each line read."""
    import uvicorn

    from tidemill.adapters.sql.service_tables import RUN_OWNERS
    from tidemill.bootstrap.api import Behind, build_parts, server_config
    from tidemill.model.people import Role, Tier
    from tidemill.services.access.users import NewUser
    from tidemill.services.home import find_home
    from tidemill.services.settings.loading import load_settings
    from tidemill.web.app import create_app

    parts = build_parts(find_home(Path(folder), None), load_settings(Path(folder), {}, {}))
    tokens = []
    for number in range(PEOPLE):
        new = NewUser(f"person-{number}", f"p{number}@example.com", "correct horse battery", Role.TRADER, Tier.PREMIUM)
        user = parts.access.users.add(new, None)
        tokens.append(parts.access.mint(user, 3_600)[0])
        with parts.database.write() as writing:
            row = {"agent_id": "", "face": "agent", "mode": "paper", "wanted": "RUN", "status": "RUNNING"}
            times = {"started_ns": parts.clock.now_ns(), "ended_ns": 0, "updated_ns": 0}
            mine = {"run_id": f"run-{number}", "user_id": user.user_id, "slot": 0, "agent_version": 1, "message": ""}
            writing.run(RUN_OWNERS.insert().values(**row, **times, **mine))
    with socket.create_server(("127.0.0.1", 0), backlog=512) as sock:
        server = uvicorn.Server(server_config(create_app(parts), Behind()))
        threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True).start()
        print(json.dumps({"port": sock.getsockname()[1], "tokens": tokens}), flush=True)
        for _ in sys.stdin:
            print(time.process_time(), flush=True)
        server.should_exit = True


async def _view(port: int, token: str, counts: list[int]) -> None:
    from websockets.asyncio.client import connect

    async with connect(f"ws://127.0.0.1:{port}/ws/v1", compression=None, open_timeout=60) as client:
        await client.send(json.dumps({"type": "hello", "token": token}))
        topics = ["quotes", "positions", "equity", "orders", "fills", "activity", "halts", "runs", "alerts"]
        await client.send(json.dumps({"type": "subscribe", "topics": topics}))
        while True:
            await client.recv(decode=False)
            counts[0] += 1


def move(folder: str) -> None:
    """Say, as an engine would, that every symbol of every run moved, ten times a second."""
    from tidemill.runtime.loudspeaker import Loudspeaker

    speaker, count, began = Loudspeaker(Path(folder) / "engine.window"), 0, time.perf_counter()
    while True:
        count += 1
        bodies = []
        for number in range(PEOPLE):
            quotes = [[f"SYM{at}", f"{100 + count % 97 + at}.25", "", "", time.time_ns()] for at in range(SYMBOLS)]
            body = {"run": f"run-{number}", "q": quotes, "e": [[10**11 + count, 10**11, count, 0]]}
            bodies.append(body)
        speaker.say(json.dumps(bodies, separators=(",", ":")).encode())
        time.sleep(max(0.0, began + count / 10 - time.perf_counter()))


async def _watch(process: Any, seconds: float, repeats: int) -> list[dict[str, float]]:
    said = json.loads(await asyncio.to_thread(process.stdout.readline))
    counts, found = [0], []
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number in range(VIEWERS):
            tasks.append(group.create_task(_view(said["port"], said["tokens"][number % PEOPLE], counts)))
            await asyncio.sleep(0.01)
        await asyncio.sleep(3.0)
        for _ in range(repeats):
            before, frames, began = await _cpu(process), counts[0], time.perf_counter()
            await asyncio.sleep(seconds)
            used, took = await _cpu(process) - before, time.perf_counter() - began
            found.append({"cpu_pct": 100.0 * used / took, "frames_per_s": (counts[0] - frames) / took})
        for task in tasks:
            task.cancel()
    return found


async def _cpu(process: Any) -> float:
    process.stdin.write("\n")
    process.stdin.flush()
    return float(await asyncio.to_thread(process.stdout.readline))


def viewers(repeats: int = 5, seconds: float = 5.0) -> dict[str, Any]:
    """Return the share of a core the server takes for all viewers: median of some repeats, and each."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _SERVER, str(Path(__file__).resolve().parent), folder]
        environment = {**os.environ, "TIDEMILL_DATA_DIR": folder}
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
        moving = [*command[:2], _SERVER.replace("serve(", "move("), *command[3:]]
        with subprocess.Popen(command, **pipes) as process, subprocess.Popen(moving, env=environment) as mover:
            found = asyncio.run(_watch(process, seconds, repeats))
            process.kill()
            mover.kill()
    return {
        "viewers": VIEWERS,
        "people": PEOPLE,
        "cpu_pct": statistics.median(item["cpu_pct"] for item in found),
        "frames_per_s": statistics.median(item["frames_per_s"] for item in found),
        "repeats": found,
    }


if __name__ == "__main__":
    print(json.dumps(viewers(3, 4.0), indent=1))
