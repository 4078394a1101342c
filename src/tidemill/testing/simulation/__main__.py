"""``python -m tidemill.testing.simulation SEED [--only N3,P1 | --shrink]``: live through one day again."""

from __future__ import annotations

import argparse
import sys

from tidemill.testing.simulation.scenario import BAR_MINUTES, draw
from tidemill.testing.simulation.simulate import shrink, simulate


def main() -> int:
    """Run one day and tell what it showed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--only", default="", help="faults to keep, separated by commas")
    parser.add_argument("--shrink", action="store_true", help="leave out every fault that it fails without")
    parser.add_argument("--bar", type=int, default=BAR_MINUTES, help="length of its bars, minutes")
    options = parser.parse_args()
    if options.shrink:
        day, outcome = shrink(options.seed, options.bar)
    else:
        day = draw(options.seed, bar_minutes=options.bar)
        only = options.only.split(",") if options.only else list(day.faults)
        day = day.without([name for name in day.faults if name not in only])
        outcome = simulate(options.seed, day)
    sys.stdout.write(f"{outcome}\n")
    for breach in outcome.breaches:
        sys.stdout.write(f"  {breach}\n")
    happened = ", ".join(f"{name} x{count}" for name, count in sorted(outcome.fired.items()))
    sys.stdout.write(f"  {outcome.orders} orders, {outcome.fills} fills, {outcome.processes} processes; {happened}\n")
    sys.stdout.write(f"  endings: {outcome.endings}\n")
    return 0 if outcome.is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
