"""How a test comes by a row of somebody's: one maker for each name that stands in a path, made through the API.

Whoever adds a route whose path takes a new name registers a maker here: ``maker(service, "trader")`` makes a row that
belongs to that person and returns what stands in the path. Where the smallest body of the OpenAPI document will not do,
a body is registered under method and path as the document writes it: ``body(service, "trader")``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["BODIES", "MAKERS"]

Maker = Callable[[Any, str], str]


def a_user(service: Any, name: str) -> str:
    """Somebody whom nobody misses: these routes are about people, and belong to no one."""
    del name
    number = len(service.users)
    return str(service.add(f"somebody-{number}").user_id)


MAKERS: dict[str, Maker] = {
    "user_number": a_user,
}

BODIES: dict[tuple[str, str], Callable[[Any, str], Any]] = {}
