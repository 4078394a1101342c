"""Custom strategies: conditions of one's own."""
