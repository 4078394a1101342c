"""Live runs: the loop around the core (grows with live trading)."""
