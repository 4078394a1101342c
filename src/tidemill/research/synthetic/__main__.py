"""Print the stylised facts of the simulated market: ``python -m tidemill.research.synthetic [seed]``."""

from __future__ import annotations

import sys

from tidemill.research.synthetic.facts import facts, facts_table
from tidemill.research.synthetic.market import synthesise, synthesise_daily

if __name__ == "__main__":
    chosen = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    measured = facts(synthesise(seed=chosen, with_ticks=True)) + facts(synthesise_daily(seed=chosen))
    print(facts_table(measured))
