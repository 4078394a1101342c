"""Use case: begin a strategy of one's own. Writes a strategy that runs at once, its tests and its page."""

from __future__ import annotations

import keyword
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from tidemill.model.errors import ConfigError, OutputError

__all__ = ["new_strategy"]

_FILES = {
    "strategy.py.tmpl": "{name}.py",
    "test_strategy.py.tmpl": "tests/test_{name}.py",
    "strategy.md.tmpl": "docs/{name}.md",
}
_TAKEN = ("Crossing", "Param", "Strategy")  # what the file itself imports


def new_strategy(name: str, folder: Path) -> list[Path]:
    """Write ``NAME.py``, ``tests/test_NAME.py`` and ``docs/NAME.md`` and return their paths.

    Args:
        name: lower-case Python name, for example ``golden_cross``; its class becomes ``GoldenCross``.
        folder: where to write; it is made if it does not exist.

    Raises:
        ConfigError: the name cannot be used, or a file is already there; nothing is written then.
        OutputError: a file cannot be written.
    """
    _check_name(name, folder)
    words = name.strip("_").split("_")
    texts = {"name": name, "class_name": "".join(map(str.capitalize, words)), "title": " ".join(words).capitalize()}
    if texts["class_name"] in _TAKEN:
        raise ConfigError(
            f"{name!r} would make a class {texts['class_name']}, which Tidemill has; choose another name."
        )
    targets = {template: folder / path.format(name=name) for template, path in _FILES.items()}
    present = [str(path) for path in targets.values() if path.exists()]
    if present:
        raise ConfigError(f"{', '.join(present)} already exists; choose another name or move it away.")
    for template, path in targets.items():
        source = files("tidemill.services").joinpath("templates", template).read_text(encoding="utf-8")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(source).substitute(texts), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
    return list(targets.values())


def _check_name(name: str, folder: Path) -> None:
    """Refuse names that are no Python names, or that would hide a module others import."""
    usable = name.isascii() and name.isidentifier() and name == name.lower() and name.strip("_0123456789")
    if not usable or keyword.iskeyword(name) or name.startswith("_"):
        raise ConfigError(
            f"{name!r} cannot be a strategy's name; use lower-case letters, digits and _, like golden_cross."
        )
    if not (folder / f"{name}.py").exists() and find_spec(name) is not None:
        raise ConfigError(f"There is a Python module called {name!r}, which {name}.py would hide; choose another name.")
