"""Questions of a row or two are answered where they arrive: a local file is read sooner than a thread is found for it.

A server over the network may take its time, so there everything is handed to a thread. So is everything for half a
second after an answer that took long: a disk that hangs, or a list that has grown, holds nobody else up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from fastapi.concurrency import run_in_threadpool

from tidemill.web.parts import parts_of

__all__ = ["near"]

_LONG_S = 0.02  # the loop may be held up so long
_REST_S = 0.5


def near(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Let a handler or dependency, which has a parameter ``request``, run in the loop while that is quick."""
    rests_until = 0.0

    @wraps(function)
    async def run(**values: Any) -> Any:
        nonlocal rests_until
        began = time.perf_counter()
        if began < rests_until or parts_of(values["request"]).database.kind != "sqlite":
            return await run_in_threadpool(function, **values)
        try:
            return function(**values)
        finally:
            ended = time.perf_counter()
            if ended - began > _LONG_S:
                rests_until = ended + _REST_S

    return run
