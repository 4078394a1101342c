"""Live runs: one loop around the core; ``life`` says how a run begins, serves and ends, the other rooms are parts."""
