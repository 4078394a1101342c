"""Order ids that are derived, never drawn: the same decision has the same id, before and after any crash."""

from __future__ import annotations

import base64
import hashlib

__all__ = ["PREFIX", "client_id"]

PREFIX = "TM"
_DIGITS = 18  # 90 bits: 20 characters in all fit the shortest id field of the four brokers (TradeStation, 22)


def client_id(account: str, run_id: str, seq: int, leg: int, attempt: int = 0) -> str:
    """Return the id of one request to trade.

    Args:
        account: broker account.
        run_id: the run that decided.
        seq: tape row of the event that led to it.
        leg: how many orders the same event led to before it.
        attempt: rises only after an earlier attempt is proven absent or rejected.
    """
    text = f"{account}|{run_id}|{seq}|{leg}|{attempt}".encode()
    digest = hashlib.blake2b(text, digest_size=12).digest()
    return PREFIX + base64.b32encode(digest).decode()[:_DIGITS]
