"""Records of performance: one for each backtest and for each run that is over, and what they add up to."""
