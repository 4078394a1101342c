"""Backtests and what is learned from them: planning, look-ahead check, metrics, reports, the synthetic market."""
