"""Channels as plug-ins: each entry point of ``tidemill.channels`` is a function from settings to a channel, or None."""

from __future__ import annotations

from importlib.metadata import entry_points

from tidemill.adapters.channels import MailChannel, MailServer, WebhookChannel
from tidemill.model.errors import ConfigError, PluginError
from tidemill.ports.channel import Channel
from tidemill.services.settings.profiles import Profile
from tidemill.services.settings.settings import Settings

__all__ = ["GROUP", "load_channels", "mail", "webhook"]

GROUP = "tidemill.channels"


def load_channels(settings: Settings) -> dict[str, Channel]:
    """Return every channel that is installed and set, by name.

    Raises:
        PluginError: one cannot be loaded, or goes by another name. ConfigError: a setting is wrong.
    """
    found: dict[str, Channel] = {}
    for item in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            channel: Channel | None = item.load()(settings)
        except (ImportError, AttributeError, TypeError) as error:
            raise PluginError(f"The channel {item.name} ({item.value}) cannot be loaded ({error}).") from error
        if channel is None:
            continue
        if channel.name != item.name:
            raise PluginError(f"The channel {item.name} ({item.value}) calls itself {channel.name}.")
        found[item.name] = channel
    return found


def mail(settings: Settings) -> Channel | None:
    """Return mail, None when no server is named."""
    if not settings.smtp_host:
        return None
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
    server = MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_from,
        settings.smtp_security,
        settings.smtp_username,
        password,
    )
    return MailChannel(server)


def webhook(settings: Settings) -> Channel:
    """Return webhooks.

    Raises:
        ConfigError: this machine is to be called outside the profile dev.
    """
    if settings.webhook_loopback and settings.profile is not Profile.DEV:
        raise ConfigError("Webhooks to this machine are for the profile dev only; take webhook_loopback away.")
    return WebhookChannel(may_loopback=settings.webhook_loopback)
