"""What happened, for people: title and text of a mail."""

from __future__ import annotations

import json

__all__ = ["text_of"]


def text_of(body: str) -> tuple[str, str]:
    """Return title and text of what a webhook would be sent."""
    told = json.loads(body)
    lines = [told["title"], "", told["text"], "", f"Event: {told['event']}"]
    lines += [f"Run: {told['run_id']}"] if told.get("run_id") else []
    return str(told["title"]), "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"
