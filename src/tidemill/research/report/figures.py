"""Numbers, dates and outside text as a reader sees them: signs, grouped thousands, dashes, shortened paths."""

from __future__ import annotations

import html
import math
import re
from typing import Any

__all__ = [
    "DASH",
    "cell",
    "count",
    "hidden_paths",
    "money",
    "percent",
    "plain",
    "ratio",
    "signed",
    "tone",
]

DASH = "—"
_MINUS = "−"
_HIDDEN = "set, not shown"
_SECRET = re.compile(r"secret|token|password|passwd|api_?key|private_?key|credential", re.IGNORECASE)
# A path from the root of a disk, a home folder or a network share: only its last name is anybody else's business.
_PATH = re.compile(
    r"(?<![\w:/.\\~])(?:file://)?(?:~?(?:/[\w.@+-]+){2,}/?|~/[\w.@+-]+|[A-Za-z]:[\\/](?:[\w.@+ -]+[\\/])*[\w.@+-]*"
    r"|\\\\(?:[\w.@+$-]+\\)+[\w.@+-]*)"
)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def count(value: float | None, decimals: int = 0) -> str:
    """Return a number with grouped thousands and a true minus, or a dash when there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{abs(value):,.{decimals}f}"
    return (_MINUS if value < 0 and float(text.replace(",", "")) != 0 else "") + text


def signed(value: float | None, decimals: int = 2) -> str:
    """Return a number that always carries its sign."""
    text = count(value, decimals)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.,") else text


def money(value: float | None) -> str:
    """Return an amount of money with its sign and two decimals."""
    return signed(value, 2)


def percent(value: float | None, decimals: int = 2) -> str:
    """Return a signed percentage."""
    text = signed(value, decimals)
    return text if text == DASH else f"{text} %"


def ratio(value: float | None) -> str:
    """Return a ratio with two decimals."""
    return count(value, 2)


def tone(value: float | None) -> str:
    """Return the style of a result: ``gain``, ``loss`` or nothing."""
    if value is None or _missing(value) or value == 0:
        return ""
    return "gain" if value > 0 else "loss"


def hidden_paths(text: str) -> str:
    """Return a text in which every path of a machine is cut to its last name."""

    def last_name(match: re.Match[str]) -> str:
        return re.split(r"[\\/]", match.group(0).rstrip("\\/"))[-1]

    return _PATH.sub(last_name, text)


def plain(name: str, value: Any) -> str:
    """Return a setting's value as text: nothing secret, no path of this machine, nested values flattened."""
    if _SECRET.search(name) and value not in (None, "", False):
        return _HIDDEN
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(name, item) for item in value) or DASH
    return hidden_paths(str(value))


def cell(text: str, style: str = "", *, head: bool = False) -> str:
    """Return one table cell; the text is escaped here."""
    mark = "th scope='row'" if head else "td"
    classed = f' class="{style}"' if style else ""
    return f"<{mark}{classed}>{html.escape(text)}</{mark[:2]}>"
