from __future__ import annotations

import subprocess
import sys

import pytest

from tidemill.authoring import registry
from tidemill.authoring.registry import find_strategy, installed_strategies, load_strategy
from tidemill.model.errors import PluginError, StrategyError, UnknownName
from tidemill.strategies.breakout import Breakout

GOOD = '''
from tidemill import Strategy, buy

class _Base(Strategy):
    def step(me, order):
        buy(order)

class First(_Base):
    """First."""
'''


def write(folder, text, name="mine.py"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_shipped_strategies_are_found_by_name():
    assert find_strategy("breakout") is Breakout
    assert load_strategy("breakout").name == "breakout"
    assert set(installed_strategies()) >= {"breakout", "momentum", "mean_reversion", "buy_and_hold", "rule_based"}
    assert all(item.name == name for name, item in installed_strategies().items())


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownName, match="did you mean breakout"):
        load_strategy("brekout")


def test_a_file_with_one_strategy_needs_no_class_name(tmp_path):
    assert load_strategy(write(tmp_path, GOOD)).name == "first"


def test_several_strategies_must_be_named(tmp_path):
    path = write(tmp_path, GOOD + "\nclass Second(_Base):\n    pass\n")
    with pytest.raises(
        StrategyError, match=r"several strategies: First, Second; name one, for example .*mine.py:First"
    ):
        load_strategy(path)
    assert load_strategy(f"{path}:Second").name == "second"
    with pytest.raises(UnknownName, match="did you mean Second"):
        load_strategy(f"{path}:Secnd")


def test_strategies_imported_into_a_file_do_not_count(tmp_path):
    path = write(tmp_path, GOOD + "\nfrom tidemill.strategies.momentum import Momentum\n")
    assert load_strategy(path).name == "first"


@pytest.mark.parametrize("text", ["x = 1\n", "from tidemill import Strategy\nclass Base(Strategy):\n    pass\n"])
def test_a_file_without_a_strategy_is_refused(tmp_path, text):
    with pytest.raises(StrategyError, match=r"mine.py holds no strategy"):
        load_strategy(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(StrategyError, match=r"There is no file .*none.py"):
        load_strategy(str(tmp_path / "none.py"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x = 1\ndef broken(:\n", r"mine.py, line 2: invalid syntax"),
        ("import nothing_like_this\n", r"mine.py, line 1 .*no module 'nothing_like_this'; install"),
        ("from tidemill import smaa\n", r"mine.py, line 1 .*ImportError: cannot import name 'smaa'"),
        ("x = 1\ny = x / 0\n", r"mine.py, line 2 \(y = x / 0\): ZeroDivisionError"),
    ],
)
def test_a_file_that_cannot_be_imported_names_its_line(tmp_path, text, what):
    with pytest.raises(StrategyError, match=what):
        load_strategy(write(tmp_path, text))


def test_an_edited_file_is_read_again(tmp_path):
    path = write(tmp_path, GOOD)
    load_strategy(path)
    write(tmp_path, GOOD.replace("First", "Other"))
    assert load_strategy(path).name == "other"


def test_a_file_may_import_its_neighbours_and_leaves_no_path_behind(tmp_path):
    write(tmp_path, "LIMIT = 5\n", "neighbour_of_mine.py")
    before = list(sys.path)
    assert load_strategy(write(tmp_path, "from neighbour_of_mine import LIMIT\n" + GOOD)).name == "first"
    assert sys.path == before


class FakePoint:
    name, value, group = "odd", "somewhere:thing", registry.GROUP

    def __init__(self, found) -> None:
        self.found = found

    def load(self):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.mark.parametrize("found", [int, 5, ImportError("no such module")])
def test_a_plug_in_that_leads_nowhere_is_named(monkeypatch, found):
    monkeypatch.setattr(registry, "entry_points", lambda **_: [FakePoint(found)])
    with pytest.raises(PluginError, match=r"'odd' \(somewhere:thing\)"):
        installed_strategies()
    with pytest.raises(PluginError, match="odd"):
        load_strategy("odd")


def test_the_public_face_names_what_exists_and_loads_nothing():
    import tidemill

    stub = subprocess.run(
        [sys.executable, "-c", "import sys, tidemill; print([m for m in sys.modules if m in ('numpy', 'numba')])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert stub.stdout.strip() == "[]"
    assert all(getattr(tidemill, name) is not None for name in tidemill.__all__)
    assert set(tidemill.__all__) <= set(dir(tidemill))
    with pytest.raises(AttributeError, match="no attribute 'smaa'"):
        _ = tidemill.smaa


def test_the_stub_for_editors_names_the_same():
    import ast
    from pathlib import Path

    import tidemill

    tree = ast.parse(Path(tidemill.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name: node.module for node in imports for alias in node.names}
    assert sorted(names) == tidemill.__all__
    for name, module in names.items():
        assert getattr(tidemill, name) is getattr(__import__(str(module), fromlist=[name]), name)
