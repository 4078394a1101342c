"""Trading by hand: orders, signals, guardrails, halts, results and logs under ``/v1``."""
