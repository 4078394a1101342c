"""Agents as the services know them: from a request to a specification, to the text that is stored, and back."""

from __future__ import annotations

import hashlib
import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tidemill.adapters.paper import PaperTerms
from tidemill.model.agent import AgentSpec, StrategyUse, check_schema
from tidemill.model.errors import ConfigError, NotAuthorised, StoreError, StrategyError, UnknownName
from tidemill.model.parsing import parse_enum
from tidemill.model.settings import DAYS
from tidemill.runtime.guard.account_rules import AccountRule, pre_trade, rules_of
from tidemill.runtime.guard.faces import AgentLimits, GuardrailLimits, LiveStrategyLimits, SessionLimits
from tidemill.runtime.guard.facts import Arming, Scope
from tidemill.runtime.guard.limits import Limits, Window, combine, no_limits
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.services.entries import StrategyRequest, entrants_of

__all__ = [
    "account_rules",
    "check_armed",
    "limits_of",
    "paper_terms",
    "requests_of",
    "spec_hash",
    "spec_of_text",
    "spec_text",
    "strategy_file",
    "strategy_files",
    "tolerances_of",
    "uses_of",
]

T = TypeVar("T")

BROKERS = ("paper",)
_FILE = re.compile(r"(?P<path>.*\.py)(?P<name>:\w+)?$")
_FACES: dict[str, type[Any]] = {
    "agent": AgentLimits,
    "strategy": LiveStrategyLimits,
    "session": SessionLimits,
    "guardrail": GuardrailLimits,
}


def uses_of(requests: Sequence[StrategyRequest]) -> tuple[StrategyUse, ...]:
    """Return strategies as an agent holds them: every parameter written out, files by their full path and hash.

    Raises:
        ConfigError: a strategy, parameter or bar size cannot be used.
    """
    uses = []
    for request, entrant in zip(requests, entrants_of(requests), strict=True):
        name, digest = str(request.strategy), ""
        if isinstance(request.strategy, type):
            raise StrategyError("An agent names its strategy; write a shipped one's name, or file.py:Class.")
        file = _FILE.match(name)
        if file is not None:
            path = Path(file["path"]).expanduser().absolute()
            name, digest = f"{path}{file['name'] or ''}", hashlib.sha256(path.read_bytes()).hexdigest()
        params = dict(entrant.params)
        uses.append(StrategyUse(name, params, request.settings, tuple(request.symbols), request.interval or "", digest))
    return tuple(uses)


def strategy_file(strategy: str) -> tuple[Path | None, str]:
    """Return the file a strategy is written in and ``:Class`` behind it; None of a shipped one."""
    file = _FILE.match(strategy)
    return (Path(file["path"]), file["name"] or "") if file is not None else (None, "")


def strategy_files(spec: AgentSpec) -> dict[str, Path]:
    """Return the files an agent's strategies are written in, by their hash."""
    found = {use.code_sha256: strategy_file(use.strategy)[0] for use in spec.strategies if use.code_sha256}
    return {digest: path for digest, path in found.items() if path is not None}


def requests_of(spec: AgentSpec, kept: Path | None = None) -> list[StrategyRequest]:
    """Return an agent's strategies as a run asks for them.

    Args:
        spec: the agent.
        kept: folder with copies of strategy files, named by their hash; they stand in for files that changed.

    Raises:
        StrategyError: the file of a strategy is not the one the agent was made with.
    """
    requests = []
    for use in spec.strategies:
        name = use.strategy
        path, cls = strategy_file(name)
        if path is not None and use.code_sha256 and not _is_file(path, use.code_sha256):
            copy = kept / f"{use.code_sha256}.py" if kept is not None else path
            if not _is_file(copy, use.code_sha256):
                raise StrategyError(
                    f"{path} is not the file this agent was made with; put it back, or begin a new run."
                )
            name = f"{copy}{cls}"
        requests.append(StrategyRequest(name, use.params, use.settings, use.symbols, use.interval or None))
    return requests


