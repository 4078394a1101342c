"""Asks a running installation: ``ask.py PATH`` prints an answer, ``ask.py --routes`` what can be asked for.

The address is the one the API wrote into the data folder, or TIDEMILL_URL.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path


def address() -> str:
    """Return where the API listens."""
    file = Path(os.environ.get("TIDEMILL_HOME") or ".tidemill") / "api.url"
    written = file.read_text(encoding="ascii") if file.exists() else "http://127.0.0.1:9001"
    return os.environ.get("TIDEMILL_URL") or written


def answer(path: str) -> object:
    """Return what is answered, errors too. Raises OSError: nobody listens there."""
    try:
        with urllib.request.urlopen(address() + path, timeout=10) as found:  # noqa: S310 - the operator's own address
            return json.loads(found.read())
    except urllib.error.HTTPError as error:
        with error:
            return json.loads(error.read())


def main() -> int:
    """Print an answer; return 1 when there is none or something is wrong."""
    try:
        if sys.argv[1:] == ["--routes"]:
            document = answer("/openapi.json")
            for path, operations in sorted(document["paths"].items()):  # type: ignore[index]
                sys.stdout.writelines(
                    f"{method.upper():<7} {path}  {operation['x-role']}\n" for method, operation in operations.items()
                )
            return 0
        found = answer(sys.argv[1])
    except OSError as error:
        sys.stderr.write(f"Nobody answers at {address()} ({error}); `make run-api` starts the service.\n")
        return 1
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return int(isinstance(found, dict) and found.get("code") is not None)


if __name__ == "__main__":
    sys.exit(main())
