"""The page of measurements tells of every figure that ``make bench`` judges, with its bounds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def targets() -> dict[str, tuple[float, float]]:
    # read, not imported: the module brings the whole engine with it
    tree = ast.parse((ROOT / "bench" / "run.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TARGETS":
            return ast.literal_eval(node.value)
    raise AssertionError("bench/run.py has no TARGETS")


@pytest.mark.parametrize("key", targets())
def test_the_page_tells_of_a_figure(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("name", ["ours", "peers"])
def test_a_measured_block_can_be_written_anew(name: str) -> None:
    assert len(re.findall(rf"<!-- {name} -->.*?<!-- /{name} -->", PAGE, re.DOTALL)) == 1


def test_every_command_on_the_page_exists() -> None:
    named = set(re.findall(r"`(?:python )?(bench/[\w./]+)`", PAGE))
    assert named and [path for path in named if not (ROOT / path).exists()] == []
