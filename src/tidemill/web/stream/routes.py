"""``/ws/v1``: signing in, asking for topics, and the two directions of one connection."""

from __future__ import annotations

import asyncio
from collections import deque

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from tidemill.model.errors import TidemillError
from tidemill.model.people import Principal
from tidemill.services.refusals import Refused
from tidemill.services.stream.book import frame
from tidemill.services.stream.watcher import Asked, Ending, Watcher
from tidemill.web.parts import parts_of
from tidemill.web.stream.messages import HELLO, SAID, Subscribe, TokenMessage

__all__ = ["PATH", "mount_stream", "stream"]

PATH = "/ws/v1"
_PROTOCOL = "tidemill.v1"
_BEARER = "bearer."  # a browser cannot send headers with a WebSocket; a protocol's name it can
_PATIENCE_S = 5.0  # for the first message, and for the other end to take the last one
_MOST, _WINDOW_S = 20, 10.0  # messages of a client within so many seconds
_NOT_SIGNED_IN, _TOO_MANY, _BAD, _BUSY = 4401, 4429, 1008, 1013


def mount_stream(app: FastAPI) -> None:
    """Mount the stream under its path."""
    app.add_api_websocket_route(PATH, stream)


async def stream(socket: WebSocket) -> None:
    """Serve one connection from handshake to close."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=_PROTOCOL if _PROTOCOL in offered else None)
    try:
        ending = await _serve(socket, offered)
    except WebSocketDisconnect:
        return
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await socket.close(ending.code, ending.reason)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        return  # it is gone already, or takes nothing: the server lets go of it


async def _serve(socket: WebSocket, offered: list[str]) -> Ending:
    token = next((item[len(_BEARER) :] for item in offered if item.startswith(_BEARER)), "")
    try:
        token = token or await _first_word(socket)
        principal = await _principal(socket, token)
    except TimeoutError:
        return Ending(_NOT_SIGNED_IN, "not_signed_in")
    except (ValidationError, KeyError):
        return Ending(_NOT_SIGNED_IN, "say_hello_first")
    except Refused as refused:
        return Ending(_NOT_SIGNED_IN, refused.code)
    except TidemillError:
        return Ending(_BUSY, "store_unavailable")
    hub, watcher = parts_of(socket).telling.hub, Watcher(principal, token, parts_of(socket).access.principal_of)
    if not hub.enter(watcher):
        return Ending(_TOO_MANY, "too_many_connections")
    try:
        return await _both_ways(socket, watcher)
    finally:
        hub.leave(watcher)


async def _first_word(socket: WebSocket) -> str:
    async with asyncio.timeout(_PATIENCE_S):
        return HELLO.validate_json(await socket.receive_text()).token


async def _principal(socket: WebSocket, token: str) -> Principal:
    return await run_in_threadpool(parts_of(socket).access.principal_of, token)


async def _both_ways(socket: WebSocket, watcher: Watcher) -> Ending:
    """Send and listen until one of the two ends."""
    listening = asyncio.create_task(_listen(socket, watcher))
    sending = asyncio.create_task(watcher.serve(socket.send_text))
    try:
        done, _ = await asyncio.wait((listening, sending), return_when=asyncio.FIRST_COMPLETED)
        return (sending if sending in done else listening).result()
    finally:
        for task in (listening, sending):
            task.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)


async def _listen(socket: WebSocket, watcher: Watcher) -> Ending:
    """Take what the client says until it says something wrong, too much, or goodbye."""
    times: deque[float] = deque(maxlen=_MOST)
    while True:
        message = await socket.receive_text()
        now = asyncio.get_running_loop().time()
        if len(times) == _MOST and now - times[0] < _WINDOW_S:
            return Ending(_BAD, "too_often")
        times.append(now)
        try:
            said = SAID.validate_json(message)
        except ValidationError:
            return Ending(_BAD, "bad_message")
        if isinstance(said, TokenMessage):
            if not await _renew(socket, watcher, said.token):
                return Ending(_NOT_SIGNED_IN, "bad_token")
        elif isinstance(said, Subscribe):
            _subscribe(socket, watcher, said)
        else:
            watcher.asked = watcher.wish = None


async def _renew(socket: WebSocket, watcher: Watcher, token: str) -> bool:
    """Take a newer token; False: it is not good, or somebody else's."""
    try:
        principal = await _principal(socket, token)
    except TidemillError:
        return False
    if principal.user_id != watcher.user_id:
        return False
    watcher.principal, watcher.token = principal, token
    return True


def _subscribe(socket: WebSocket, watcher: Watcher, said: Subscribe) -> None:
    topics = frozenset(said.topics)
    if not watcher.may(topics):
        message = "The audit log is for admins; ask for other topics."
        watcher.event(frame("error", code="not_allowed", message=message))
        return
    is_ours = said.resume is not None and said.resume.server_id == parts_of(socket).telling.hub.terms.server_id
    seq = said.resume.seq if said.resume is not None and is_ours else -1
    watcher.wish = (Asked(watcher.user_id, topics, frozenset(said.runs)), seq)