def _is_file(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def spec_text(spec: AgentSpec) -> str:
    """Return an agent as JSON: the same text for the same agent."""
    return json.dumps(_plain(spec), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it, choices by name."""
    if isinstance(value, IntEnum):
        return value.name.lower()
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def spec_hash(spec: AgentSpec) -> str:
    """Return what tells one version of an agent from another."""
    return hashlib.sha256(spec_text(spec).encode()).hexdigest()


def spec_of_text(text: str) -> AgentSpec:
    """Read an agent from its stored text.

    Raises:
        StoreError: it cannot be read. StoreMismatch: it was written for another version.
    """
    try:
        values = json.loads(text)
        check_schema(values["schema"])
        return _filled(AgentSpec, values)
    except (ValueError, TypeError, KeyError, AttributeError, ConfigError) as error:
        raise StoreError(f"The stored agent cannot be read ({error}); restore a backup.") from error


def _filled(cls: type[T], values: Mapping[str, Any]) -> T:
    """Return a dataclass made of plain values, parts and choices included."""
    kinds = get_type_hints(cls)
    return cls(**{name: _typed(kinds[name], value) for name, value in values.items()})


def _typed(kind: Any, value: Any) -> Any:
    if get_origin(kind) in (types.UnionType, Union):
        return None if value is None else _typed(next(k for k in get_args(kind) if k is not type(None)), value)
    if get_origin(kind) is tuple:
        return tuple(_typed(get_args(kind)[0], item) for item in value)
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return parse_enum(kind, value, kind.__name__)
    if isinstance(kind, type) and is_dataclass(kind):
        return _filled(kind, value)
    return value


def limits_of(spec: AgentSpec) -> dict[Scope, Limits]:
    """Return what the guard asks with; the account is always among it, without limits unless they are written.

    Raises:
        ConfigError: a limit is out of bounds. UnknownName: there is no such limit.
    """
    account = _made(Limits, {"scope": Scope.ACCOUNT, **spec.limits.get("account", {})}, "[limits.account]")
    found = {Scope.ACCOUNT: account if spec.limits.get("account") else no_limits(Scope.ACCOUNT)}
    for face, cls in _FACES.items():
        if face in spec.limits:
            found[Scope(face)] = _made(cls, spec.limits[face], f"[limits.{face}]").limits()
    for scope, limits in pre_trade(account_rules(spec))[0].items():
        found[scope] = combine(found[scope], limits)
    return found


def account_rules(spec: AgentSpec) -> tuple[AccountRule, ...]:
    """Return the rules of an agent's owner.

    Raises:
        ConfigError: one cannot be used. UnknownName: there is no such key or choice.
    """
    return rules_of(spec.limits.get("rules", {}))


def tolerances_of(spec: AgentSpec) -> Tolerances:
    """Return what the machinery may do before entries stop.

    Raises:
        ConfigError: out of bounds. UnknownName: there is no such tolerance.
    """
    return _made(Tolerances, spec.tolerances, "[tolerances]")


def paper_terms(spec: AgentSpec, account: str) -> PaperTerms:
    """Return what the simulated account of an agent is strict about."""
    paper = spec.paper
    return PaperTerms(account, paper.check_buying_power, paper.regular_hours_only, spec.fills_on_trades)


def _made(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Return a dataclass made of a table of the agent file, windows included."""
    known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise UnknownName(f"key in {where}", name, [key for key in known if key != "scope"])
    for name, item in known.items():
        if name not in values and item.default is MISSING and item.default_factory is MISSING:
            raise ConfigError(f"{where} needs {name}.")
    return cls(**{name: _limit(name, value, where) for name, value in values.items()})


def _limit(name: str, value: Any, where: str) -> Any:
    if name == "window":
        return _window(value, where)
    if name == "windows" and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_window(item, where) for item in value)
    if isinstance(value, str | bool | int | float) and name != "windows":
        return value
    raise ConfigError(f"{name} in {where} cannot be {value!r}.")


def _window(value: Any, where: str) -> Window:
    """Return hours written as ``09:30-16:00`` or as a table of hours, zone and days."""
    if isinstance(value, str):
        return Window(value)
    if not isinstance(value, Mapping) or not set(value) <= {"hours", "zone", "days"}:
        raise ConfigError(f"A window in {where} is a text, or a table of hours, zone and days; not {value!r}.")
    return Window(str(value.get("hours", "")), str(value.get("zone", "")), tuple(value.get("days", DAYS)))


def check_armed(spec: AgentSpec, arming: Arming | None = None) -> None:
    """Refuse an agent for real money unless every key is turned, and a broker nobody has connected.

    Raises:
        NotAuthorised: keys are missing. UnknownName: there is no such broker.
    """
    if spec.mode == "live":
        keys = arming or Arming()
        missing = [item.name.replace("_", " ") for item in fields(keys) if getattr(keys, item.name) is not True]
        if missing:
            raise NotAuthorised(
                f"{spec.name} is for real money and live trading is not armed (missing: {', '.join(missing)}); "
                'nothing was started. Write mode = "paper" to trade on paper.'
            )
    if spec.broker not in BROKERS:
        raise UnknownName("broker", spec.broker, BROKERS)
