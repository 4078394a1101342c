"""A router that is asked about paths below its prefix only: among hundreds of routes, matching is what costs."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope

__all__ = ["below"]


class _Below(APIRouter):
    """Answers at once for every path that is not below its prefix."""

    below: str

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether one of its routes serves a request."""
        path: str = scope.get("path", "")
        if not path.startswith(self.below) or path[len(self.below) : len(self.below) + 1] not in {"", "/"}:
            return Match.NONE, {}
        return super().matches(scope)


def below(prefix: str, router: APIRouter, tag: str) -> APIRouter:
    """Return a router that holds another one under a prefix.

    Args:
        tag: heading in the documentation.
    """
    outer = _Below()
    outer.below = prefix
    outer.include_router(router, prefix=prefix, tags=[tag])
    return outer
