"""How deep a JSON text is nested, told from its bytes: what is too deep is refused before anything parses it."""

from __future__ import annotations

import re

__all__ = ["TOKEN", "json_depth"]

# Whole strings are stepped over; one without an end reaches to the end of the text, where a parser will complain.
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_OPENS = (b"[", b"{")


def json_depth(raw: bytes, limit: int) -> int:
    """Return the greatest nesting of a JSON text; as soon as that is beyond ``limit``, return ``limit + 1``.

    A parser that calls itself for each level fails on a text of many levels. This one looks at brackets only and stops
    at the first that is too deep, so that a text of any length costs at most one walk over it.

    Args:
        raw: the text, not necessarily valid JSON.
        limit: levels of arrays and objects that are allowed.
    """
    depth = deepest = 0
    for token in TOKEN.finditer(raw):
        first = token[0][:1]
        if first in _OPENS:
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > limit:
                    return deepest
        elif first != b'"':
            depth -= 1
    return deepest
