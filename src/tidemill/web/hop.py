"""Routes whose handler is handed to a thread once: as FastAPI has it, checking the answer takes another thread.

A handler is a plain function that may wait for the disk, so it runs in a thread. What it returns is a model that was
checked when it was made; turning that into text takes no longer than finding a thread for it would.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction, isgeneratorfunction
from typing import Any

from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

__all__ = ["OneHop"]


class OneHop(APIRoute):
    """A route that hands its handler to a thread, and nothing else."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        is_plain = not iscoroutinefunction(endpoint) and not isgeneratorfunction(endpoint)
        super().__init__(path, _in_a_thread(endpoint) if is_plain else endpoint, **options)


def _in_a_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        return await run_in_threadpool(endpoint, **values)

    return run
