"""One engine: the compiled loop, the live face fed one by one, plain Python and JIT off agree byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity.cases import Case, digest, random_cases, real_cases
from tidemill.engine.engine import Engine

CASES = random_cases()
SHORT = 400


def difference(first: Engine, second: Engine) -> str:
    """Name the first table and row in which two finished engines differ, for a readable failure."""
    for name in first.tape.tables:
        rows, others = first.tape.rows(name), second.tape.rows(name)
        if rows.tobytes() != others.tobytes():
            for number, (row, other) in enumerate(zip(rows, others, strict=False)):
                if row.tobytes() != other.tobytes():
                    return f"{name}[{number}]: {row} != {other}"
            return f"{name}: {len(rows)} != {len(others)} rows"
    for name, table in first.state.tables.items():
        for field in table.dtype.names or ():
            if table[field].tobytes() != second.state.tables[name][field].tobytes():
                return f"state {name}.{field}: {table[field]} != {second.state.tables[name][field]}"
    return "" if first.fingerprint() == second.fingerprint() else "state header"


def check(case: Case) -> Engine:
    loop = case.finish()
    stepped = case.finish(one_by_one=True)
    assert digest(loop) == digest(stepped), difference(loop, stepped)
    return loop


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_loop_equals_one_by_one_on_random_streams(case: Case) -> None:
    engine = check(case)
    assert len(engine.tape.rows("fills")) > 0, "a run without fills proves nothing"
    assert int(engine.state.header["quarantined"][0]) == 0
    assert int(engine.state.header["late_fills"][0]) == 0


@pytest.mark.parametrize("count", [300, 301, 400])
def test_streams_that_end_while_they_sleep_leave_the_same_clock(count: int) -> None:
    for case in random_cases(count):
        check(case)


def test_the_loop_equals_one_by_one_on_real_files(shared_data: Path) -> None:
    for case in real_cases(shared_data):
        engine = check(case)
        assert len(engine.tape.rows("fills")) > 0, case.name


@pytest.mark.parametrize("case", random_cases(1_200), ids=lambda case: case.name)
def test_the_same_source_interpreted_gives_the_same_bytes(case: Case) -> None:
    compiled, plain = case.finish(), case.finish("interpreted")
    assert plain.steps[0].form == "interpreted"
    assert digest(compiled) == digest(plain), difference(compiled, plain)


def test_the_core_without_its_compiler_gives_the_same_bytes() -> None:
    compiled = "".join(f"{case.name}\t{digest(case.finish())}\n" for case in random_cases(SHORT))
    folder = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(folder)}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "parity.cases", str(SHORT)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        cwd=folder,
    )
    assert run.stdout == compiled


def test_twice_the_same_run_gives_the_same_bytes() -> None:
    assert digest(CASES[2].finish()) == digest(CASES[2].finish())
