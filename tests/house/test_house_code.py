"""Rules of the house that no linter knows: what is public is listed, sorted, explained; who may name what."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from reference import ENVIRONMENT, ROOT

import tidemill

PACKAGE = ROOT / "src/tidemill"
FACE = PACKAGE / "__init__.py"  # loads names when they are asked for; has a test of its own
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py" and path != FACE)
NAMES = [str(path.relative_to(PACKAGE)) for path in MODULES]
# What each pure room may name besides the standard library and ourselves.
MAY_NAME = {
    "authoring": {"numpy"},
    "engine": {"numpy", "numba"},
    "kernel": {"llvmlite", "numba", "numpy"},
    "model": {"numpy"},
    "ports": {"numpy"},
    "risk": {"numpy"},
    "strategies": {"numpy"},
}
FORBIDDEN_WORDS = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
ALL = {"__all__"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def public_names(path: Path) -> list[str] | None:
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and {getattr(target, "id", "") for target in node.targets} == ALL:
            return [ast.literal_eval(item) for item in node.value.elts] if isinstance(node.value, ast.List) else None
    return None


def by_kind(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: the order ruff's RUF022 keeps."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2), name


def definitions(path: Path) -> dict[str, ast.AST]:
    """Everything a module defines at its head, also inside ``if`` and ``try``."""

    def walk(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.name, node
            elif isinstance(node, ast.Assign):
                names = [item for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)]
                yield from ((item.id, node) for item in names)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id, node
            elif isinstance(node, ast.Import | ast.ImportFrom):
                yield from ((alias.asname or alias.name, node) for alias in node.names)
            elif isinstance(node, ast.If):
                yield from walk(node.orelse)
                yield from walk(node.body)

    return dict(walk(tree_of(path).body))


def imported(path: Path) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""


def listing_faults(path: Path) -> str:
    """Say what is wrong with a module's ``__all__``, or nothing."""
    names, defined = public_names(path), definitions(path)
    if names is None:
        own = [name for name, node in defined.items() if not isinstance(node, ast.Import | ast.ImportFrom)]
        public = [name for name in own if not name.startswith("_")]
        return "" if path.name == "__init__.py" and not public else "missing"
    if names != sorted(set(names), key=by_kind):
        return "not sorted: constants, classes, functions"
    return f"not defined: {sorted(set(names) - set(defined))}" if set(names) - set(defined) else ""


def undocumented(path: Path) -> Iterator[str]:
    """Name what a module makes public without a docstring."""
    tree = tree_of(path)
    if not ast.get_docstring(tree):
        yield "the module itself"
    for name in public_names(path) or []:
        node = definitions(path).get(name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not ast.get_docstring(node):
            yield name
        for item in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(item, ast.FunctionDef) and item.name[0] != "_" and not ast.get_docstring(item):
                yield f"{name}.{item.name}"


def test_every_module_lists_its_public_names_in_order() -> None:
    faults = {name: listing_faults(path) for name, path in zip(NAMES, MODULES, strict=True)}
    assert {name: fault for name, fault in faults.items() if fault} == {}


def test_every_public_name_has_a_docstring() -> None:
    faults = {name: list(undocumented(path)) for name, path in zip(NAMES, MODULES, strict=True)}
    assert {name: fault for name, fault in faults.items() if fault} == {}


def test_the_public_face_holds_what_it_promises() -> None:
    stub = ast.parse(FACE.with_suffix(".pyi").read_text(encoding="utf-8"))
    typed = {
        alias.asname or alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(tidemill.__all__) == typed
    assert tidemill.__all__ == sorted(tidemill.__all__)
    assert [name for name in tidemill.__all__ if not getattr(tidemill, name).__doc__] == []


def test_pure_rooms_name_nothing_but_arrays_and_the_compiler() -> None:
    strange = []
    for room, allowed in MAY_NAME.items():
        for path in (PACKAGE / room).rglob("*.py"):
            for _, name in imported(path):
                head = name.partition(".")[0]
                if head not in allowed and head != "tidemill" and head not in sys.stdlib_module_names:
                    strange.append(f"{path.relative_to(PACKAGE)}: {name}")
    assert strange == []


def test_our_own_package_is_imported_at_the_head_of_a_file() -> None:
    hidden = []
    for path in MODULES:
        if path.relative_to(PACKAGE).parts[0] == "cli":
            continue
        at_head = {id(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.stmt)}
        for function in ast.walk(tree_of(path)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                at_head -= {id(node) for node in ast.walk(function)}
        hidden += [
            f"{path.relative_to(PACKAGE)}: {name}"
            for node, name in imported(path)
            if name.startswith("tidemill") and id(node) not in at_head
        ]
    assert hidden == []


def test_no_file_is_named_by_what_everything_is() -> None:
    assert [name for name in NAMES if set(Path(name).with_suffix("").parts) & FORBIDDEN_WORDS] == []


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == tidemill.__version__


def test_every_requirement_has_a_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    assert [item for item in wanted if ">=" not in item] == []


def test_every_environment_variable_is_documented() -> None:
    read = re.compile(r"""environ(?:\.get\(|\[)|getenv\(|in os\.environ""")
    quoted = re.compile(r'"([A-Z][A-Z_]{3,})"')
    ours = re.compile(r'"(TIDEMILL_[A-Z_]+)"')
    found = set()
    for path in MODULES:
        for line in path.read_text(encoding="utf-8").splitlines():
            found |= set((quoted if read.search(line) else ours).findall(line))
    assert found - set(ENVIRONMENT) == set()
    assert {name for name in ENVIRONMENT if name.startswith("TIDEMILL_")} - found == set()
