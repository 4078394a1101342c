"""Real connections: WebSockets that carry text. Nothing else in the package opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidemill.model.errors import ConfigError, LinkDown, NotAuthorised

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["SocketNet", "SocketWire"]

_LONGEST_TEXT = 4 * 1024 * 1024  # bytes; what is longer is no market message
_DENIED = (401, 403)  # RFC 9110, sections 15.5.2 and 15.5.4


class SocketWire:
    """One open WebSocket.

    Args:
        socket: of the library.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        """Send one message; raises LinkDown when the connection is gone."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(text)
        except (ConnectionClosed, OSError) as error:
            raise LinkDown(f"The connection broke while sending ({error}).") from None

    async def receive(self) -> str:
        """Return the next message as text; bytes that are no UTF-8 come with replacement characters.

        Raises:
            LinkDown: the connection is gone.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            heard = await self._socket.recv(decode=False)
        except (ConnectionClosed, OSError) as error:
            raise LinkDown(f"The connection broke ({error}).") from None
        return heard.decode("utf-8", "replace")

    async def close(self) -> None:
        """Let go of the connection; a peer that does not answer is not waited for."""
        self._socket.transport.abort()


class SocketNet:
    """Opens WebSockets, ``ws://`` and ``wss://`` (with the system's certificates)."""

    async def connect(self, url: str) -> SocketWire:
        """Return an open connection.

        Raises:
            LinkDown: nobody answers, or something that is no WebSocket. NotAuthorised: the server wants other
                credentials. ConfigError: the address is none.
        """
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

        try:
            socket = await connect(url, max_size=_LONGEST_TEXT, ping_interval=None, open_timeout=None)
        except InvalidURI:
            raise ConfigError(f"{url} is no address of a stream; write ws://host:port/path, or wss://.") from None
        except InvalidStatus as error:
            code = error.response.status_code
            if code in _DENIED:
                raise NotAuthorised(f"{url} answers {code}: these credentials do not allow this stream.") from None
            raise LinkDown(f"{url} answers {code}.") from None
        except (OSError, InvalidHandshake, EOFError) as error:
            raise LinkDown(f"{url} does not answer ({error}).") from None
        return SocketWire(socket)
