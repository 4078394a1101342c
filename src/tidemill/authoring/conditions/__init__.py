"""Custom strategies as condition trees: read from JSON, checked, told in plain English, turned into programs, tried."""
