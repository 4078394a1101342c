"""JSON as RFC 8259 has it, told from the bytes: what a parser would let through and a database or an answer would not.

Python's parser takes NaN, numbers beyond every float, halves of characters and the null character. None of them can be
stored and told again everywhere, so they stop here.
"""

from __future__ import annotations

import re

from tidemill.model.json_depth import json_depth
from tidemill.web.errors import ApiError

__all__ = ["refuse_odd_json"]

_DEEPEST = 32
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_WORD = re.compile(rb"NaN|Infinity")
# Whatever looks like a number of at least five characters ("1e309" is the shortest that is endless), whole: no other
# match begins within it, so a megabyte of digits is walked over once.
_NUMBER = re.compile(rb"[-0-9][-+.0-9eE]{4,}+")


def refuse_odd_json(body: bytes) -> None:
    """Refuse a text that is nested too deep or holds what cannot be told again.

    Raises:
        ApiError: 422; the sentence says which it is.
    """
    if json_depth(body, _DEEPEST) > _DEEPEST:
        raise ApiError(422, "too_deep", f"The body is nested deeper than {_DEEPEST} levels.", field="body")
    if b"\x00" in body or (b"\\u" in body and _has_half_characters(body)):
        raise _odd("characters that cannot be stored (null, or half of a surrogate pair)")
    if _WORD.search(body) or _NUMBER.search(body):
        outside = _STRING.sub(b'""', body)
        if _WORD.search(outside) or any(_is_endless(found[0]) for found in _NUMBER.finditer(outside)):
            raise _odd("numbers that are not finite")


def _odd(what: str) -> ApiError:
    return ApiError(422, "odd_json", f"The body holds {what}.", field="body")


def _has_half_characters(body: bytes) -> bool:
    """Tell whether an escaped character is null, or a surrogate without its other half right behind it."""
    waits_at = -1
    for found in _ESCAPE.finditer(body):
        code = int(found[1], 16) if found[1] else -1
        is_second = 0xDC00 <= code < 0xE000
        if code == 0 or is_second != (waits_at == found.start()) or (waits_at >= 0 and not is_second):
            return True
        waits_at = found.end() if 0xD800 <= code < 0xDC00 else -1
    return waits_at >= 0


def _is_endless(number: bytes) -> bool:
    try:
        return abs(float(number)) == float("inf")
    except ValueError:
        return False  # no number at all: the parser says so
