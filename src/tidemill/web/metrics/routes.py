"""Figures for Prometheus: ``/v1/metrics/prom``, for admins, for whoever brings the token of scrapers."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials

from tidemill.model.people import Role
from tidemill.web.access import BEARER, count, rule, signed_in, sits_here
from tidemill.web.errors import ApiError
from tidemill.web.parts import parts_of

__all__ = ["router"]

router = APIRouter()
_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus, Exposition formats: text-based format
_OFTEN = 120


def _may_read(request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
    """Let scrapers and admins in."""
    settings = parts_of(request).loaded.settings
    if settings.metrics_on_loopback and sits_here(request):
        count(request, "loopback", _OFTEN)
        return
    token = settings.scrape_token.get_secret_value() if settings.scrape_token else ""
    if token and shown is not None and hmac.compare_digest(shown.credentials.encode(), token.encode()):
        count(request, "scraper", _OFTEN)
        return
    caller = signed_in(request, shown)
    count(request, f"user:{caller.user_id}", _OFTEN)
    if not caller.may(Role.ADMIN):
        sentence = "This needs the role admin, or the token of scrapers (SCRAPE_TOKEN)."
        raise ApiError(403, "not_allowed", sentence, details={"required": str(Role.ADMIN)})


@router.get(
    "/prom",
    response_class=Response,
    **rule(None, "nothing", errors=(401, 403), per_minute=_OFTEN * 10, extra={"x-role": str(Role.ADMIN)}),
)
def show_figures(request: Request, _: Annotated[None, Depends(_may_read)]) -> Response:
    """Return all figures in Prometheus' text format."""
    return Response(parts_of(request).operations.figures.text(), media_type=_TYPE)
