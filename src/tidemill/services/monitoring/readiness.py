"""Is the installation fit to be used? What is wrong is named; only what makes requests fail makes it unready."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidemill.model.errors import StoreError
from tidemill.services.monitoring.pulse import Pulse, Vitals

__all__ = ["Finding", "Readiness", "examine"]

_SILENT_S = 15.0  # as the engine's own patience with the watchdog
_DISK_BYTES = 1_000_000_000  # as the guard: below it nothing new is sent
_LAG_S = 2.0  # as above
_STALE_S = 120.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: stable. is_well: whether it is as it should be. text: what was found.
        is_needed: nothing can be asked for without it.
    """

    name: str
    is_well: bool
    text: str
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """What became of a look at everything.

    Args:
        findings: in order.
    """

    findings: Sequence[Finding]

    @property
    def reasons(self) -> list[str]:
        """Return the names of what is not well."""
        return [item.name for item in self.findings if not item.is_well]

    @property
    def status(self) -> str:
        """Return ``ready``, ``degraded`` (requests are answered, something is wrong) or ``not_ready``."""
        if any(item.is_needed and not item.is_well for item in self.findings):
            return "not_ready"
        return "degraded" if self.reasons else "ready"


def examine(pulse: Pulse) -> Readiness:
    """Look at database, disk, processes, feeds and halts."""
    try:
        vitals = pulse.feel()
    except StoreError:
        return Readiness([Finding("database", is_well=False, text="The database does not answer.", is_needed=True)])
    except OSError as error:
        text = f"The data folder cannot be read ({os.strerror(error.errno or 0)})."
        return Readiness([Finding("data_folder", is_well=False, text=text, is_needed=True)])
    return Readiness(
        [Finding("database", is_well=True, text="answers", is_needed=True), *(look(vitals) for look in _LOOKS)]
    )


def _disk(vitals: Vitals) -> Finding:
    free = vitals.disk_free_bytes
    return Finding("disk", free >= _DISK_BYTES, f"{free / 1e9:.1f} GB free")


def _host(vitals: Vitals) -> Finding:
    return _process(vitals, "host", "The engine host has not been started.", is_expected=True)


def _builds(vitals: Vitals) -> Finding:
    """API and engine have to be one build: else nothing is begun and nothing is ordered."""
    ours, engine = vitals.builds.get("api", ""), vitals.builds.get("host", "")
    is_one = not engine or engine == ours
    text = ours if is_one else f"the engine runs {engine}, the API {ours}; start both again with one build"
    return Finding("build", is_one, text)


def _watchdog(vitals: Vitals) -> Finding:
    return _process(vitals, "watchdog", "There is nothing to watch over.", is_expected=bool(vitals.runs))


def _engines(vitals: Vitals) -> Finding:
    return _process(vitals, "engine", "No run is at work.", is_expected=False)


def _process(vitals: Vitals, name: str, absent: str, *, is_expected: bool) -> Finding:
    age = vitals.ages_s.get(name)
    if age is None:
        return Finding(name, not is_expected, absent)
    if name == "watchdog" and not is_expected:
        return Finding(name, is_well=True, text=absent)
    return Finding(name, age <= _SILENT_S, f"gave a sign of life {age:.1f} s ago")


def _loops(vitals: Vitals) -> Finding:
    lag = vitals.worst("lag_s")
    return Finding("loop_lag", lag is None or lag <= _LAG_S, "not measured" if lag is None else f"{lag:.3f} s")


def _feeds(vitals: Vitals) -> Finding:
    """Judge only runs with something at stake: where nothing is held, silence is a quiet market."""
    exposed = [run for run in vitals.runs if (run.measured("positions") or 0) + (run.measured("orders") or 0) > 0]
    age = max((found for run in exposed if (found := run.measured("feed_age_s")) is not None), default=None)
    text = "nothing is at stake" if age is None else f"{age:.0f} s since the last price"
    return Finding("feed", age is None or age <= _STALE_S, text)


def _agreement(vitals: Vitals) -> Finding:
    count = vitals.differences
    return Finding("reconciliation", count == 0, f"{count} differences between our record and the brokers'")


def _halts(vitals: Vitals) -> Finding:
    return Finding("halts", not vitals.halts, f"{len(vitals.halts)} halts stand")


def _alerts(vitals: Vitals) -> Finding:
    count = vitals.undelivered
    text = f"critical alerts of the last day that reached nobody: {count}"
    return Finding("alerts", count == 0, text)


_LOOKS: tuple[Callable[[Vitals], Finding], ...] = (
    _disk,
    _host,
    _builds,
    _watchdog,
    _engines,
    _loops,
    _feeds,
    _agreement,
    _halts,
    _alerts,
)
