"""Use cases: one thing a user wants done, end to end."""
