"""Writes the pages that are made from the code: settings, settings of the service, errors (docs/concepts)."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from tidemill.model import errors
from tidemill.model.answers import REASONS, REFUSALS
from tidemill.model.enums import Reason, Refusal
from tidemill.model.settings import Costs, FillRules, RunSettings, StrategySettings
from tidemill.services.settings.loading import spellings_of
from tidemill.services.settings.profiles import PROFILES, Profile
from tidemill.services.settings.settings import Settings

__all__ = ["ENVIRONMENT", "errors_page", "pages", "service_settings_page", "settings_page"]

ROOT = Path(__file__).resolve().parents[2]
MADE = "<!-- Made from the code by `make docs`; change the code, not this page. -->"
SETTINGS = (RunSettings, StrategySettings, Costs, FillRules)

ENVIRONMENT = {
    "NUMBA_BOUNDSCHECK": "1 checks every array index in compiled code: slower, for tests.",
    "NUMBA_CACHE_DIR": "Where machine code is kept, if not in Tidemill's cache folder.",
    "NUMBA_DISABLE_JIT": "1 runs every kernel as plain Python: breakpoints work, results are the same bytes.",
    "TIDEMILL_CACHE": "Folder of everything that can be made again: machine code, sorted copies of data.",
    "TIDEMILL_CONFIG": "The settings file of the service, if not `tidemill.toml` in the current folder.",
    "TIDEMILL_DATABASE_PATH": "The file of that database, where no address is said; as `DATABASE_PATH` and `DB_PATH`.",
    "TIDEMILL_DATABASE_URL": "Database of runs and service, if not a file in the home folder; `--database` wins. Every "
    "verb looks where [the service](service-settings.md) does.",
    "TIDEMILL_HOME": "Folder of the trial ledger, if not `.tidemill` in the current one.",
    "TIDEMILL_LOG_LEVEL": "The least that is logged; `tidemill up` tells it the processes it starts.",
    "TIDEMILL_TOKEN": "Access token of `tidemill trade` and `smoke`; left out, one is made for the owner, not in prod.",
    "TIDEMILL_TRACEBACK": "1 shows where in the program an error arose, for reports of defects.",
    "TIDEMILL_URL": "Where `tidemill trade` and `smoke` find the API, if not at the address in the data folder.",
    "TIDEMILL_WARMING": "Set by Tidemill for the processes that compile ahead of time; nothing to set by hand.",
    "XDG_CACHE_HOME": "Used when `TIDEMILL_CACHE` is not set; without both it is `~/.cache`.",
}


def _explained(cls: type[Any]) -> dict[str, str]:
    """Return what a class's docstring says about each of its arguments."""
    body = inspect.getdoc(cls) or ""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in body.partition("Args:\n")[2].splitlines():
        head = re.match(r" {4}([a-z][a-z_]*(?:, [a-z][a-z_]*)*): (.*)", line)
        if head:
            names = head[1].split(", ")
            found.update(dict.fromkeys(names, head[2]))
        elif line.startswith("     "):
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
        elif line.strip():
            break
    for text in list(found.values()):
        for name in re.findall(r"`+([a-z_]+)`+", text):
            found.setdefault(name, text)
    return {name: text.replace("``", "`") for name, text in found.items()}


def _default(item: Field[Any]) -> str:
    value = item.default_factory() if item.default_factory is not MISSING else item.default
    if is_dataclass(value):
        return f"see {type(value).__name__}"
    if isinstance(value, IntEnum):
        return f"`{value.name.lower()}`"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    if isinstance(value, str):
        return f"`{value}`" if value else "empty"
    return f"{value:,}"


def _choices(cls: type[Any], name: str) -> str:
    value = getattr(cls(), name)
    return ", ".join(f"`{member.name.lower()}`" for member in type(value)) if isinstance(value, IntEnum) else ""


