"""What a caller takes for granted when a request can trade: mode and account, refused when they are others."""

from __future__ import annotations

from collections.abc import Sequence

from tidemill.services.refusals import Kind, Refused

__all__ = ["Expected", "check_expected"]


class Expected:
    """What a request takes for granted.

    Args:
        mode: paper or live, empty: not said, and then only paper is traded. account: empty: not said.
    """

    def __init__(self, mode: str | None = None, account: str | None = None) -> None:
        self.mode, self.account = (mode or "").lower(), account or ""


def check_expected(expected: Expected, mode: str, accounts: Sequence[str]) -> None:
    """Refuse a request that would trade otherwise than its sender believes.

    Args:
        mode: it would trade in. accounts: names of the account it would trade on; none: it has none yet.

    Raises:
        Refused: mode or account is another, or nothing was said and it is not paper.
    """
    if (expected.mode or "paper") != mode:
        sentence = f"This trades in the mode {mode}, and {expected.mode or 'paper'} was expected; nothing was done."
        raise Refused(Kind.CONFLICT, "wrong_mode", sentence, field="body.expected_mode", details={"mode": mode})
    if expected.account and expected.account not in accounts:
        own = accounts[0] if accounts else "none yet"
        sentence = f"This trades on the account {own}, and {expected.account[:80]} was expected; nothing was done."
        raise Refused(Kind.CONFLICT, "wrong_account", sentence, field="body.account", details={"account": own})
