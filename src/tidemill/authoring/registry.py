"""Finds strategies: installed ones by name, a user's own by file (``my_rules.py`` or ``my_rules.py:GoldenCross``)."""

from __future__ import annotations

import hashlib
import importlib.util
import linecache
import re
import sys
import traceback
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, EntryPoints, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from types import ModuleType

from tidemill.authoring.strategy import Strategy, StrategySpec, spec_of
from tidemill.model.errors import PluginError, StrategyError, UnknownName

__all__ = ["GROUP", "find_strategy", "installed_strategies", "load_strategy", "strategies_in"]

GROUP = "tidemill.strategies"
_FILE = re.compile(r"^(?P<path>.+\.py)(?::(?P<name>[A-Za-z_]\w*))?$")


def load_strategy(strategy: str) -> StrategySpec:
    """Return the specification of a strategy, given by name or by file.

    Args:
        strategy: an installed strategy's name, ``file.py`` (if it holds one strategy) or ``file.py:ClassName``.

    Raises:
        UnknownName: nothing of that name is installed, or the file has no such class; the nearest names are offered.
        StrategyError: the file does not exist, cannot be imported, or holds none or several strategies.
        PluginError: an entry point does not lead to a strategy.
    """
    return spec_of(find_strategy(strategy))


def find_strategy(strategy: str) -> type[Strategy]:
    """Return the class of a strategy, given by name or by file; arguments and errors as in `load_strategy`."""
    file = _FILE.match(strategy.strip())
    if file is None:
        return _from_entry_point(strategy.strip())
    path = Path(file["path"]).expanduser()
    found = strategies_in(path)
    if file["name"]:
        if file["name"] not in found:
            raise UnknownName(f"strategy in {path.name}", file["name"], found)
        return found[file["name"]]
    if len(found) > 1:
        names = ", ".join(found)
        raise StrategyError(
            f"{path.name} holds several strategies: {names}; name one, for example {path}:{next(iter(found))}."
        )
    return next(iter(found.values()))


def installed_strategies() -> dict[str, type[Strategy]]:
    """Return every installed strategy by name, ours and plug-ins' alike.

    Raises:
        PluginError: an entry point does not lead to a strategy.
    """
    return {item.name: _load(item) for item in sorted(entry_points(group=GROUP), key=lambda item: item.name)}


def strategies_in(path: Path) -> dict[str, type[Strategy]]:
    """Return the strategies that a file defines, by class name, in the order they are written.

    Classes that start with an underscore or have no step (bases for others) do not count.

    Raises:
        StrategyError: the file does not exist, cannot be imported, or defines no strategy.
    """
    if not path.is_file():
        raise StrategyError(f"There is no file {path}; check the path, or write one with `tidemill new strategy NAME`.")
    module = _import(path.resolve())
    found = {
        key: item
        for key, item in vars(module).items()
        if isinstance(item, type) and issubclass(item, Strategy) and item.__module__ == module.__name__
        if not key.startswith("_") and hasattr(item, "step")
    }
    if not found:
        raise StrategyError(f"{path.name} holds no strategy; write a class GoldenCross(Strategy) with a step in it.")
    return found


def _from_entry_point(name: str) -> type[Strategy]:
    """Look at our own table first: that reads one file instead of those of every installed package."""
    try:
        ours = distribution("tidemill").entry_points
    except PackageNotFoundError:
        ours = EntryPoints()
    found = ours.select(group=GROUP, name=name) or entry_points(group=GROUP, name=name)
    if not found:
        raise UnknownName("strategy", name, [item.name for item in entry_points(group=GROUP)])
    return _load(next(iter(found)))


def _load(item: EntryPoint) -> type[Strategy]:
    try:
        found = item.load()
    except (ImportError, AttributeError) as error:
        raise PluginError(f"The strategy plug-in {item.name!r} ({item.value}) cannot be loaded: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise PluginError(f"The strategy plug-in {item.name!r} ({item.value}) is no Strategy class; fix or remove it.")
    return found


def _import(path: Path) -> ModuleType:
    """Run a user's file as a module of its own; files beside it can be imported from it."""
    text = path.read_bytes()
    # named by its text: cached machine code asks for the module by name, wherever the file lies by then
    name = f"tidemill_user_{path.stem}_{hashlib.blake2b(text, digest_size=6).hexdigest()}"
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise StrategyError(f"{path} cannot be imported; it must be a Python file.")
    module = importlib.util.module_from_spec(spec)
    linecache.checkcache(str(path))
    sys.modules[name] = module  # the compiler finds a class's source by its module's name
    sys.path.append(str(path.parent))
    try:
        # compiled from the source itself: a cached file of the same second would hide an edit
        exec(loader.source_to_code(loader.get_data(str(path)), str(path)), module.__dict__)  # noqa: S102 - the user's own
    except SyntaxError as error:
        raise StrategyError(f"{path.name}, line {error.lineno}: {error.msg}.") from error
    except Exception as error:
        raise StrategyError(_why(error, path)) from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _why(error: Exception, path: Path) -> str:
    """Say which line of a user's file failed, and how."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"{path.name}, line {frames[-1].lineno} ({frames[-1].line})" if frames else path.name
    if isinstance(error, ModuleNotFoundError):
        return f"{where}: there is no module {error.name!r}; install it or correct the name."
    return f"{where}: {type(error).__name__}: {error}"
