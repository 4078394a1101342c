"""One source, two ways to run it: compiled and as plain Python give the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from every_output import output_bytes

from tidemill.kernel.compile import JIT


def test_interpreted_indicators_give_the_bytes_of_compiled_ones() -> None:
    script = Path(__file__).with_name("every_output.py")
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1" if JIT else "0"}
    answer = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    mode, *lines = answer.stdout.splitlines()
    assert mode == f"JIT {not JIT}"
    other = dict(line.split("\t") for line in lines)
    here = output_bytes()
    assert set(other) == set(here)
    assert [key for key in here if here[key] != other[key]] == []
