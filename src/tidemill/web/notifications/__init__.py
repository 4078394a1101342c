"""What somebody was told, and what they want to be told: ``/v1/notifications``."""
