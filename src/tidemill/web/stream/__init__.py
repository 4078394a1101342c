"""The WebSocket under ``/ws/v1``."""
