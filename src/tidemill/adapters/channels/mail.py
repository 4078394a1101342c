"""Mail through the server the installation names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from tidemill.ports.channel import Letter, Outcome

__all__ = ["MailChannel", "MailServer"]

_PATIENCE_S = 20.0
_REFUSED = range(500, 600)  # RFC 5321 4.2.1: another attempt ends the same


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over.

    Args:
        host, port: of the server; no host: there is no mail. sender: whom it comes from.
        security: ``tls`` from the first byte, ``starttls``, or ``none``. username, password: when it asks.
    """

    host: str
    port: int = 587
    sender: str = ""
    security: Literal["tls", "starttls", "none"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)


class MailChannel:
    """Sends mail.

    Args:
        server: through which.
    """

    name = "mail"

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def check(self, address: str) -> str:
        """Return what is wrong with an address, in one sentence; empty when it may be tried."""
        if not self._server.host:
            return "This installation has no mail server; set smtp_host."
        is_good = address.count("@") == 1 and address.isprintable() and not any(sign in address for sign in " ,;<>")
        return "" if is_good else "That is no mail address."

    def send(self, letter: Letter) -> Outcome:
        """Hand one mail over."""
        if wrong := self.check(letter.address):
            return Outcome(is_done=False, error=wrong, is_final=True)
        return asyncio.run(self._send(self._message(letter)))

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self._server.sender or "tidemill@localhost", letter.address
        message["Subject"] = "".join(sign for sign in f"[Tidemill] {letter.title}" if sign.isprintable())[:200]
        message["Message-ID"] = f"<delivery-{letter.number}@tidemill>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday note answers it
        message.set_content(letter.text)
        return message

    async def _send(self, message: EmailMessage) -> Outcome:
        try:
            import aiosmtplib  # noqa: PLC0415 - of the extra `notify`
        except ImportError:
            return Outcome(is_done=False, error="Mail needs pip install tidemill[notify].", is_final=True)
        server = self._server
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await aiosmtplib.send(
                    message,
                    hostname=server.host,
                    port=server.port,
                    username=server.username or None,
                    password=server.password or None,
                    use_tls=server.security == "tls",
                    start_tls=server.security == "starttls",
                    timeout=_PATIENCE_S,
                )
        except aiosmtplib.SMTPResponseException as error:
            return Outcome(False, error.code, f"The mail server answered {error.code}.", error.code in _REFUSED)
        except aiosmtplib.SMTPRecipientsRefused:
            return Outcome(is_done=False, error="The mail server does not take that address.", is_final=True)
        except (aiosmtplib.SMTPException, TimeoutError, OSError) as error:
            return Outcome(is_done=False, error=f"The mail server cannot be used ({type(error).__name__}).")
        return Outcome(is_done=True, code=250)
