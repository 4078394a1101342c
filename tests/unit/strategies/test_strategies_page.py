from __future__ import annotations

import re
from pathlib import Path

import pytest

from tidemill.authoring.indicators import DECLARATIONS
from tidemill.authoring.registry import installed_strategies, load_strategy
from tidemill.authoring.strategy import spec_of
from tidemill.testing.samples import daily_bars
from tidemill.testing.strategies import run_strategy

PAGE = (Path(__file__).resolve().parents[3] / "docs/concepts/strategies.md").read_text(encoding="utf-8")
OURS = {name: item for name, item in installed_strategies().items() if item.__module__.startswith("tidemill.")}


@pytest.mark.parametrize("name", OURS)
def test_the_page_tells_every_parameter_with_default_bounds_and_meaning(name):
    section = re.search(rf"^### {name}\n(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    told = [line for line in section[1].splitlines() if line.startswith("| `")]
    expected = []
    for key, param in spec_of(OURS[name]).params.items():
        options = ", ".join(param.options)
        if not param.is_number:
            expected.append(f"| `{key}` | an example | a condition tree | {param.unit} | {param.doc} |")
            continue
        default = param.options[int(param.default)] if options else f"{param.default:g}"
        bounds = options or f"{param.low:g} to {param.high:g}"
        expected.append(f"| `{key}` | {default} | {bounds} |{f' {param.unit} ' if param.unit else ' '}| {param.doc} |")
    assert told == expected


def test_the_page_tells_every_indicator_with_its_defaults():
    for declaration in DECLARATIONS.values():
        given = ", ".join(f"{key}={value}" for key, value in declaration.indicator.params.items())
        assert f"| `{declaration.__name__}({given})` |" in PAGE


def test_the_example_of_the_page_runs(tmp_path):
    block = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    path = tmp_path / "golden_cross.py"
    path.write_text(block[1], encoding="utf-8")
    engine = run_strategy(load_strategy(str(path)), daily_bars(), form="compiled")
    assert len(engine.tape.rows("fills")) > 4
