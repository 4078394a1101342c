"""Under which template a request was routed: ``/v1/agents/{agent_id}``, never what stood in its place."""

from __future__ import annotations

from starlette.types import Scope

__all__ = ["template_of"]


def template_of(scope: Scope) -> str:
    """Return the whole template of the route that serves a request; empty when none does."""
    own = getattr(scope.get("route"), "path", None)
    if not isinstance(own, str):
        return ""
    # A route knows its path below its router's prefix only; the prefix takes up the rest of what was asked for.
    depth = own.count("/")
    parts = str(scope["path"]).split("/")
    return "/".join(parts[: len(parts) - depth]) + own
