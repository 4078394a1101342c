"""The tables of docs/concepts/command-line.md, made from the program; run this file to write them anew."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from tidemill.cli.flags import FLAGS, SECTIONS, flags_of
from tidemill.cli.main import app

__all__ = ["PAGE", "app", "page_with_tables"]

PAGE = Path(__file__).resolve().parents[2] / "docs/concepts/command-line.md"
_BLOCK = re.compile(r"(<!-- (flags|verbs) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def flag_tables() -> str:
    """One table per section of the TOML file."""
    lines: list[str] = []
    for section, title in SECTIONS.items():
        lines += [f"### `[{section}]`: {title}", "", "| flag | key | meaning |", "|---|---|---|"]
        for flag in flags_of(section):
            spellings = ", ".join(f"`{name}`" for text in flag.declarations for name in text.split("/"))
            key = "`name = value`" if section == "params" else f"`{flag.entry}`"
            lines.append(f"| {spellings} | {key} | {_cell(flag.help)} |")
        lines.append("")
    return "\n".join(lines)


def verb_tables() -> str:
    """One table per verb, with its arguments and those options that are not flags of a backtest."""
    lines: list[str] = []
    shared = {flag.variable: flag for flag in FLAGS}
    for path, command in _commands(typer.main.get_command(app), "tidemill"):
        lines += [f"### `{path}`", "", (command.help or "").split("\n\n")[0].replace("\n", " "), ""]
        borrowed = [item for item in command.params if item.name in shared and item.help == shared[item.name].help]
        rows = []
        for item in command.params:
            if item not in borrowed:
                is_argument = item.param_type_name == "argument"
                spellings = item.name.upper() if is_argument else ", ".join(f"`{name}`" for name in item.opts)
                rows.append(f"| {spellings} | {_cell(item.help or '')} |")
        lines += ["| argument | meaning |", "|---|---|", *rows, ""] if rows else []
        if path == "tidemill backtest":
            lines += ["And all flags above.", ""]
        elif borrowed:
            lines += [f"Also {', '.join(f'`{item.opts[0]}`' for item in borrowed)}, as for a backtest.", ""]
    return "\n".join(lines)


def _commands(command, path):
    """Every verb with the words that call it."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _commands(inner, f"{path} {name}")
    else:
        yield path, command


def page_with_tables() -> str:
    """The page as it should be."""
    tables = {"flags": flag_tables(), "verbs": verb_tables()}
    return _BLOCK.sub(lambda found: f"{found[1]}\n{tables[found[2]]}\n{found[3]}", PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(), encoding="utf-8")
