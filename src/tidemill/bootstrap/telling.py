"""What tells people things, put together for one process: the stream, notifications and webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill import __version__
from tidemill.adapters.sql.database import Database
from tidemill.ports.seams import Clock, Ids
from tidemill.services.home import Home
from tidemill.services.hosting.showing import window_of
from tidemill.services.logs import Log
from tidemill.services.notify.background import Background
from tidemill.services.notify.channels import load_channels
from tidemill.services.notify.follower import Follower
from tidemill.services.notify.notifications import Notifications
from tidemill.services.notify.outbound import Outbound
from tidemill.services.notify.sealing import Seal
from tidemill.services.notify.webhooks import Webhooks
from tidemill.services.settings.settings import Settings
from tidemill.services.stream.hub import Hub, HubTerms
from tidemill.services.stream.window import Window

__all__ = ["Telling", "build_telling"]


@dataclass(frozen=True, slots=True)
class Telling:
    """What routes of the stream, of notifications and of webhooks work with.

    Args:
        hub: serves those who watch. notifications, webhooks: what people are told, and where.
        channels: names of what may be used beside the list. background: follows and delivers, once it is entered.
    """

    hub: Hub
    notifications: Notifications
    webhooks: Webhooks
    channels: tuple[str, ...]
    background: Background


def build_telling(home: Home, database: Database, clock: Clock, ids: Ids, settings: Settings) -> Telling:
    """Return the services that tell people things; nothing runs yet.

    Raises:
        ConfigError, PluginError: a channel cannot be used.
    """
    terms = HubTerms(server_id=ids.fresh("api-"), build=__version__)
    channels, seal, log = load_channels(settings), Seal(home), Log(level=settings.log_level, process="notify")
    notifications = Notifications(database, clock)
    return Telling(
        Hub(database, clock, Window(window_of(home)), terms),
        notifications,
        Webhooks(database, clock, ids, seal, channels.get("webhook"), notifications),
        tuple(name for name in channels if name != "webhook"),
        Background(
            database, Follower(database, clock, notifications), Outbound(database, clock, seal, channels, log), log
        ),
    )
