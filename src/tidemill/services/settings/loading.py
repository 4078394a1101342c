"""Use case: find every setting, know where each was said, and show them without secrets.

Order: the environment first, then ``.env``, then ``tidemill.toml``, then the profile, then what the code says.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings.sources import DotEnvSettingsSource

from tidemill.model.errors import ConfigError, UnknownName
from tidemill.services.settings.profiles import PROFILES, Profile
from tidemill.services.settings.settings import Settings

__all__ = ["Loaded", "load_settings", "spellings_of"]

_TABLE = "service"
_FILE_VARIABLE = "TIDEMILL_CONFIG"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each value was said.

    Args:
        settings: to work with.
        origins: by name: ``environment API_PORT``, ``.env ...``, ``tidemill.toml``, ``profile prod`` or ``default``.
    """

    settings: Settings
    origins: Mapping[str, str]

    def shown(self) -> list[dict[str, Any]]:
        """Return name, value, origin and spellings of every setting; of secrets only whether they are set."""
        rows = []
        for name, field in Settings.model_fields.items():
            value = getattr(self.settings, name)
            is_secret = isinstance(value, SecretStr) or "SecretStr" in str(field.annotation)
            if is_secret:
                value = "set" if value is not None else "not set"
            rows.append(
                {
                    "name": name,
                    "value": list(value) if isinstance(value, tuple) else value,
                    "origin": self.origins[name],
                    "is_secret": is_secret,
                    "variables": list(spellings_of(name, field)),
                }
            )
        return rows


def load_settings(
    folder: Path | None = None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Loaded:
    """Return the settings of this process.

    Args:
        folder: with ``.env`` and ``tidemill.toml``; the current one when left out.
        environ: variables; those of the process when left out.
        overrides: by name, from the command line: before all others.

    Raises:
        ConfigError: a file cannot be read, or a value is out of its bounds; the sentence names the variable.
        UnknownName: ``tidemill.toml`` sets something that does not exist.
    """
    folder = folder or Path()
    environ = os.environ if environ is None else environ
    layers = (
        ("environment", environ),
        (".env", _dotenv(folder / ".env")),
    )
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    for name, value in (overrides or {}).items():
        values[name], origins[name] = value, "command line"
    for label, variables in layers:
        for name, field in Settings.model_fields.items():
            found = next((item for item in spellings_of(name, field) if variables.get(item)), None)
            if name not in values and found is not None:
                values[name], origins[name] = variables[found], f"{label} {found}"
            elif name not in values and "SecretStr" in str(field.annotation):
                _take_file(name, field, variables, label, values, origins)
    path = Path(environ.get(_FILE_VARIABLE) or folder / "tidemill.toml")
    for name, value in _toml(path, is_named=_FILE_VARIABLE in environ).items():
        if name not in values:
            values[name], origins[name] = value, path.name
    return _validated(values, origins)


def _take_file(
    name: str,
    field: FieldInfo,
    variables: Mapping[str, str],
    label: str,
    values: dict[str, Any],
    origins: dict[str, str],
) -> None:
    """Read a secret from the file that ``NAME_FILE`` names, as containers are given theirs."""
    for spelling in spellings_of(name, field):
        path = variables.get(f"{spelling}_FILE")
        if path:
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{spelling}_FILE names {path}, which cannot be read ({error}).") from None
            origins[name] = f"{label} {spelling}_FILE"
            return


def _validated(values: dict[str, Any], origins: dict[str, str]) -> Loaded:
    try:
        profile = Profile(values.get("profile", Profile.DEFAULT))
    except ValueError:
        raise ConfigError(f"The profile ({origins['profile']}) is dev, prod or default.") from None
    for name, value in PROFILES[profile].items():
        if name not in values:
            values[name], origins[name] = value, f"profile {profile}"
    try:
        return Loaded(Settings(**{**values, "profile": profile}), origins)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "a setting"
        message = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"{name} ({origins.get(name, 'default')}): {message}.") from None


def spellings_of(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Return the variables that may bring a setting, the first one first."""
    alias = field.validation_alias
    choices = [str(item) for item in getattr(alias, "choices", [])]
    return tuple(dict.fromkeys([f"TIDEMILL_{name.upper()}", *choices]))


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        source = DotEnvSettingsSource(Settings, env_file=path, case_sensitive=True)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}).") from None
    return {name: value for name, value in source.env_vars.items() if value is not None}


def _toml(path: Path, *, is_named: bool) -> dict[str, Any]:
    if not path.is_file():
        if is_named:
            raise ConfigError(f"There is no file {path}; check {_FILE_VARIABLE}.")
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get(_TABLE, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}).") from None
    if not isinstance(table, dict):
        raise ConfigError(f"{_TABLE} is a table of {path}; write [{_TABLE}] and its keys below it.")
    for name in table:
        if name not in Settings.model_fields:
            raise UnknownName(f"key in [{_TABLE}] of {path.name}", name, Settings.model_fields)
    return table
