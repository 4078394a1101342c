"""What tells people things, put together for one process: the stream."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill import __version__
from tidemill.adapters.sql.database import Database
from tidemill.ports.seams import Clock, Ids
from tidemill.services.home import Home
from tidemill.services.hosting.showing import window_of
from tidemill.services.stream.hub import Hub, HubTerms
from tidemill.services.stream.window import Window

__all__ = ["Telling", "build_telling"]


@dataclass(frozen=True, slots=True)
class Telling:
    """What routes of the stream work with.

    Args:
        hub: serves those who watch.
    """

    hub: Hub


def build_telling(home: Home, database: Database, clock: Clock, ids: Ids) -> Telling:
    """Return the services that tell people things; nothing runs yet."""
    terms = HubTerms(server_id=ids.fresh("api-"), build=__version__)
    return Telling(Hub(database, clock, Window(window_of(home)), terms))
