"""The risk rules that are installed, in the order they are asked."""

from __future__ import annotations

from importlib.metadata import entry_points

from tidemill.authoring.rules import RuleSpec
from tidemill.model.errors import PluginError

__all__ = ["GROUP", "load_rules"]

GROUP = "tidemill.risk"


def load_rules() -> list[RuleSpec]:
    """Return every installed rule by rank, ours and plug-ins' alike.

    Raises:
        PluginError: an entry point does not lead to a RuleSpec, or none is installed at all: trading without rules
            is refused.
    """
    rules = []
    for item in entry_points(group=GROUP):
        spec = item.load()
        if not isinstance(spec, RuleSpec):
            raise PluginError(f"The risk plug-in {item.name!r} ({item.value}) exports no RuleSpec; fix or remove it.")
        rules.append(spec)
    if not rules:
        raise PluginError("No risk rules are installed; reinstall tidemill (its entry points are missing).")
    return sorted(rules, key=lambda spec: (spec.rank, spec.name))
