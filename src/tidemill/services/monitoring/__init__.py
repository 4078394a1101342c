"""How an installation fares: signs of life, figures for Prometheus, and the log of what happened."""
