"""The same on a real server and a real socket: slow callers, endless bodies, a thousand half requests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from installation import Service

from tidemill.bootstrap.api import Behind, server_config
from tidemill.bootstrap.protocol import PatientProtocol
from tidemill.web.gates.bodies import Bodies
from tidemill.web.gates.door import Door

PATIENCE_S = 0.4


class Hasty(PatientProtocol):
    head_s = PATIENCE_S


@dataclass
class Real:
    port: int

    def call(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        sock.settimeout(10)
        return sock

    def answer(self, *parts: bytes) -> bytes:
        """Return everything the server says before it hangs up, or the first answer."""
        with self.call() as sock:
            for part in parts:
                try:
                    sock.sendall(part)
                except (BrokenPipeError, ConnectionResetError):
                    break
            return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    found = b""
    try:
        while part := sock.recv(65_536):
            found += part
    except (ConnectionResetError, TimeoutError):
        pass
    return found


@pytest.fixture(scope="module")
def real(shared_service: Service) -> Iterator[Real]:
    gate = Bodies(shared_service.app, slowest_s=PATIENCE_S)
    config = server_config(Door(gate, shared_service.parts.ids), Behind(), Hasty)
    config.lifespan = "off"
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        yield Real(sock.getsockname()[1])
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


GET = b"GET /v1/auth/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
POST = b"POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_plain_request_is_answered_without_a_word_about_the_server(real: Real) -> None:
    answer = real.answer(GET)
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"uvicorn" not in answer.lower() and b"\r\nserver:" not in answer.lower()


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "])
def test_a_head_that_does_not_end_is_hung_up_on(real: Real, begun: bytes) -> None:
    with real.call() as sock:
        sock.sendall(begun)
        assert read_all(sock) == b""  # would take ten seconds and fail if nobody hung up


def test_the_second_request_on_a_connection_has_no_more_time(real: Real) -> None:
    with real.call() as sock:
        sock.sendall(GET.replace(b"Connection: close\r\n", b""))
        assert sock.recv(65_536).startswith(b"HTTP/1.1 401")
        sock.sendall(b"GET /v1/au")
        assert b"HTTP/1.1" not in read_all(sock)


def test_a_body_that_does_not_end_is_told_and_hung_up_on(real: Real) -> None:
    answer = real.answer(POST + b"Content-Length: 100\r\nConnection: close\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408") and b"too_slow" in answer


def test_a_head_that_is_too_long_is_refused(real: Real) -> None:
    answer = real.answer(b"GET / HTTP/1.1\r\nHost: localhost\r\n", *[b"X-A: " + b"a" * 1_000 + b"\r\n"] * 40)
    assert not answer or answer.startswith(b"HTTP/1.1 400")


def test_an_endless_body_is_cut(real: Real) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    answer = real.answer(POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", *[chunk] * 200)
    assert not answer or answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Content-Length: 2\r\nHost: evil.example\r\n\r\n{}",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
)
def test_heads_that_two_readers_would_read_differently_are_refused(real: Real, head: bytes) -> None:
    answer = real.answer(POST + b"Connection: close\r\n" + head)
    status = int(answer.split(b" ", 2)[1])
    assert 400 <= status < 500 or status == 501, answer


def test_two_hundred_slow_callers_leave_room_for_others(real: Real) -> None:
    slow = [real.call() for _ in range(200)]
    try:
        for sock in slow:
            sock.sendall(b"GET / HTTP/1.1\r\nX")
        assert real.answer(GET).startswith(b"HTTP/1.1 401")
        assert all(read_all(sock) == b"" for sock in slow)
    finally:
        for sock in slow:
            sock.close()
    assert real.answer(GET).startswith(b"HTTP/1.1 401")