def settings_page() -> str:
    """Return the page of everything that can be set.

    Raises:
        KeyError: a setting is not explained in its class.
    """
    lines = ["# Settings", "", MADE, ""]
    lines += ["Percentages are 0-100, ratios 0-1; zero switches a limit off.", "Out of bounds is refused at once.", ""]
    for cls in SETTINGS:
        told = _explained(cls)
        lines += [f"## {cls.__name__}", "", (inspect.getdoc(cls) or "").split("\n")[0], ""]
        lines += ["| setting | default | meaning | choices |", "|---|---|---|---|"]
        for item in fields(cls):
            lines.append(f"| `{item.name}` | {_default(item)} | {told[item.name]} | {_choices(cls, item.name)} |")
        lines.append("")
    lines += ["## Environment", "", "| variable | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in ENVIRONMENT.items()]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else "none"
    return "not set" if value is None else f"`{value}`" if value != "" else "empty"


def service_settings_page() -> str:
    """Return the page of everything that the environment, a file or a profile sets for the service."""
    lines = ["# Settings of the service", "", MADE, ""]
    lines += ["What the processes of the service are set to. The environment comes first, then `.env` in the current"]
    lines += [
        "folder, then the table `[service]` of `tidemill.toml` (or of the file `TIDEMILL_CONFIG` names), then the"
    ]
    lines += ["profile, then the default; of several spellings the first comes first. Commas stand between items."]
    lines += ["`tidemill config show` tells each value and where it was said; secrets are never shown.", ""]
    lines += ["## Profiles", "", f"| setting | {' | '.join(f'`{name}`' for name in PROFILES)} |"]
    lines += ["|---|" + "---|" * len(PROFILES)]
    for name in PROFILES[Profile.DEFAULT]:
        lines.append(f"| `{name}` | {' | '.join(_plain(values[name]) for values in PROFILES.values())} |")
    lines += ["", "`APP_ENV` names one: `dev` (`development`), `prod` (`production`) or `default`.", ""]
    lines += ["## Every setting", "", "| setting | default | spellings |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        spellings = ", ".join(f"`{item}`" for item in spellings_of(name, field))
        lines.append(f"| `{name}` | {_plain(field.default)} | {spellings} |")
    return "\n".join(lines) + "\n"


def _classes() -> list[type[errors.TidemillError]]:
    """Return all errors, parents before children, children by exit code."""

    def below(cls: type[errors.TidemillError]) -> list[type[errors.TidemillError]]:
        children = sorted(cls.__subclasses__(), key=lambda child: child.exit_code)
        return [cls, *(deeper for child in children for deeper in below(child))]

    return [cls for cls in below(errors.TidemillError) if cls.__module__ == errors.__name__]


def errors_page() -> str:
    """Return the page of every way to hear no."""
    lines = ["# Errors, refusals and reasons", "", MADE, ""]
    lines += ["An *error* stops a command and sets its exit code. A *refusal* is the core's answer to a proposal: a"]
    lines += ["value on the tape, never an exception. A *reason* says why an order was sent."]
    lines += ["", "## Errors", "", "| class | kind of | exit code | meaning |", "|---|---|---|---|"]
    for cls in _classes():
        told = (inspect.getdoc(cls) or "").split("\n")[0]
        parent = cls.__mro__[1].__name__
        lines.append(f"| `{cls.__name__}` | `{parent}` | {cls.exit_code} | {told} |")
    for title, kind, told in (("Refusals", Refusal, REFUSALS), ("Reasons", Reason, REASONS)):
        lines += ["", f"## {title}", "", "| value | name | meaning |", "|---|---|---|"]
        lines += [f"| {int(member)} | `{member.name}` | {told[member]} |" for member in kind]
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Return every page that is made from the code."""
    concepts = ROOT / "docs/concepts"
    return {
        concepts / "settings.md": settings_page(),
        concepts / "service-settings.md": service_settings_page(),
        concepts / "errors.md": errors_page(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
