"""The installation's figures in Prometheus' own text format (prometheus.io, Exposition formats)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tidemill import __version__
from tidemill.model.errors import StoreError
from tidemill.ports.seams import Clock
from tidemill.services.monitoring.pulse import Pulse, Vitals
from tidemill.services.monitoring.tally import BUCKETS_S, Counts, Tally

__all__ = ["Figures"]

_KEPT_NS = 5_000_000_000  # two scrapers cost the database as much as one
# When each label was first seen: as many figures again, and nobody asks.
disable_created_metrics()  # type: ignore[no-untyped-call]
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_REQUEST_BUCKETS_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Figures:
    """What Prometheus reads, with a registry of its own.

    Args:
        pulse, tally, clock: of the installation. environment: its profile.
    """

    def __init__(self, pulse: Pulse, tally: Tally, clock: Clock, environment: str) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "tidemill_http_requests",
            "Requests that were answered.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._waits = Histogram(
            "tidemill_http_request_seconds",
            "Seconds until a request was answered.",
            ["route"],
            buckets=_REQUEST_BUCKETS_S,
            registry=self._registry,
        )
        self._recorded = _Recorded(pulse, tally, clock, environment)
        self._registry.register(self._recorded)

    def uptime_s(self) -> float:
        """Return the seconds since this process began."""
        return self._recorded.uptime_s()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            route: its template, never the path that was asked for. status: of the answer; its class is kept.
        """
        self._requests.labels(route, method if method in _METHODS else "other", f"{status // 100}xx").inc()
        self._waits.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all figures in the text format."""
        return generate_latest(self._registry)


class _Recorded(Collector):
    """Figures that are read when they are asked for."""

    def __init__(self, pulse: Pulse, tally: Tally, clock: Clock, environment: str) -> None:
        self._pulse, self._tally, self._clock, self._environment = pulse, tally, clock, environment
        self._began_ns = clock.monotonic_ns()
        self._turn = threading.Lock()
        self._kept: list[Metric] = []
        self._kept_ns = 0

    def uptime_s(self) -> float:
        """Return the seconds since it was made."""
        return (self._clock.monotonic_ns() - self._began_ns) / 1e9

    def collect(self) -> Iterator[Metric]:
        """Yield every figure; without its database, that there is none."""
        now = self._clock.monotonic_ns()
        yield GaugeMetricFamily("trading_process_uptime_seconds", "Since this process began.", value=self.uptime_s())
        version = {"version": __version__, "environment": self._environment}
        yield InfoMetricFamily("trading_process_version", "What runs here.", value=version)
        with self._turn:
            if not self._kept or now - self._kept_ns > _KEPT_NS:
                self._kept, self._kept_ns = self._read(), now
            yield from self._kept

    def _read(self) -> list[Metric]:
        try:
            metrics = [*_happened(self._tally.count()), *_standing(self._pulse.feel())]
        except StoreError:
            return [_up(0)]
        return [_up(1), *metrics]


def _up(value: int) -> Metric:
    return GaugeMetricFamily("tidemill_database_up", "Whether the database answers.", value=value)


def _counter(name: str, text: str, labels: Iterable[str], values: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=list(labels))
    for key, value in sorted(values):
        family.add_metric(list(key), value)
    return family


def _happened(counts: Counts) -> Iterator[Metric]:
    yield _counter("trading_orders_ok", "Orders that passed.", ["symbol", "side"], counts.accepted.items())
    text = "Orders that were refused: by a rule, the guard, the broker, or before anybody was asked."
    yield _counter("trading_orders_blocked", text, ["symbol", "side", "reason"], counts.blocked.items())
    halts = [((by,), count) for by, count in counts.halts.items()]
    yield _counter("trading_halts", "Halts that runs have taken, by who asked.", ["reason"], halts)
    text = "Proposals that a model or a person at the gate stopped."
    yield _counter("trading_model_blocks", text, ["model_version", "reason"], counts.models.items())
    names = [*(f"{bound:g}" for bound in BUCKETS_S), "+Inf"]
    yield HistogramMetricFamily(
        "tidemill_order_latency_seconds",
        "From a decision to the moment its order leaves.",
        buckets=list(zip(names, accumulate(counts.latencies), strict=True)),
        sum_value=counts.latency_s,
    )
    deliveries = GaugeMetricFamily("tidemill_webhook_deliveries", "Deliveries by status.", labels=["status"])
    for status in ("PENDING", "SUCCESS", "FAILED"):
        deliveries.add_metric([status], counts.deliveries[status])
    yield deliveries


def _standing(vitals: Vitals) -> Iterator[Metric]:
    halted = GaugeMetricFamily("tidemill_guard_halted", "Halts that stand, by what they are over.", labels=["scope"])
    kinds = [scope.partition(":")[0] for scope in vitals.halts]
    for kind in ("system", "account", "run", "strategy", "symbol"):
        halted.add_metric([kind], kinds.count(kind))
    yield halted
    runs = GaugeMetricFamily("tidemill_runs", "Runs by how they stand.", labels=["status"])
    for state in ("CREATED", "RUNNING", "PAUSED", "STOPPED", "COMPLETED", "ERROR"):
        runs.add_metric([state], vitals.states.get(state, 0))
    yield runs
    ages = GaugeMetricFamily(
        "tidemill_heartbeat_age_seconds", "Since a process gave a sign of life.", labels=["process"]
    )
    for name, age in sorted(vitals.ages_s.items()):
        ages.add_metric([name], age)
    yield ages
    text = "Differences between our record and the brokers', as last compared."
    yield GaugeMetricFamily("tidemill_reconciliation_differences", text, value=vitals.differences)
    yield GaugeMetricFamily("tidemill_database_bytes", "Room the database takes.", value=vitals.database_bytes)
    yield GaugeMetricFamily("tidemill_disk_free_bytes", "Room that is left.", value=vitals.disk_free_bytes)
    for name, told, text in (
        ("tidemill_feed_age_seconds", "feed_age_s", "Since the last price, of the run that has waited longest."),
        ("tidemill_loop_lag_seconds", "lag_s", "How late the slowest engine's loop is."),
        ("tidemill_positions_open", "positions", "Open positions, of the run that has most."),
    ):
        found = vitals.worst(told)
        family = GaugeMetricFamily(name, text)
        if found is not None:
            family.add_metric([], found)
        yield family
