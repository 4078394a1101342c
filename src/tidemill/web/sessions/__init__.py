"""Trading sessions: ``/v1/sessions`` and ``/v1/users/...``, and the same under ``/api/trading``."""
