"""Settings: who says what first, where each value is from, which spellings are understood, what is out of bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemill.model.errors import ConfigError, UnknownName
from tidemill.services.settings.loading import load_settings
from tidemill.services.settings.profiles import PROFILES, Profile
from tidemill.services.settings.settings import Settings


def test_the_environment_comes_before_the_file_before_toml_before_the_profile(tmp_path: Path) -> None:
    dotenv = ["API_PORT=9100", "MAX_TRADES_PER_DAY=6", "DAILY_LOSS_CAP_USD=111", "# LOG_LEVEL=ERROR", ""]
    (tmp_path / ".env").write_text("\n".join(dotenv), encoding="utf-8")
    toml = "[service]\napi_port = 9200\nmax_trades_per_day = 7\ndaily_loss_cap_usd = 222\nmax_contracts = 3\n"
    (tmp_path / "tidemill.toml").write_text(toml, encoding="utf-8")
    loaded = load_settings(tmp_path, {"TIDEMILL_API_PORT": "9000", "APP_ENV": "dev"}, {"broker": "paper"})
    settings, origins = loaded.settings, loaded.origins
    found = [settings.api_port, settings.max_trades_per_day, settings.daily_loss_cap_usd, settings.max_contracts]
    assert found == [9000, 6, 111.0, 3]
    assert [origins[name] for name in ("api_port", "max_trades_per_day", "max_contracts", "log_level", "broker")] == [
        "environment TIDEMILL_API_PORT",
        ".env MAX_TRADES_PER_DAY",
        "tidemill.toml",
        "profile dev",
        "command line",
    ]
    assert origins["jwt_issuer"] == "default" and settings.log_level == "DEBUG"
    assert {row["name"]: row["origin"] for row in loaded.shown()} == dict(origins)


@pytest.mark.parametrize(
    ("word", "profile"),
    [("dev", "dev"), ("development", "dev"), ("PRODUCTION", "prod"), ("prod", "prod"), ("default", "default")],
)
def test_profiles_have_the_documented_defaults(word: str, profile: str, tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"APP_ENV": word}).settings
    expected = {
        "dev": (9001, "DEBUG", 10, 10, 500.0, 20.0, ("06:00-20:00",), 7),
        "prod": (8000, "INFO", 5, 5, 200.0, 10.0, ("09:30-16:00",), 5),
        "default": (9001, "INFO", 5, 5, 300.0, 10.0, ("08:30-15:00",), 5),
    }[profile]
    assert settings.profile == profile
    assert expected == (
        settings.api_port,
        settings.log_level,
        settings.max_contracts,
        settings.max_trades_per_day,
        settings.daily_loss_cap_usd,
        settings.max_position_pct,
        settings.session_windows,
        len(settings.session_days),
    )


def test_every_profile_sets_the_same_names_and_only_known_ones() -> None:
    assert {frozenset(values) for values in PROFILES.values()} == {frozenset(PROFILES[Profile.DEV])}
    assert set(PROFILES[Profile.DEV]) <= set(Settings.model_fields)


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "30", "access_token_minutes", 30),
        ("PORT", "3000", "api_port", 3000),
        ("TZ", "America/Phoenix", "time_zone", "America/Phoenix"),
        ("SESSION_WINDOWS", "06:30-08:00, 08:30-10:00", "session_windows", ("06:30-08:00", "08:30-10:00")),
        ("SESSION_WINDOWS", '["06:30-08:00","08:30-10:00"]', "session_windows", ("06:30-08:00", "08:30-10:00")),
        ("SYMBOLS", "NQ", "symbols", ("NQ",)),
        ("TRADING_MODE", "paper", "trading_mode", "PAPER"),
        ("LOG_LEVEL", "warning", "log_level", "WARNING"),
        ("TELEGRAM_ALLOWED_USER_IDS", "1,2", "telegram_allowed_user_ids", ("1", "2")),
        ("TELEGRAM_ALLOWED_USER_IDS", "", "telegram_allowed_user_ids", ()),
        ("IBKR_PORT", "7496", "ibkr_port", 7496),
        ("INITIAL_CAPITAL", "25000", "initial_capital_usd", 25_000.0),
        ("MAX_POSITION_SIZE_USD", "1000", "max_position_usd", 1_000.0),
        ("TELEGRAM_ENABLE", "1", "telegram_enable", True),
        ("TIDEMILL_LOOPBACK_WITHOUT_TOKEN", "true", "loopback_without_token", True),
    ],
)
def test_spellings_of_the_sources(tmp_path: Path, variable: str, value: str, name: str, expected: object) -> None:
    loaded = load_settings(tmp_path, {variable: value})
    assert getattr(loaded.settings, name) == expected
    assert loaded.origins[name] == (f"environment {variable}" if value else "default")


def test_both_names_of_a_broker_secret_are_understood(tmp_path: Path) -> None:
    for variable in ("ALPACA_API_SECRET", "ALPACA_SECRET_KEY", "APCA_API_SECRET_KEY"):
        secret = load_settings(tmp_path, {variable: "s3"}).settings.alpaca_api_secret
        assert secret is not None and secret.get_secret_value() == "s3"


@pytest.mark.parametrize("variable", ["DATABASE_PATH", "DB_PATH", "TIDEMILL_DATABASE_PATH"])
def test_a_database_is_named_by_its_file_too_and_an_address_comes_first(tmp_path: Path, variable: str) -> None:
    path = tmp_path / "data" / "trading.db"
    loaded = load_settings(tmp_path, {variable: str(path)})
    assert loaded.settings.database == f"sqlite:///{path}"
    shown = {row["name"]: row for row in loaded.shown()}["database_path"]
    assert (shown["value"], shown["origin"]) == (str(path), f"environment {variable}")
    address = "postgresql://ann@localhost/desk"
    assert load_settings(tmp_path, {variable: str(path), "DATABASE_URL": address}).settings.database == address
    assert load_settings(tmp_path, {}).settings.database is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("API_PORT", "70000"),
        ("API_PORT", "nine"),
        ("JWT_ALGORITHM", "none"),
        ("JWT_ALGORITHM", "RS256"),
        ("JWT_ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "desk.example"),
        ("ALLOWED_HOSTS", "*"),
        ("SESSION_WINDOWS", "25:00-26:00"),
        ("SESSION_DAYS", "MON,FUNDAY"),
        ("TZ", "../etc/passwd"),
        ("TZ", "Mars/Base"),
        ("DAILY_LOSS_CAP_USD", "-1"),
        ("DAILY_LOSS_CAP_USD", "nan"),
        ("APP_ENV", "staging"),
    ],
)
def test_what_is_out_of_bounds_is_named_and_not_repeated(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(tmp_path, {variable: value})
    assert variable in str(refused.value)
    assert "input_value" not in str(refused.value)


def test_a_file_with_unknown_names_or_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tidemill.toml"
    path.write_text("[service]\napi_prot = 1\n", encoding="utf-8")
    with pytest.raises(UnknownName, match="api_port"):
        load_settings(tmp_path, {})
    path.write_text("[service\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, {})
    path.write_text("service = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="table"):
        load_settings(tmp_path, {})
    with pytest.raises(ConfigError, match="TIDEMILL_CONFIG"):
        load_settings(tmp_path, {"TIDEMILL_CONFIG": str(tmp_path / "none.toml")})
    path.write_text("[data]\nfiles = []\n", encoding="utf-8")
    assert load_settings(tmp_path, {}).settings.api_port == 9001


def test_the_same_file_named_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[service]\nsession_windows = {start = "10:00", end = "11:00"}\n', encoding="utf-8")
    loaded = load_settings(tmp_path / "nowhere", {"TIDEMILL_CONFIG": str(path)})
    assert loaded.settings.session_windows == ("10:00-11:00",)
    assert loaded.origins["session_windows"] == "mine.toml"
