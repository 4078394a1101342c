"""Live strategies: ``/v1/live-strategies`` and ``/api/v1/live-trading``."""
