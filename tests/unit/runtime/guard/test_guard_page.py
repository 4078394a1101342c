"""The page of the guard tells of every rule what the code says, and names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tidemill.runtime.guard.chain import EXIT_RULES, RULES
from tidemill.runtime.guard.tolerances import Tolerances

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs/concepts/guard.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (\w+) \| (.+?) \| `(\w+)` \|$", PAGE, re.MULTILINE)
FOLDER = Path(__file__).parent


def test_every_rule_stands_on_the_page_in_the_order_it_is_asked() -> None:
    every = [rule.name for rule in EXIT_RULES]
    assert [row[0] for row in ROWS] == every + [rule.name for rule in RULES if rule not in EXIT_RULES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_what_the_code_says(row: tuple[str, ...]) -> None:
    name, looks_at, default, severity, reset, test = row
    rule = next(rule for rule in RULES if rule.name == name)
    assert (looks_at, severity, reset) == (rule.looks_at, rule.severity.value, rule.reset.value)
    assert all(f"`{limit}`" in default for limit in rule.limits)
    for limit in set(rule.limits) & set(Tolerances.__slots__):
        value = getattr(Tolerances(), limit)
        assert f"`{limit}` {'on' if value is True else f'{value:,}'}" in default
    assert any(f"def {test}(" in path.read_text(encoding="utf-8") for path in FOLDER.glob("test_*.py"))
