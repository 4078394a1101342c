"""What an operator looks at, put together for one process."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.adapters.sql.database import Database
from tidemill.ports.seams import Clock
from tidemill.services.exporting.exports import Exports
from tidemill.services.home import Home
from tidemill.services.monitoring.events import Events
from tidemill.services.monitoring.figures import Figures
from tidemill.services.monitoring.pulse import Pulse
from tidemill.services.monitoring.tally import Tally

__all__ = ["Operations", "build_operations"]


@dataclass(frozen=True, slots=True)
class Operations:
    """What routes about the installation itself work with.

    Args:
        pulse: signs of life. figures: for Prometheus. events: what happened to somebody's runs.
        exports: somebody's rows as files.
    """

    pulse: Pulse
    figures: Figures
    events: Events
    exports: Exports


def build_operations(home: Home, database: Database, clock: Clock, environment: str) -> Operations:
    """Return the services of operation.

    Args:
        environment: the profile.
    """
    pulse = Pulse(home, database, clock)
    figures = Figures(pulse, Tally(database), clock, environment)
    return Operations(pulse, figures, Events(database), Exports(database))
