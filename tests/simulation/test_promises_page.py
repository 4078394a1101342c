"""The page of promises and faults has every number once, names tests that exist, and counts right."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from simulation.days import EVERY
from tidemill.testing.simulation.faults import PEOPLE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([A-Z]?\d+) \| (.+?) \| (proven|partly|open) \| (.+) \|$", re.MULTILINE)


def test_every_promise_and_every_fault_has_one_row() -> None:
    names = [row[0] for row in ROW.findall(PAGE)]
    assert len(names) == len(set(names))
    assert {str(number) for number in range(1, 39)} <= set(names)
    assert set(names) >= EVERY - PEOPLE


def test_what_proves_it_exists_and_what_is_open_says_why() -> None:
    for name, _, state, words in ROW.findall(PAGE):
        paths = re.findall(r"`((?:tests|bench)/[\w./-]+)`", words)
        assert [path for path in paths if not (ROOT / path).exists()] == [], name
        if name in EVERY and state == "proven":
            assert "tests/simulation" in words, name


def test_the_sums_are_right() -> None:
    rows = ROW.findall(PAGE)
    promises = Counter(state for name, _, state, _ in rows if name.isdigit())
    faults = Counter(state for name, _, state, _ in rows if not name.isdigit())
    told = f"Of 38 promises {promises['proven']} are proven, {promises['partly']} partly, {promises['open']} open"
    assert told in PAGE
    assert f"of {sum(faults.values())} faults {faults['proven']} are proven, {faults['partly']} partly" in PAGE
