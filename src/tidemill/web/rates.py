"""How often somebody may ask: a bucket for each caller and route, in this process, of which there are only so many."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from tidemill.ports.seams import Clock

__all__ = ["Rates"]

_MOST = 20_000  # buckets; about four megabytes
_MINUTE_NS = 60_000_000_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at_ns: int


class Rates:
    """Token buckets, the least used forgotten first.

    Args:
        clock: what time it is.
        ratio: every limit is multiplied by this.
        most: buckets that are kept.
    """

    def __init__(self, clock: Clock, ratio: float = 1.0, most: int = _MOST) -> None:
        self._clock, self._ratio, self._most = clock, ratio, most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._turn = threading.Lock()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait_s(self, name: str, per_minute: float) -> float:
        """Count a request; return 0 if it may pass, else the seconds until the next one may.

        Args:
            name: of caller and route. per_minute: requests a minute, and at once.
        """
        most = max(1.0, per_minute * self._ratio)
        now = self._clock.monotonic_ns()
        with self._turn:
            bucket = self._buckets.pop(name, None) or _Bucket(most, now)
            bucket.left = min(most, bucket.left + (now - bucket.at_ns) * most / _MINUTE_NS)
            bucket.at_ns = now
            self._buckets[name] = bucket
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            if bucket.left >= 1.0:
                bucket.left -= 1.0
                return 0.0
            return (1.0 - bucket.left) * 60.0 / most
