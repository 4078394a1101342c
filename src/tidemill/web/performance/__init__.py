"""Records of performance: of backtests, and of runs that are over."""
