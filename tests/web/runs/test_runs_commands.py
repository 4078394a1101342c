"""Commands of many askers: each asked once and answered once, together in few transactions, with or without bells."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hosting import ALWAYS, hosted, until
from installation import Service

from tidemill.model.people import UserScope
from tidemill.services.hosting import bells
from tidemill.services.refusals import Refused

SYMBOLS = [f"S{number}X" for number in range(100)]
SESSION = {
    "symbols": SYMBOLS,
    "strategy": "momentum",
    "initialCash": 1_000_000,
    "settings": {**ALWAYS, "max_open_positions": 1_000},
}


def at_work(service: Service, prices: int = 1) -> str:
    """Start a session and give its first symbols a price: what has none is not ordered."""
    run_id = service.post("trader", "/v1/sessions/start", SESSION, 201)["session"]["run_id"]
    until(lambda: service.get("trader", f"/v1/runs/{run_id}")["run"]["status"], "RUNNING".__eq__)
    ticks = [{"symbol": symbol, "price": 50.0, "size": 10.0} for symbol in SYMBOLS[:prices]]
    assert service.post("trader", f"/v1/runs/{run_id}/ticks", {"ticks": ticks})["accepted"] == prices
    return str(run_id)


def order(number: int) -> dict[str, Any]:
    return {"symbol": SYMBOLS[number], "side": "buy", "quantity": 1.0, "limit_price": 50.0}


def test_fifty_clients_at_once_are_each_answered_once(service: Service) -> None:
    with hosted(service):
        run_id, scope = at_work(service, 100), service.principal("trader").scope
        asking, states = service.parts.fleet.asking, []

        def work(client: int) -> None:
            number = client // 2  # two clients send the same wish under the same key
            answer = asking.ask(scope, run_id, "order", order(number), key=f"order-{number}")
            states.append((answer.state, answer.text))

        threads = [threading.Thread(target=work, args=(client,)) for client in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store = service.parts.database.store
        assert [text for state, text in states if state != "DONE"] == []
        assert len(store.orders(run_id)) == len({text for _, text in states}) == 25
        notes = [row.key for row in store.tape(run_id) if row.kind == "INTENT"]
        assert len(notes) == len(set(notes)) == 25
        assert store.new_commands(run_id) == []


def test_without_bells_the_answer_only_comes_a_little_later(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with hosted(service):
        run_id, scope = at_work(service), service.principal("trader").scope
        nowhere = service.parts.home.folder / "nowhere"
        monkeypatch.setattr("tidemill.services.commands.asking.engine_bell", lambda _home: nowhere / "a")
        monkeypatch.setattr(
            "tidemill.services.commands.asking.answer_bell", lambda _home: service.parts.home.folder / "b"
        )
        answer = service.parts.fleet.asking.ask(scope, run_id, "order", order(0), wait_s=60.0)
        assert answer.state == "DONE", answer
        assert bells.engine_bell(service.parts.home).exists()


def test_a_key_belongs_to_one_wish_of_one_person(service: Service) -> None:
    with hosted(service):
        run_id, scope = at_work(service), service.principal("trader").scope
        asking = service.parts.fleet.asking
        assert asking.ask(scope, run_id, "order", order(0), key="same").state == "DONE"
        with pytest.raises(Refused, match="used for another request"):
            asking.ask(scope, run_id, "order", order(1), key="same")
        with pytest.raises(Refused, match="no run"):
            asking.ask(UserScope(service.users["other"].user_id), run_id, "order", order(0), key="same")


def test_an_unanswered_wish_is_safe_and_is_answered_later(service: Service) -> None:
    with hosted(service) as host:
        run_id, scope = at_work(service), service.principal("trader").scope
        host.kill()
        asking = service.parts.fleet.asking
        waiting = asking.ask(scope, run_id, "order", order(0), key="later", wait_s=0.0)
        assert (waiting.state, waiting.text) == ("NEW", "")
        assert host.again() < 10.0
        answer = asking.ask(scope, run_id, "order", order(0), key="later", wait_s=60.0)
        assert answer.text.startswith("stale_data")  # the new engine has seen no price yet, so it enters nothing
        assert [row.state for row in service.parts.database.store.orders(run_id)] == ["REJECTED"]


def test_what_comes_too_late_for_a_run_is_refused(service: Service) -> None:
    with hosted(service):
        run_id, scope = at_work(service), service.principal("trader").scope
        service.post("trader", f"/v1/runs/{run_id}/stop")
        asking = service.parts.fleet.asking
        answer = asking.ask(scope, run_id, "order", order(0), wait_s=60.0)  # it was at work a moment ago
        assert (answer.state, answer.text) == ("REFUSED", "run_over: the run is over.")
        until(lambda: _refusal(asking, scope, run_id), lambda found: "STOPPED" in found)


def _refusal(asking: Any, scope: UserScope, run_id: str) -> str:
    """Return why a run that is known to be over is asked for nothing any more."""
    try:
        asking.ask(scope, run_id, "order", order(0), wait_s=60.0)
    except Refused as error:
        return str(error)
    return ""
