"""Webhooks: one signed POST to the address that was checked, no redirects, three seconds, the answer's body unread."""

from __future__ import annotations

import hashlib
import hmac
import select
import socket
import ssl
import time
from collections.abc import Callable

from tidemill import __version__
from tidemill.adapters.channels.addresses import Place, Resolve, is_public, place_of, resolve
from tidemill.ports.channel import Letter, Outcome

__all__ = ["WebhookChannel", "signature"]

_PATIENCE_S = 3.0
_HEAD = 4_096  # bytes of an answer that are looked at: its first line
_GONE = 410
_Public = Callable[[str], bool]


def signature(secret: str, at_s: int, body: str) -> str:
    """Return what proves that a body is ours and when it was sent: HMAC-SHA256 over ``timestamp.body``, hex."""
    return hmac.new(secret.encode(), f"{at_s}.{body}".encode(), hashlib.sha256).hexdigest()


class WebhookChannel:
    """Calls webhooks.

    Args:
        may_loopback: also http to this machine. look_up: finds the addresses of a name. is_allowed: tells which of
            them may be called. context: of TLS. patience_s: for everything from connecting to the first line.
    """

    name = "webhook"

    def __init__(
        self,
        *,
        may_loopback: bool = False,
        look_up: Resolve = resolve,
        is_allowed: _Public = is_public,
        context: ssl.SSLContext | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._may_loopback, self._look_up, self._is_allowed = may_loopback, look_up, is_allowed
        self._context, self._patience_s = context or ssl.create_default_context(), patience_s

    def check(self, address: str) -> str:
        """Return what is wrong with an address, in one sentence; empty when it may be tried."""
        try:
            place_of(address, may_loopback=self._may_loopback)
        except ValueError as error:
            return str(error)
        return ""

    def send(self, letter: Letter) -> Outcome:
        """Call once."""
        try:
            place = place_of(letter.address, may_loopback=self._may_loopback)
            addresses = self._look_up(place.host, place.port)
        except ValueError as error:
            return Outcome(is_done=False, error=str(error), is_final=True)
        except OSError:
            return Outcome(is_done=False, error="The name has no address.")
        if place.is_tls and not (addresses and all(self._is_allowed(item) for item in addresses)):
            return Outcome(is_done=False, error="The name leads to an address that is not public.", is_final=True)
        return self._try(place, addresses[0], letter)

    def _try(self, place: Place, address: str, letter: Letter) -> Outcome:
        try:
            code = self._call(place, address, letter)
        except TimeoutError:
            return Outcome(is_done=False, error=f"No answer within {self._patience_s:g} s.")
        except ssl.SSLError as error:
            return Outcome(is_done=False, error=f"TLS failed ({error.reason}).")
        except (OSError, ValueError):
            return Outcome(is_done=False, error="The connection failed, or the answer is not HTTP.")
        return _outcome(code)

    def _call(self, place: Place, address: str, letter: Letter) -> int:
        """Connect to one address, send, and return the status."""
        end = time.monotonic() + self._patience_s
        plain = socket.create_connection((address, place.port), timeout=self._patience_s)
        if not place.is_tls:
            with plain:
                return _ask(plain, place, letter, end)
        with self._wrapped(plain, place) as sock:
            _shake_hands(sock, end)
            return _ask(sock, place, letter, end)

    def _wrapped(self, plain: socket.socket, place: Place) -> ssl.SSLSocket:
        try:
            return self._context.wrap_socket(plain, server_hostname=place.host, do_handshake_on_connect=False)
        except (ssl.SSLError, ValueError):
            plain.close()
            raise


def _shake_hands(sock: ssl.SSLSocket, end: float) -> None:
    """Shake hands within the time that is left in all, not for each word of it."""
    sock.setblocking(False)
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            select.select([sock], [], [], _left(end))
        except ssl.SSLWantWriteError:
            select.select([], [sock], [], _left(end))
        else:
            return


def _ask(sock: socket.socket, place: Place, letter: Letter, end: float) -> int:
    sock.settimeout(_left(end))
    sock.sendall(_request(place, letter))
    return _status(sock, end)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0.0:
        raise TimeoutError
    return left


def _request(place: Place, letter: Letter) -> bytes:
    body = letter.body.encode()
    head = [
        f"POST {place.path} HTTP/1.1",
        f"Host: {place.host_header}",
        f"User-Agent: Tidemill/{__version__}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        f"X-Tidemill-Event: {letter.event}",
        f"X-Tidemill-Delivery: {letter.number}",
        f"X-Tidemill-Timestamp: {letter.at_s}",
        f"X-Tidemill-Signature: sha256={signature(letter.secret, letter.at_s, letter.body)}",
    ]
    return "\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body


def _status(sock: socket.socket, end: float) -> int:
    """Return the status of an answer; nothing after its first line is read. Raises ValueError: it is not HTTP."""
    found = b""
    while b"\n" not in found and len(found) < _HEAD:
        sock.settimeout(_left(end))
        part = sock.recv(_HEAD)
        if not part:
            break
        found += part
    version, code = found.split(b"\n", 1)[0].split(None, 2)[:2]
    if not version.startswith(b"HTTP/1.") or len(code) != 3:
        raise ValueError
    return int(code)


def _outcome(code: int) -> Outcome:
    if 200 <= code < 300:
        return Outcome(is_done=True, code=code)
    if 300 <= code < 400:
        return Outcome(is_done=False, code=code, error="It redirects; give the address it leads to.", is_final=True)
    return Outcome(is_done=False, code=code, error=f"It answered {code}.", is_final=code == _GONE)
