"""A simulated broker outside of the engine: durable, deterministic, and unreliable on demand."""

from __future__ import annotations

from tidemill.testing.exchange.exchange import ScriptedExchange
from tidemill.testing.exchange.faults import FAULTS, Fault, Faults
from tidemill.testing.exchange.floor import SCRIPTED_RULES
from tidemill.testing.exchange.session import ScriptedBroker
from tidemill.testing.exchange.truth import Truth

__all__ = ["FAULTS", "SCRIPTED_RULES", "Fault", "Faults", "ScriptedBroker", "ScriptedExchange", "Truth"]
