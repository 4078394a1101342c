"""The app: gates in front, one shape of errors, every router of `mounts`, and its own description."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from tidemill import __version__
from tidemill.web.docs import mount_docs
from tidemill.web.errors import install_errors
from tidemill.web.gates.bodies import Bodies
from tidemill.web.gates.door import Door
from tidemill.web.gates.hosts import Hosts
from tidemill.web.gates.measured import Measured
from tidemill.web.mounts import mount_all
from tidemill.web.parts import Parts
from tidemill.web.rates import Rates
from tidemill.web.stream.routes import mount_stream

__all__ = ["create_app"]

_ABOUT = (
    "Agents, runs, orders and their record. Sign in at `POST /v1/auth/login` and send the access token with every "
    "request; `x-role` names the least role an operation needs. Every error has the shape of `ErrorBody`."
)
_HEADERS = ["Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"]


def create_app(parts: Parts) -> FastAPI:
    """Return the app over the parts of an installation."""
    settings = parts.loaded.settings
    app = FastAPI(
        title="Tidemill",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # `Measured` counts; nothing is sent elsewhere
    )
    app.state.parts = parts
    app.state.rates = Rates(parts.clock, settings.rate_limit_ratio)
    install_errors(app)
    mount_all(app)
    mount_stream(app)
    mount_docs(app)
    # The last one added is the first a request meets.
    app.add_middleware(Bodies)
    if settings.cors_origins:
        origins, methods = list(settings.cors_origins), ["GET", "POST", "PUT", "PATCH", "DELETE"]
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=_HEADERS)
    app.add_middleware(Hosts, allowed=settings.allowed_hosts, origins=settings.cors_origins)
    app.add_middleware(Door, ids=parts.ids)
    app.add_middleware(Measured, figures=parts.operations.figures)
    return app
