"""Every setting of the processes: its name, its bounds, and the spellings under which an environment may bring it.

Every name is also read in capitals with ``TIDEMILL_`` in front; that spelling comes first.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tidemill.services.access.placeholders import is_placeholder
from tidemill.services.settings.profiles import Profile

__all__ = ["Settings"]

_WINDOW = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_TOKEN_LENGTH = 32  # as hexadecimal: 128 bits
_HOST = re.compile(r"[a-z0-9.:\[\]_-]{1,253}")


def _names(value: Any) -> Any:
    """Return a list from what stands between commas, or from a list or an object with start and end."""
    if isinstance(value, str):
        return tuple(item.strip() for item in value.strip().strip("[]").replace('"', "").split(",") if item.strip())
    if isinstance(value, dict) and set(value) >= {"start", "end"}:
        return (f"{value['start']}-{value['end']}",)
    if isinstance(value, list | tuple):
        return tuple(
            f"{item['start']}-{item['end']}" if isinstance(item, dict) and {"start", "end"} <= set(item) else item
            for item in value
        )
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Secret = SecretStr | None


def _env(default: Any, *spellings: str, **more: Any) -> Any:
    """Return a field that the environment may bring under any of the spellings, the first one first."""
    return Field(default=default, validation_alias=AliasChoices(*spellings) if spellings else None, **more)


class Settings(BaseSettings):
    """What an installation's processes are set to."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, enable_decoding=False, hide_input_in_errors=True
    )

    profile: Profile = _env(Profile.DEFAULT, "APP_ENV", "NODE_ENV")
    # The door.
    api_host: str = _env("127.0.0.1", "API_HOST", max_length=253)
    api_port: int = _env(9001, "API_PORT", "PORT", ge=0, le=65_535)
    allowed_hosts: Names = _env((), "ALLOWED_HOSTS", max_length=32)
    cors_origins: Names = _env((), "CORS_ORIGINS", max_length=32)
    rate_limit_ratio: float = _env(1.0, gt=0.0, le=10_000.0)
    # People.
    jwt_secret: Secret = _env(None, "JWT_SECRET")
    jwt_algorithm: Literal["HS256"] = _env("HS256", "JWT_ALGORITHM")
    jwt_audience: str = _env("ai-trading-agent", "JWT_AUDIENCE", min_length=1, max_length=200)
    jwt_issuer: str = _env("ai-trading-agent", "JWT_ISSUER", min_length=1, max_length=200)
    access_token_minutes: int = _env(15, "JWT_ACCESS_TOKEN_EXPIRE_MINUTES", ge=1, le=1_440)
    refresh_token_days: int = _env(14, "JWT_REFRESH_TOKEN_EXPIRE_DAYS", ge=1, le=90)
    loopback_without_token: bool = _env(False)
    # Who may read figures of the whole installation: whoever brings the token, programs on this machine if it says so.
    scrape_token: Secret = _env(None, "SCRAPE_TOKEN")
    metrics_on_loopback: bool = _env(False)
    # Data.
    database_url: Secret = _env(None, "DATABASE_URL")
    database_path: str = _env("", "DATABASE_PATH", "DB_PATH", max_length=4_096)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _env("INFO", "LOG_LEVEL")
    time_zone: str = _env("America/New_York", "TZ", max_length=64)
    data_provider: str = _env("synthetic", "DATA_PROVIDER", max_length=32)
    symbols: Names = _env((), "SYMBOLS", max_length=1_000)
    polygon_api_key: Secret = _env(None, "POLYGON_API_KEY", "MASSIVE_API_KEY")
    # Trading.
    broker: str = _env("paper", "BROKER", max_length=32)
    trading_mode: Literal["PAPER", "LIVE"] = _env("PAPER", "TRADING_MODE")
    initial_capital_usd: float = _env(100_000.0, "INITIAL_CAPITAL_USD", "INITIAL_CAPITAL", gt=0.0, le=1e12)
    max_contracts: int = _env(5, "MAX_CONTRACTS", ge=0, le=100_000)
    max_trades_per_day: int = _env(5, "MAX_TRADES_PER_DAY", ge=0, le=100_000)
    daily_loss_cap_usd: float = _env(300.0, "DAILY_LOSS_CAP_USD", ge=0.0, le=1e12)
    max_position_pct: float = _env(10.0, "MAX_POSITION_PCT", "MAX_POSITION_SIZE_PCT", gt=0.0, le=100.0)
    max_position_usd: float = _env(50_000.0, "MAX_POSITION_USD", "MAX_POSITION_SIZE_USD", gt=0.0, le=1e12)
    max_daily_volume_usd: float = _env(100_000.0, "MAX_DAILY_VOLUME_USD", gt=0.0, le=1e15)
    violation_cooldown_s: float = _env(300.0, "VIOLATION_COOLDOWN_SECONDS", "VIOLATION_COOLDOWN", ge=0.0, le=86_400.0)
    auto_halt: bool = _env(True, "AUTO_HALT", "AUTO_HALT_ON_CRITICAL")
    # What people may trade by hand; empty: `services/manual/universe.py` says.
    allowed_symbols: Names = _env((), "ALLOWED_SYMBOLS", max_length=100)
    allowed_symbol_roots: Names = _env((), "ALLOWED_SYMBOL_ROOTS", max_length=20)
    session_windows: Names = _env(("08:30-15:00",), "SESSION_WINDOWS", max_length=8)
    session_days: Names = _env(_DAYS[:5], "SESSION_DAYS", max_length=7)
    # Brokers, vendors and messengers: used by their adapters only, shown by none.
    alpaca_api_key: Secret = _env(None, "ALPACA_API_KEY", "APCA_API_KEY_ID")
    alpaca_api_secret: Secret = _env(None, "ALPACA_API_SECRET", "ALPACA_SECRET_KEY", "APCA_API_SECRET_KEY")
    alpaca_base_url: str = _env("https://paper-api.alpaca.markets", "ALPACA_BASE_URL", max_length=300)
    tradestation_api_key: Secret = _env(None, "TRADESTATION_API_KEY")
    tradestation_api_secret: Secret = _env(None, "TRADESTATION_API_SECRET")
    tradestation_account_id: str = _env("", "TRADESTATION_ACCOUNT_ID", max_length=64)
    tradestation_redirect_uri: str = _env(
        "http://localhost:3000/auth/callback", "TRADESTATION_REDIRECT_URI", max_length=300
    )
    tradestation_env: Literal["sim", "live"] = _env("sim", "TRADESTATION_ENV")
    tradovate_api_key: Secret = _env(None, "TRADOVATE_API_KEY")
    tradovate_secret: Secret = _env(None, "TRADOVATE_SECRET")
    ibkr_host: str = _env("127.0.0.1", "IBKR_HOST", max_length=253)
    ibkr_port: int = _env(7497, "IBKR_PORT", ge=1, le=65_535)
    ibkr_client_id: int = _env(1, "IBKR_CLIENT_ID", ge=0, le=1 << 31)
    ibkr_account: str = _env("", "IBKR_ACCOUNT", max_length=64)
    anthropic_api_key: Secret = _env(None, "ANTHROPIC_API_KEY")
    telegram_bot_token: Secret = _env(None, "TELEGRAM_BOT_TOKEN")
    telegram_allowed_user_ids: Names = _env((), "TELEGRAM_ALLOWED_USER_IDS", max_length=1_000)
    telegram_enable: bool = _env(False, "TELEGRAM_ENABLE")
    telegram_webhook_url: str = _env("", "TELEGRAM_WEBHOOK_URL", max_length=300)
    smtp_host: str = _env("", "SMTP_HOST", max_length=253)
    smtp_port: int = _env(587, "SMTP_PORT", ge=1, le=65_535)
    smtp_security: Literal["tls", "starttls", "none"] = _env("starttls", "SMTP_SECURITY")
    smtp_username: str = _env("", "SMTP_USERNAME", max_length=254)
    smtp_password: Secret = _env(None, "SMTP_PASSWORD")
    smtp_from: str = _env("", "SMTP_FROM", max_length=254)
    webhook_loopback: bool = _env(False)

    @property
    def database(self) -> str | None:
        """Return the address of the database; the one that is given as an address comes before a file's path."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{Path(self.database_path).expanduser().absolute()}" if self.database_path else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature of pydantic-settings
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values as they are handed over: `load_settings` reads the sources one by one, to know who said what."""
        return (init_settings,)

    @field_validator("log_level", "trading_mode", mode="before")
    @classmethod
    def _in_capitals(cls, value: Any) -> Any:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("jwt_secret", "database_url", mode="after")
    @classmethod
    def _nothing_is_nothing(cls, value: Secret) -> Secret:
        return value if value is not None and value.get_secret_value() else None

    @field_validator("scrape_token", mode="after")
    @classmethod
    def _no_placeholder(cls, value: Secret) -> Secret:
        if value is None or not value.get_secret_value():
            return None
        if is_placeholder(value.get_secret_value()) or len(value.get_secret_value()) < _TOKEN_LENGTH:
            raise ValueError("that is a placeholder or too short; give it random letters (openssl rand -hex 32)")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST.fullmatch(item.lower()) for item in value):
            raise ValueError("hosts are names or addresses without http:// and without *")
        return tuple(item.lower() for item in value)

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"https?://[A-Za-z0-9.\[\]:_-]+", item) for item in value):
            raise ValueError("origins are written as https://name or http://name:port, and never *")
        return value

    @field_validator("session_windows")
    @classmethod
    def _windows(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_WINDOW.fullmatch(item) for item in value):
            raise ValueError("windows are written as 09:30-16:00, with commas between")
        return value

    @field_validator("session_days", mode="after")
    @classmethod
    def _days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        days = tuple(item[:3].upper() for item in value)
        if not set(days) <= set(_DAYS):
            raise ValueError("days are MON, TUE, WED, THU, FRI, SAT and SUN")
        return days

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("that time zone does not exist; write America/New_York, for example") from None
        return value
