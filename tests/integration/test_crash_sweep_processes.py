"""The crash sweep with real processes, real files and real deaths: fewer points, nothing simulated but the broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STEP = 9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_processes_that_end_without_a_word_lose_and_double_nothing(tmp_path: Path) -> None:
    program = Path(__file__).with_name("dying_processes.py")
    words = [sys.executable, str(program), str(tmp_path), "3", str(STEP)]
    paths = os.pathsep.join([str(program.parents[1]), *sys.path])
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    deaths = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(deaths) >= 10
    assert [death for death in deaths if death[2]] == []
    assert len({name for _, name, _ in deaths}) >= 5
