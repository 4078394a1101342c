from __future__ import annotations

import pytest

from tidemill.authoring.registry import load_strategy
from tidemill.engine.bind import bind_step
from tidemill.kernel.compile import JIT
from tidemill.model.errors import StrategyError
from tidemill.testing.samples import path_bars
from tidemill.testing.strategies import run_strategy

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is compiled with the JIT off")

HEAD = """\
import json

from tidemill import SMA, Memory, Strategy, buy, sma


def helper(price):
    return price + nothing


class Mine(Strategy):
    average = SMA(window=3)
    peak = Memory(0.0)

    def step(me, bar, order):
"""
FIRST = HEAD.count("\n") + 1  # line of the step's first statement

MISTAKES = {
    "an undefined name": (
        "if bar.close > treshold:\n            buy(order)",
        r"'treshold' is not defined \(mine.py, line {n}: if",
    ),
    "a wrong field of the bar": (
        "x = sma(me.average, bar.clos)",
        r"bar has no field 'clos'; did you mean close\? \(mine.py, line {n}:",
    ),
    "a wrong field of the ticket": (
        "if order.hold == 0:\n            buy(order)",
        r"order has no field 'hold'; did you mean held\?",
    ),
    "a wrong field of the memory": (
        "x = sma(me.avrage, bar.close)",
        r"me has no field 'avrage'; did you mean average\?",
    ),
    "a wrong field of an indicator": ("x = me.average.vlaue", r"me.average has no field 'vlaue'; did you mean value\?"),
    "an undeclared memory": (
        "me.counter = 1",
        r"declare it in the class body, for example counter = Memory\(0.0\) \(mine.py, line {n}",
    ),
    "a missing indicator argument": (
        "x = sma(me.average)",
        r"sma: missing a required argument: 'price'; it takes \(memory, price\) \(mine.py, line {n}",
    ),
    "indicator arguments swapped": (
        "x = sma(bar.close, me.average)",
        r"sma\(…\) is called with arguments it cannot take .*line {n}",
    ),
    "an unknown keyword": (
        "buy(order, stoploss=bar.low)",
        r"buy: got an unexpected keyword argument 'stoploss'; it takes \(order, quantity.*line {n}",
    ),
    "a text in a number": ('me.peak = "high"', r"Cannot cast .*\(mine.py, line {n}: me.peak"),
    "a dictionary of two kinds": ('d = {{"a": 1.0}}\n        d[1] = 2.0', r"the compiler knows no setitem.*line {m}"),
    "a list of two kinds": ('l = [1.0]\n        l.append("a")', r"\(mine.py, line {m}: l.append"),
    "a library call": (
        "x = json.dumps(bar.close)",
        r"Unknown attribute 'dumps' of type module json \(mine.py, line {n}",
    ),
    "an import in the step": (
        "import math",
        r"an import inside the step; move it to the top of the file \(mine.py, line {n}",
    ),
    "two kinds for one name": ('x = 1.0 if bar.close > 1 else "a"\n        y = x', r"Cannot unify .*mine.py, line"),
    "a mistake in a helper": (
        "x = helper(bar.close)",
        r"'nothing' is not defined \(mine.py, line 7: return price \+ nothing\)",
    ),
}


def spec_with(folder, body):
    path = folder / "mine.py"
    path.write_text(HEAD + "        " + body + "\n", encoding="utf-8")
    return load_strategy(str(path))


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaTypeSafetyWarning")  # goes before the error
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_reason_and_the_users_own_line(tmp_path, mistake):
    body, expected = MISTAKES[mistake]
    spec = spec_with(tmp_path, body.replace("{{", "{").replace("}}", "}"))
    with pytest.raises(StrategyError) as caught:
        bind_step(spec, "compiled")
    message = str(caught.value)
    assert message.startswith("mine does not compile: ")
    assert "cache" not in message and "0x" not in message and "Record(" not in message
    import re

    assert re.search(expected.format(n=FIRST, m=FIRST + 1), message), message


def test_code_the_compiler_cannot_take_runs_as_ordinary_python_with_a_note(tmp_path):
    body = 'if float(json.loads("[2]")[0]) < bar.close and order.held == 0:\n            buy(order)'
    spec = spec_with(tmp_path, body)
    engine = run_strategy(spec, path_bars([1, 2, 3, 4, 5]))
    step = engine.steps[0]
    assert step.form == "callback"
    assert "module json" in step.note
    assert step.note.endswith("It runs as ordinary Python, which is slower.")
    assert list(engine.tape.rows("fills")["side"]) == [1]


def test_a_mistake_that_is_one_in_python_too_is_raised_with_its_line(tmp_path):
    spec = spec_with(tmp_path, "x = bar.clos")
    with pytest.raises(StrategyError, match=rf"AttributeError.*clos.*\(mine.py, line {FIRST}: x = bar.clos\)"):
        run_strategy(spec, path_bars([1, 2, 3]))


def test_a_strategy_that_says_so_is_not_compiled_and_gets_no_note(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD.replace("    average", "    compiled = False\n    average") + "        me.names = [1, 'a']\n")
    step = bind_step(load_strategy(str(path)))
    assert (step.form, step.note) == ("callback", "")


def test_helpers_of_the_same_file_work_in_every_form(tmp_path):
    path = tmp_path / "mine.py"
    text = HEAD.replace("    return price + nothing", "    return price > 2.0")
    text = text.replace("class Mine", "def act(order):\n    buy(order)\n\n\nclass Mine")
    path.write_text(
        text + "        if helper(bar.close) and order.held == 0:\n            act(order)\n", encoding="utf-8"
    )
    spec = load_strategy(str(path))
    runs = [run_strategy(spec, path_bars([1, 2, 3, 4]), form=form) for form in ("compiled", "interpreted", "callback")]
    assert len(runs[0].tape.rows("fills")) == 1
    assert len({run.tape.content() for run in runs}) == 1


@pytest.mark.parametrize("body", ["raise ValueError('boom')", "assert bar.close > 0.0, 'no price'"])
def test_a_step_that_may_raise_runs_as_ordinary_python_with_a_note(tmp_path, body):
    path = tmp_path / "mine.py"
    path.write_text(f"{HEAD}        if bar.close > 0.0:\n            pass\n        {body}\n", encoding="utf-8")
    spec = load_strategy(str(path))
    step = bind_step(spec)
    assert step.form == "callback"
    assert f"cannot raise or assert (mine.py, line {FIRST + 2})" in step.note
    assert step.note.endswith("It runs as ordinary Python, which is slower.")
    with pytest.raises(StrategyError, match=rf"cannot raise .*\(mine.py, line {FIRST + 2}\)"):
        bind_step(spec, "compiled")


def test_what_an_ordinary_step_raises_ends_the_run_with_its_line(tmp_path):
    spec = spec_with(tmp_path, "assert bar.close < 2.5, 'too dear'")
    with pytest.raises(StrategyError, match=rf"too dear.*mine.py, line {FIRST}"):
        run_strategy(spec, path_bars([1, 2, 3]))


def test_a_helper_that_raises_is_found_too(tmp_path):
    path = tmp_path / "mine.py"
    text = HEAD.replace("return price + nothing", "raise ValueError(price)") + "        x = helper(bar.close)\n"
    path.write_text(text, encoding="utf-8")
    assert "mine.py, line 7" in bind_step(load_strategy(str(path))).note
