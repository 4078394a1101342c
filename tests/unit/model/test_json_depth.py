"""The nesting of a JSON text is told from its bytes, and no text makes that slow."""

from __future__ import annotations

import json

import pytest

from tidemill.model import json_depth as module
from tidemill.model.json_depth import json_depth


class Counting:
    """Stands in for the pattern and counts what is looked at."""

    def __init__(self, pattern) -> None:
        self.pattern, self.looked_at = pattern, 0

    def finditer(self, raw):
        for token in self.pattern.finditer(raw):
            self.looked_at += 1
            yield token


@pytest.fixture
def counting(monkeypatch):
    pattern = Counting(module.TOKEN)
    monkeypatch.setattr(module, "TOKEN", pattern)
    return pattern


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("1", 0),
        ("[]", 1),
        ('{"a": [1, {"b": []}]}', 4),
        ("[[], [[]]]", 3),
        ('["[[[["]', 1),
        ('["\\"[[[["]', 1),
        ('{"[": "]"}', 1),
        ('["\\\\", [[]]]', 3),
        ('["open', 1),
        ('["\\', 1),
        ("]]]][[", 0),
    ],
)
def test_depth_counts_brackets_outside_strings(text, depth):
    assert json_depth(text.encode(), 100) == depth


def test_it_agrees_with_the_parser_on_whatever_the_parser_takes():
    document = {"a": [{"b": "}]"}, [['"\\']], {}], "ü": {"c": {"d": []}}}

    def depth(value):
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if below is None else 1 + max(map(depth, below), default=0)

    assert json_depth(json.dumps(document).encode(), 100) == depth(document)


@pytest.mark.parametrize("levels", [10_000, 1_000_000])
def test_a_text_that_is_too_deep_is_looked_at_no_further_than_the_limit(counting, levels):
    assert json_depth(b"[" * levels, 32) == 33
    assert counting.looked_at == 33


def test_a_long_string_and_one_without_an_end_are_one_token_each(counting):
    assert json_depth(b'["' + b'\\"[' * 100_000 + b'"]', 32) == 1
    assert counting.looked_at == 3
    counting.looked_at = 0
    assert json_depth(b'["' + b'\\"[' * 100_000 + b"\\", 32) == 1
    assert counting.looked_at == 2
