"""A small true server of Tidemill's stream format on the loopback, which misbehaves when told to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

__all__ = ["StreamServer", "stream_server"]

Play = Callable[["StreamServer", ServerConnection], Awaitable[None]]


@dataclass
class StreamServer:
    """What the server heard, and how it is reached."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    async def hear(self, socket: ServerConnection) -> dict[str, Any]:
        """Return the next question of the client, kept."""
        said: dict[str, Any] = json.loads(await socket.recv())
        self.heard.append(said)
        return said

    @staticmethod
    async def say(socket: ServerConnection, *messages: Any) -> None:
        """Say messages, each a text of its own; a str goes out as it is."""
        for message in messages:
            await socket.send(message if isinstance(message, str) else json.dumps(message))


@asynccontextmanager
async def stream_server(*plays: Play) -> AsyncIterator[StreamServer]:
    """Serve: the first connection meets the first play, and so on; the last one serves all that follow."""
    server = StreamServer()

    async def meet(socket: ServerConnection) -> None:
        play = plays[min(server.connections, len(plays) - 1)]
        server.connections += 1
        try:
            await server.hear(socket)
            await play(server, socket)
        except ConnectionClosed:
            return

    async with serve(meet, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.url = f"ws://127.0.0.1:{port}/stream"
        yield server
