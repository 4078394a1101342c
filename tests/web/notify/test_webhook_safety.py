"""Where webhooks go and where they never do; real TLS on this machine through a resolver of the test's own."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from patience import stretch
from tidemill.adapters.channels.addresses import is_public, place_of
from tidemill.adapters.channels.webhook import WebhookChannel
from tidemill.ports.channel import Letter, Outcome

HOST = "hooks.example.com"
SECRET = "whsec_canary_of_this_test"  # noqa: S105 - of one test


def letter(url: str, body: str = '{"id":"1"}') -> Letter:
    return Letter(7, "bot.started", "Title", "Text", body, 1_700_000_000, url, SECRET)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "fe80::1",
        "fc00::1", "fd12::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::",
        "2001:0:1::1", "::7f00:1", "fec0::1", "2001:db8::1", "fe80::1%eth0", "", "nonsense",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "https://example.com:22/", "https://127.0.0.1/", "https://[::1]/", "ftp://example.com/",
        "https://user@example.com/", "https://example.com/#part", "https:///path", "https://exa mple.com/", "nonsense",
        "https://example.com/\r\nX: y", "https://example.com:99999/", "https://[::ffff:127.0.0.1]/", "https://[bad/",
        "http://localhost/", "https://münchen.de/",
    ],
)  # fmt: skip
def test_addresses_that_will_not_do_are_told(url: str) -> None:
    assert WebhookChannel().check(url)


def test_this_machine_is_called_only_when_it_is_allowed() -> None:
    assert place_of("http://localhost:9999/x", may_loopback=True).port == 9999
    assert WebhookChannel(may_loopback=True).check("http://192.168.1.1/")
    assert WebhookChannel(may_loopback=True).check("http://example.com/")
    assert not WebhookChannel().check("https://example.com:8443/hook?a=b")


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


Answer = Callable[[ssl.SSLSocket], None]


@dataclass
class Receiver:
    """A TLS server on this machine; ``answer`` says what it does with a request."""

    port: int
    context: ssl.SSLContext
    heard: list[bytes] = field(default_factory=list)
    answer: Answer = lambda sock: sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    looked_up: list[str] = field(default_factory=list)

    def channel(self, addresses: list[str] | None = None, patience_s: float = 3.0) -> WebhookChannel:
        """Return a channel that finds this server under its name, whatever port it asks for."""

        def look_up(host: str, port: int) -> list[str]:
            self.looked_up.append(host)
            return addresses or ["127.0.0.1"]

        return WebhookChannel(
            look_up=look_up, is_allowed=lambda item: item == "127.0.0.1", context=self.context, patience_s=patience_s
        )


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    public, private = certificate(tmp_path, HOST)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(public, private)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Receiver(listening.getsockname()[1], ssl.create_default_context(cafile=str(public)))
        monkeypatch.setattr("tidemill.adapters.channels.addresses._PORTS", (443, 8443, found.port))

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                try:
                    with serving.wrap_socket(plain, server_side=True) as sock:
                        sock.settimeout(5)
                        content = b""
                        while b"\r\n\r\n" not in content or not content.endswith(b"}"):
                            part = sock.recv(65_536)
                            if not part:
                                break
                            content += part
                        found.heard.append(content)
                        found.answer(sock)
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield found
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_a_call_is_signed_and_the_signature_can_be_verified_by_anybody(receiver: Receiver) -> None:
    body = '{"event":"bot.started","id":"run:1:started"}'
    outcome = receiver.channel().send(letter(f"https://{HOST}:{receiver.port}/hook?x=1", body))
    assert outcome == Outcome(is_done=True, code=204)
    head, _, sent = receiver.heard[0].partition(b"\r\n\r\n")
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert head.startswith(b"POST /hook?x=1 HTTP/1.1\r\n") and sent.decode() == body
    key, message = SECRET.encode(), lines[b"X-Tidemill-Timestamp"] + b"." + sent
    inner = hashlib.sha256(bytes(a ^ 0x36 for a in key.ljust(64, b"\0")) + message).digest()
    by_hand = hashlib.sha256(bytes(a ^ 0x5C for a in key.ljust(64, b"\0")) + inner).hexdigest()  # RFC 2104
    assert hmac.compare_digest(lines[b"X-Tidemill-Signature"].decode(), f"sha256={by_hand}")
    assert lines[b"X-Tidemill-Delivery"] == b"7" and SECRET.encode() not in receiver.heard[0]


def test_the_name_is_looked_up_once_and_every_address_counts(receiver: Receiver) -> None:
    url = f"https://{HOST}:{receiver.port}/"
    assert receiver.channel().send(letter(url)).is_done
    assert receiver.looked_up == [HOST]  # a name that changes its mind is never asked again
    mixed = receiver.channel(["127.0.0.1", "10.0.0.1"]).send(letter(url))
    assert not mixed.is_done and mixed.is_final and "not public" in mixed.error
    assert len(receiver.heard) == 1


def test_the_certificate_has_to_be_of_the_name(receiver: Receiver) -> None:
    outcome = receiver.channel().send(letter(f"https://other.example.com:{receiver.port}/"))
    assert not outcome.is_done and outcome.error.startswith("TLS failed") and receiver.heard == []


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answer = lambda sock: sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\n\r\n")
    outcome = receiver.channel().send(letter(f"https://{HOST}:{receiver.port}/"))
    assert (outcome.is_done, outcome.code, outcome.is_final) == (False, 302, True) and len(receiver.heard) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"", "not HTTP"), (b"SSH-2.0-x\r\n", "not HTTP"), (b"HTTP/1.1 500 No\r\n\r\n", "answered 500")],
)
def test_what_is_no_good_answer_is_told(receiver: Receiver, answer: bytes, error: str) -> None:
    receiver.answer = lambda sock: sock.sendall(answer)
    outcome = receiver.channel().send(letter(f"https://{HOST}:{receiver.port}/"))
    assert not outcome.is_done and error in outcome.error and not outcome.is_final


def test_a_giant_answer_is_not_read(receiver: Receiver) -> None:
    def giant(sock: ssl.SSLSocket) -> None:
        for _ in range(1_000):
            sock.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 65_536)

    receiver.answer = giant
    began = time.monotonic()
    assert receiver.channel().send(letter(f"https://{HOST}:{receiver.port}/")).is_done
    assert time.monotonic() - began < 2.0 * stretch()


def test_a_receiver_that_dribbles_has_three_seconds_in_all(receiver: Receiver) -> None:
    def dribble(sock: ssl.SSLSocket) -> None:
        for sign in b"HTTP/1.1 200 OK"[:12]:
            sock.sendall(bytes([sign]))
            threading.Event().wait(0.1)

    receiver.answer = dribble
    outcome = receiver.channel(patience_s=0.4).send(letter(f"https://{HOST}:{receiver.port}/"))
    assert not outcome.is_done and "No answer within 0.4 s" in outcome.error


def test_a_handshake_that_never_ends_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        channel = WebhookChannel(
            may_loopback=True, look_up=lambda _host, _port: ["127.0.0.1"], is_allowed=lambda _: True, patience_s=0.3
        )
        outcome = channel.send(letter(f"http://localhost:{silent.getsockname()[1]}/"))
    assert "No answer" in outcome.error


def test_an_address_of_the_network_is_not_an_address_of_a_literal() -> None:
    assert ipaddress.ip_address("64:ff9b::7f00:1").is_global  # why wrapped addresses have a list of their own
