"""Use case: is everything there that a run needs, and can it be written where it must?"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path

from tidemill import __version__
from tidemill.adapters.calendars import calendar_names, get_calendar
from tidemill.authoring.registry import GROUP, installed_strategies
from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import spec_of
from tidemill.engine.bind import bind_step
from tidemill.engine.generated import bind_guard
from tidemill.kernel.compile import JIT, cache_root
from tidemill.model.errors import TidemillError
from tidemill.research.trials import TrialLedger

__all__ = ["Check", "compile_everything", "examine_installation"]

_NEEDED = ("numpy", "numba", "llvmlite", "duckdb", "pandas", "pandas-market-calendars", "typer", "rich", "hvsampledata")
_OPTIONAL = ("pyarrow", "scipy", "TA-Lib")
_MIB = 1 << 20
_YEAR_2024 = 19_723


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        topic: what it belongs to.
        name: what was looked at.
        finding: what was found.
        is_good: False if something will not work.
    """

    topic: str
    name: str
    finding: str
    is_good: bool = True


def _packages() -> list[Check]:
    checks = [
        Check("python", "version", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Check("packages", "tidemill", __version__),
    ]
    for name in (*_NEEDED, *_OPTIONAL):
        try:
            checks.append(Check("packages", name, version(name)))
        except PackageNotFoundError:
            needed = name in _NEEDED
            checks.append(Check("packages", name, "missing" if needed else "not installed (optional)", not needed))
    return checks


def _size_of(folder: Path) -> tuple[int, int]:
    """Return files and bytes under a folder."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return len(sizes), sum(sizes)


def _is_writable(folder: Path) -> bool:
    """Tell whether a folder, or the nearest one above it that exists, takes files."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _folders() -> list[Check]:
    root = cache_root()
    checks = [Check("compiler", "compiled code", "on" if JIT else "off (NUMBA_DISABLE_JIT): everything runs as Python")]
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        files, size = _size_of(folder)
        checks.append(Check("compiler", f"cache {folder.name}", f"{files:,} files, {size / _MIB:,.1f} MiB"))
    places = {"cache": root, "trial ledger": TrialLedger().path.parent, "temporary files": Path(tempfile.gettempdir())}
    for name, folder in places.items():
        able = _is_writable(folder)
        checks.append(Check("folders", name, f"{folder}: {'writable' if able else 'not writable'}", able))
    return checks


def _plugins() -> list[Check]:
    checks = []
    for item in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            spec = spec_of(item.load())
            checks.append(Check("strategies", item.name, spec.title))
        except (TidemillError, ImportError, AttributeError) as error:
            checks.append(Check("strategies", item.name, f"{item.value}: {error}", is_good=False))
    try:
        names = [rule.name for rule in load_rules()]
        checks.append(Check("rules", "risk rules", ", ".join(names)))
    except TidemillError as error:
        checks.append(Check("rules", "risk rules", str(error), is_good=False))
    return checks


def _calendars() -> list[Check]:
    checks = []
    for name in calendar_names():
        sessions = get_calendar(name).sessions(_YEAR_2024, _YEAR_2024 + 366)
        checks.append(Check("calendars", name, f"{len(sessions.day)} sessions in 2024", len(sessions.day) > 0))
    found = find_spec("tzdata") is not None
    checks.append(Check("calendars", "time zones", "tzdata" if found else "of the system"))
    return checks


def examine_installation() -> list[Check]:
    """Look at Python, packages, folders, plug-ins and calendars; nothing is changed except caches."""
    return [*_packages(), *_folders(), *_plugins(), *_calendars()]


def compile_everything() -> list[Check]:
    """Compile rules and every installed strategy, and say how many seconds each took; cached code takes almost none.

    Raises:
        StrategyError: a strategy does not compile.
    """
    checks = []
    began = time.perf_counter()
    bind_guard(load_rules())
    checks.append(Check("compiled", "risk rules", f"{time.perf_counter() - began:.2f} s"))
    for name, strategy in installed_strategies().items():
        began = time.perf_counter()
        step = bind_step(spec_of(strategy), "auto")
        took = time.perf_counter() - began
        checks.append(Check("compiled", name, f"{took:.2f} s, {step.form}", not step.note))
    return checks
