"""How many trading days one core simulates in a second: real runs, virtual time, faults switched on by seed."""

from __future__ import annotations

import time

from tidemill.testing.simulation.simulate import simulate

__all__ = ["simulated_days"]


def simulated_days(count: int = 40, first: int = 1_000) -> dict[str, float]:
    """Return simulated days per second of one process; the first day, which compiles, does not count."""
    simulate(first)
    began = time.perf_counter()
    sound = sum(simulate(first + 1 + number).is_sound for number in range(count))
    return {"days_per_second": count / (time.perf_counter() - began), "sound": sound, "days": count}


if __name__ == "__main__":
    print(simulated_days())
