"""Where a webhook may go: to machines of the public internet, and to the very address that was looked at.

A name is looked up once; every address it has must be public; the connection goes to one of them and the name is not
looked up again. Otherwise a name could show a public address to the check and a private one to the connection.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

__all__ = ["Place", "Resolve", "is_public", "place_of", "resolve"]

Resolve = Callable[[str, int], Sequence[str]]
_PORTS = (443, 8443)
_LONGEST = 2_000
# Ranges of IPv6 that carry an IPv4 address or lead elsewhere: NAT64 (RFC 6052, 8215), 6to4 (RFC 3056), Teredo
# (RFC 4380), IPv4-compatible (RFC 4291 2.5.5.1), site-local (RFC 3879).
_DETOURS = tuple(
    IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10")
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook goes, taken apart.

    Args:
        host, port: to connect to. path: with its query. is_tls: whether the connection is encrypted.
    """

    host: str
    port: int
    path: str
    is_tls: bool

    @property
    def host_header(self) -> str:
        """Return the host as HTTP names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def place_of(url: str, *, may_loopback: bool = False) -> Place:
    """Return where an address leads.

    Args:
        may_loopback: also ``http`` to this machine, on any port: for those who try a receiver of their own.

    Raises:
        ValueError: it may not be called; the sentence says why.
    """
    if len(url) > _LONGEST or not url.isascii() or any(not "!" <= sign <= "~" for sign in url):
        raise ValueError("The address is too long or holds characters that addresses do not have.")
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("Write the address as https://name/path, without user, password or fragment.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if may_loopback and parts.scheme == "http" and _is_here(host):
        return Place(host, port or 80, path, is_tls=False)
    if parts.scheme != "https" or (port or 443) not in _PORTS:
        raise ValueError("Webhooks go to https on port 443 or 8443 only.")
    if _literal(host) is not None and not is_public(host):
        raise ValueError("That address is not of the public internet; webhooks do not go there.")
    return Place(host, port or 443, path, is_tls=True)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    found = _literal(host)
    return host == "localhost" or (found is not None and found.is_loopback)


def is_public(text: str) -> bool:
    """Tell whether an IP address belongs to the public internet, whatever it is wrapped in."""
    found = _literal(text.partition("%")[0])
    if found is None or "%" in text:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in detour for detour in _DETOURS):
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def resolve(host: str, port: int) -> Sequence[str]:
    """Return every address a name has. Raises OSError: none."""
    return [str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
