from __future__ import annotations

import subprocess
import sys

import pytest

from tidemill.authoring.registry import load_strategy
from tidemill.model.errors import ConfigError, OutputError
from tidemill.services.scaffold import new_strategy


def test_the_new_strategy_its_tests_and_its_page_work_at_once(tmp_path):
    written = new_strategy("my_cross", tmp_path / "fresh")
    names = [str(path.relative_to(tmp_path / "fresh")) for path in written]
    assert names == ["my_cross.py", "tests/test_my_cross.py", "docs/my_cross.md"]
    spec = load_strategy(str(written[0]))
    assert (spec.strategy.__name__, spec.name) == ("MyCross", "my_cross")
    page = written[2].read_text(encoding="utf-8")
    for name, param in spec.params.items():
        assert f"| `{name}` | {param.default} | {param.low} to {param.high} | {param.unit} |" in page
    for path in written:
        assert "$" not in path.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path / "fresh",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["1a", "for", "Golden", "golden cross", "a-b", "../x", "", "_a", "__", "é", "x.py"])
def test_a_name_that_python_cannot_use_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be a strategy's name"):
        new_strategy(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["numpy", "json", "tidemill"])
def test_a_name_that_would_hide_a_module_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="would hide"):
        new_strategy(name, tmp_path)


@pytest.mark.parametrize("name", ["strategy", "crossing"])
def test_a_class_name_that_is_taken_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="which Tidemill has"):
        new_strategy(name, tmp_path)


def test_an_existing_file_is_never_overwritten_and_nothing_else_is_written(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "my_cross.md").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"docs.my_cross.md already exists"):
        new_strategy("my_cross", tmp_path)
    assert not (tmp_path / "my_cross.py").exists()
    assert (tmp_path / "docs" / "my_cross.md").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        new_strategy("my_cross", tmp_path / "file")
