"""How times are written: as services write them."""

from __future__ import annotations

from tidemill.services.instants import iso_utc

__all__ = ["iso_utc"]
