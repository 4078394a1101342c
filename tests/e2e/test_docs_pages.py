"""The two pages that describe the API, in a real browser that reaches nothing but this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tidemill.bootstrap.api import Behind, build_parts, server_config
from tidemill.services.home import find_home
from tidemill.services.settings.loading import load_settings
from tidemill.web.app import create_app

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("docs")
    parts = build_parts(find_home(folder), load_settings(folder, {}))
    config = server_config(create_app(parts), Behind())
    config.lifespan = "off"
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
    parts.close()


@pytest.mark.parametrize(
    ("path", "ready"),
    [("/docs", "#operations-tag-Signing_in, .opblock-tag-section"), ("/redoc", "[data-section-id], .menu-content")],
)
def test_the_page_shows_every_operation_and_asks_nobody_else(
    browser: Any, address: str, faults: list[str], path: str, ready: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)

    def pass_on(route: Any) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            faults.append(f"asked elsewhere: {route.request.url}")
            route.abort()

    context.route("**/*", pass_on)
    page.goto(address + path)
    page.wait_for_selector(ready, timeout=30_000)
    page.wait_for_load_state("networkidle")
    for name in ("Signing in", "People"):  # the page draws one heading after the other
        page.get_by_text(name).first.wait_for(state="attached", timeout=30_000)
    if path == "/docs":  # its sections are shut: hundreds of open ones would take a browser half a minute
        page.get_by_text("Signing in").first.click()
        page.locator('[data-path="/v1/auth/login"]').first.wait_for(state="attached", timeout=30_000)
    assert "/v1/auth/login" in page.content()
    context.close()
