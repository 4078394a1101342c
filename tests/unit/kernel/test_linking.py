"""Helpers melt into every entry in their own way; none of these ways may be mistaken for the helper itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill.kernel.compile import JIT

# Compiled anew in one process: an entry and a step that use the MACD (and so its averages) unlike each other, then a
# function that takes the compiler's own way to the same helpers.
SOURCE = """
import numpy as np
from tidemill.authoring.registry import load_strategy
from tidemill.engine.bind import bind_step
from tidemill.kernel.compile import export
from tidemill.kernel.indicators.batch import run_batch
from tidemill.kernel.indicators.catalog import INDICATORS
from tidemill.kernel.indicators.macd import layout, macd
from tidemill.kernel.memory import record_at, store_float

LAYOUT = layout(1)

@export("void(int64, int64)")
def once(memory, out):
    store_float(out, 0, macd(record_at(memory, LAYOUT), 1.0))

bind_step(load_strategy("rule_based"), "compiled")
found = run_batch(INDICATORS["macd"], np.linspace(100.0, 120.0, 60))
print(round(float(found["line"][-1]), 9))
"""


@pytest.mark.skipif(not JIT, reason="nothing is linked without the compiler")
def test_a_helper_in_two_entries_is_still_itself_for_others(tmp_path: Path) -> None:
    script = tmp_path / "entries.py"
    script.write_text(SOURCE, encoding="utf-8")
    environment = {**os.environ, "TIDEMILL_CACHE": str(tmp_path / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)
    for _ in range(2):  # compiled, then from the cache
        ran = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, env=environment, check=False
        )
        assert ran.returncode == 0, ran.stderr
        assert float(ran.stdout) == 2.372881356
