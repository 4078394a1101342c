"""Ways of telling people something, found by the entry points ``tidemill.channels``."""

from __future__ import annotations

from tidemill.adapters.channels.mail import MailChannel, MailServer
from tidemill.adapters.channels.webhook import WebhookChannel

__all__ = ["MailChannel", "MailServer", "WebhookChannel"]
