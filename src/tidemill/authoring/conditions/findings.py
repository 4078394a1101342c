"""What is found while a tree is read, gathered place by place."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.model.conditions import ConditionTree, Finding

__all__ = ["Findings", "Parsed", "told"]

_MOST = 100  # findings that are told; a hostile text could hold thousands
_LONGEST = 60  # characters of a value that is told again


class Findings:
    """A list of errors and warnings that grows no longer than anybody reads."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.errors = 0

    def error(self, path: str, code: str, sentence: str, hint: str) -> None:
        """Note what makes the tree unusable."""
        self.errors += 1
        self._add(Finding("error", path, code, sentence, hint))

    def warning(self, path: str, code: str, sentence: str, hint: str) -> None:
        """Note what is odd."""
        self._add(Finding("warning", path, code, sentence, hint))

    def _add(self, finding: Finding) -> None:
        if len(self.found) < _MOST and finding not in self.found:
            self.found.append(finding)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of a tree that was read.

    Args:
        tree: None where there is an error.
        findings: errors and warnings in the order they were met.
    """

    tree: ConditionTree | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Return what makes the tree unusable."""
        return tuple(item for item in self.findings if item.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Return what is odd about it."""
        return tuple(item for item in self.findings if item.level == "warning")


def told(value: object) -> str:
    """Return a value as a sentence may quote it: short, and never walked into."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a huge number"
    text = repr(value[: _LONGEST + 1] if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
