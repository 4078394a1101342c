"""Settings and routes as they are told."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

__all__ = ["ConfigOut", "RouteOut", "SettingOut"]


class SettingOut(BaseModel):
    """One setting."""

    name: str
    value: Any = Field(description="Of a secret only whether it is set.")
    origin: str = Field(description="Where it was said.", examples=["environment API_PORT", "profile prod"])
    is_secret: bool
    variables: list[str] = Field(description="Spellings in the environment, the first one first.")


class ConfigOut(BaseModel):
    """Every setting of the process."""

    profile: str
    settings: list[SettingOut]


class RouteOut(BaseModel):
    """One route."""

    path: str
    methods: list[str]
    role: str
    owns: str
