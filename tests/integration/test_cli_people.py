"""The verbs for people, tokens and settings, as they are typed."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
from cli_runs import Outcome, tidemill

from tidemill.services.home import Home
from tidemill.services.hosting.bells import address_file

PASSWORD = "three plain words"  # noqa: S105 - of people who exist for one test


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEMILL_HOME", str(tmp_path / "home"))
    for name in ("APP_ENV", "NODE_ENV", "JWT_SECRET", "DATABASE_URL", "DB_PATH", "DATABASE_PATH", "API_PORT", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))


def add(name: str = "ann", role: str = "owner") -> Outcome:
    return tidemill("user", "add", name, "--email", f"{name}@example.com", "--role", role, "--tier", "premium")


def test_somebody_from_the_first_day_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    assert add().code == 0
    listed = tidemill("user", "list").out
    assert "ann@example.com" in listed and "owner, PREMIUM" in listed and PASSWORD not in listed
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD))
    assert add("bob", "trader").code == 0
    assert "viewer, PREMIUM" in tidemill("user", "role", "bob", "viewer").out
    assert "viewer, BASIC" in tidemill("user", "tier", "bob@example.com", "BASIC").out
    monkeypatch.setattr(sys, "stdin", io.StringIO("four other plain words\n"))
    assert tidemill("user", "password", "bob").code == 0
    assert tidemill("user", "remove", "bob").out == "Removed: bob\n"
    refused = tidemill("user", "remove", "ann")
    assert refused.code == 3 and "only owner" in refused.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("user", "role", "ann", "king"), "role"),
        (("user", "tier", "ann", "GOLD"), "tier"),
        (("user", "role", "ane", "viewer"), "ann"),
        (("user", "add", "a!", "--email", "a@example.com"), "user name"),
        (("user", "add", "carl", "--email", "nobody"), "e-mail"),
        (("user", "add", "ann", "--email", "x@example.com"), "taken"),
        (("user", "code"), "registered"),
        (("token", "nobody"), "user"),
        (("token", "ann", "--roles", "king"), "role"),
        (("token", "ann", "--expires", "0"), "minutes"),
        (("token", "ann", "--user-id", "7"), "user"),
        (("token",), "user"),
        (("api", "--host", "0.0.0.0"), "proxy"),  # noqa: S104 - refused
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_will_not_do_is_one_sentence(words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert add().code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))
    refused = tidemill(*words)
    assert refused.code in {3, 4} and told in refused.err and refused.err.count("\n") == 1, refused


def test_a_token_says_what_it_should_and_lies_where_only_its_owner_reads(tmp_path: Path) -> None:
    assert add().code == 0
    done = tidemill("token", "--user-id", "1", "--roles", "viewer,trader", "--expires", "5", "--output", "t.txt")
    assert (done.code, done.out) == (0, "")
    path = tmp_path / "t.txt"
    assert path.stat().st_mode & 0o777 == 0o600
    found = jwt.decode(path.read_text(encoding="ascii").strip(), options={"verify_signature": False})
    assert (found["sub"], found["username"], found["roles"]) == ("1", "ann", ["viewer", "trader"])
    assert found["exp"] - found["iat"] == 300
    assert tidemill("token", "ann").out.startswith("eyJ")


def test_where_money_is_no_token_is_made_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert add().code == 0
    monkeypatch.setenv("APP_ENV", "production")
    refused = tidemill("token", "ann")
    assert refused.code == 3 and "sign in" in refused.err and "eyJ" not in refused.out


@pytest.mark.parametrize("secret", ["your-secret-key-change-in-production", "changeme", "brief", "a" * 64])
def test_placeholder_secrets_are_refused(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", secret)
    refused = tidemill("api")
    assert refused.code == 3 and "JWT_SECRET" in refused.err and secret not in refused.err


def test_loopback_without_a_token_is_for_trying_out_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_LOOPBACK_WITHOUT_TOKEN", "true")
    for profile in ("prod", "default"):
        monkeypatch.setenv("APP_ENV", profile)
        refused = tidemill("api")
        assert refused.code == 3 and "dev" in refused.err


def test_config_show_tells_where_each_value_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "9123")
    monkeypatch.setenv("JWT_SECRET", "canary" * 9)
    rows = {row["name"]: row for row in json.loads(tidemill("config", "show", "--json").out)}
    assert (rows["api_port"]["value"], rows["api_port"]["origin"]) == (9123, "environment API_PORT")
    assert rows["jwt_secret"]["value"] == "set"
    plain = tidemill("config", "show").out
    assert re.search(r"^api_port +9123 +environment API_PORT$", plain, re.MULTILINE) and "canary" not in plain


def test_everything_that_is_told_is_told_to_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*words: str) -> Any:
        done = tidemill(*words, "--json")
        assert done.code == 0, done
        return json.loads(done.out)

    assert re.fullmatch(r"[2-9A-Z]{5}(?:-[2-9A-Z]{5}){4}", asked("user", "code")["code"])
    ann = asked("user", "add", "ann", "--email", "ann@example.com", "--role", "owner")
    assert ann == {
        "id": 1,
        "username": "ann",
        "email": "ann@example.com",
        "role": "owner",
        "tier": "FREE",
        "is_active": True,
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD))
    assert add("bob", "trader").code == 0
    assert asked("user", "role", "bob", "viewer")["role"] == "viewer"
    assert asked("user", "tier", "bob", "BASIC")["tier"] == "BASIC"
    monkeypatch.setattr(sys, "stdin", io.StringIO("four other plain words\n"))
    assert asked("user", "password", "bob")["username"] == "bob"
    assert [user["username"] for user in asked("user", "list")] == ["ann", "bob"]
    assert asked("user", "remove", "bob") == {"removed": "bob"}
    made = asked("token", "ann", "--expires", "5")
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert (made["id"], made["username"], made["expires_at_s"]) == (1, "ann", claims["exp"])
    assert asked("token", "ann", "--output", "t.txt")["file"] == "t.txt"
    assert (tmp_path / "t.txt").read_text(encoding="ascii").startswith("eyJ")


def test_processes_tell_programs_too_and_are_told_how_much_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Still:
        """Keeps nothing alive, and says what a keeper says."""

        def __init__(self, home: Home, _jobs: object, **parts: Any) -> None:
            self.home, self.say = home, parts["say"]

        def run(self) -> int:
            address_file(self.home).write_text("http://127.0.0.1:9001", encoding="ascii")
            self.say("READY")
            self.say("api stays down")
            return 0

    monkeypatch.setattr("tidemill.services.supervision.Keeper", Still)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("TIDEMILL_DATABASE_URL", "")  # written by the verb, and put back behind the test
    monkeypatch.setenv("TIDEMILL_LOG_LEVEL", "")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    monkeypatch.setenv("DB_PATH", str(tmp_path / "data" / "desk.db"))
    done = tidemill("up", "--json")
    code, *others = [json.loads(line) for line in done.out.splitlines()]
    assert code["event"] == "owner_code" and len(code["code"]) == 29, done
    assert others == [
        {"event": "ready"},
        {"event": "listening", "address": "http://127.0.0.1:9001"},
        {"event": "told", "text": "api stays down"},
    ]
    assert (tmp_path / "data" / "desk.db").exists()
    assert os.environ["TIDEMILL_DATABASE_URL"] == f"sqlite:///{tmp_path / 'data' / 'desk.db'}"
    assert os.environ["TIDEMILL_LOG_LEVEL"] == "WARNING"


def test_a_door_of_its_own_tells_programs_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr("tidemill.bootstrap.api.serve", lambda parts, *_, **__: served.append(parts))
    told = json.loads(tidemill("api", "--json").out)
    assert told["event"] == "owner_code" and len(told["code"]) == 29
    served[0].close()


def test_a_fresh_installation_prints_its_code_once_and_ends_with_its_starter(tmp_path: Path) -> None:
    start = "import sys; from tidemill.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "api", "--port", "0", "--parent", str(os.getpid())]
    codes = []
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None and process.stdout is not None
            line = json.loads(process.stderr.readline())
            assert line["event"] == "listening" and line["address"].startswith("127.0.0.1:")
            process.send_signal(signal.SIGTERM)
            codes.append(re.findall(r"[2-9A-Z]{5}(?:-[2-9A-Z]{5}){4}", process.stdout.read()))
            assert process.stderr.read() == ""
    assert len(codes[0]) == 1 and codes[1] == []
    another = tidemill("user", "code").out.strip()
    assert another not in codes[0] and len(another) == 29
    command[-1] = "1"  # somebody else's child: the starter is gone
    gone = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert gone.returncode == 0 and "listening" in gone.stderr
