"""Where somebody's events are sent: ``/v1/webhooks``."""
