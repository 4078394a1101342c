"""Words that stand where a secret belongs: what examples print is known to everybody."""

from __future__ import annotations

__all__ = ["is_placeholder"]

# Words that examples and templates use where a secret belongs.
_PLACEHOLDERS = (
    "change-in-production",
    "change-me",
    "change-this",
    "changeit",
    "changeme",
    "default",
    "example",
    "placeholder",
    "replace-me",
    "secret-key",
    "supersecret",
    "your-secret",
)


def is_placeholder(secret: str) -> bool:
    """Tell whether a secret is one of an example, or too regular to be one."""
    plain = secret.strip().lower().replace("_", "-").replace(" ", "-")
    return any(word in plain for word in _PLACEHOLDERS) or len(set(plain)) < 8
