"""Requests with an Idempotency-Key, and halts as the API answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tidemill.model.people import UserScope
from tidemill.services.manual.stopping import TradingHalted
from tidemill.services.once import Once, Stored
from tidemill.services.refusals import Refused
from tidemill.web.errors import ApiError

__all__ = ["Key", "answer_once", "told"]

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=100, description="The same key asks once."),
]


@contextmanager
def told() -> Iterator[None]:
    """Answer a halt with 423 and who, when and why; a time in the future with 400."""
    try:
        yield
    except TradingHalted as error:
        halt = error.halt
        details = {"scope": halt.scope, "by": halt.by, "at": error.since, "reason": halt.reason, "rung": halt.rung.name}
        raise ApiError(423, "halted", str(error), details=details) from None
    except Refused as error:
        if error.code != "in_the_future":
            raise
        raise ApiError(400, error.code, str(error), field="body.entered_at") from None


def answer_once(
    once: Once, scope: UserScope, route: str, key: str | None, body: BaseModel, do: Callable[[], tuple[BaseModel, bool]]
) -> JSONResponse:
    """Do what a request asks for, or give the answer it was given before.

    Args:
        do: returns the answer, and whether it is one to keep.
    """
    said = body.model_dump(mode="json")
    if key is not None and (stored := once.find(scope, route, key, said)) is not None:
        return JSONResponse(stored.body, stored.status, headers={"Idempotent-Replay": "true"})
    with told():
        answer, is_final = do()
    made = Stored(201, answer.model_dump(mode="json"))
    if key is not None and is_final:
        made = once.keep(scope, route, key, said, made)
    return JSONResponse(made.body, made.status)
