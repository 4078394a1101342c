"""What a simulated day must be able to rule over: no clock, chance, name or loose task but through the seams.

The rooms named here run unchanged on virtual time. One raw clock in them and a seed no longer repeats its day.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from reference import ROOT

PACKAGE = ROOT / "src/tidemill"
ROOMS = (
    "adapters/feeds",
    "adapters/paper",
    "engine",
    "kernel",
    "model",
    "ports",
    "risk",
    "runtime",
    "strategies",
    "wire",
)
SEAMS = {
    "runtime/clock.py",
    "runtime/doorbell.py",
    "runtime/local_socket.py",
    "runtime/loudspeaker.py",
    "wire/sockets.py",
}  # may ask the machine
FILES = {
    str(path.relative_to(PACKAGE)): path
    for room in ROOMS
    for path in sorted((PACKAGE / room).rglob("*.py"))
    if str(path.relative_to(PACKAGE)) not in SEAMS
}
# Who may catch everything, and why; each place carries the reason again.
CATCH_ALL = {
    "engine/bind.py": "crosses C code and is raised again after the loop",
    "runtime/bus.py": "handlers are foreign code",
    "runtime/record/writer.py": "is raised again where the work was asked for",
}
# Where a set is walked through all the same, and why its order leaves no trace.
UNORDERED = {"kernel/transitions.py": "each final state has a row of its own in a table"}
MACHINE = {"random", "secrets", "time", "uuid"}
NETWORK = {"http", "httpx", "httpx2", "requests", "select", "selectors", "socket", "ssl", "urllib", "websockets"}
# Nothing else of asyncio: `timeout` runs on the loop's own time, which a simulation makes; `sleep` belongs to Clock.
ASYNCIO = {
    "AbstractEventLoop",
    "CancelledError",
    "Event",
    "Future",
    "Queue",
    "TaskGroup",
    "get_running_loop",
    "timeout",
}
NOW = {"now", "today", "utcnow", "urandom"}
BROAD = {"BaseException", "Exception"}
SETS = {"AbstractSet", "MutableSet", "frozenset", "set"}
MIXED = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)
KEEPS_ORDER = {"deque", "enumerate", "iter", "list", "map", "next", "tuple", "zip"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def machine_modules(tree: ast.Module) -> Iterator[str]:
    """Imports of a clock, of chance, of fresh names, of the network."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if node.module == "asyncio":
                yield f"{node.lineno}: from asyncio import"
        yield from (f"{node.lineno}: {name}" for name in names if name.partition(".")[0] in MACHINE | NETWORK)


def machine_calls(tree: ast.Module) -> Iterator[str]:
    """Today's date, the loop's clock, and what asyncio does behind a Clock's back."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        text = ast.unparse(node)
        if ast.unparse(node.value) == "asyncio" and node.attr not in ASYNCIO:
            yield f"{node.lineno}: {text}"
        if node.attr in NOW and text.rpartition(".")[0].rpartition(".")[2] in {"date", "datetime", "os"}:
            yield f"{node.lineno}: {text}"
        if node.attr in {"call_at", "call_later"} or (node.attr == "time" and "loop" in text):
            yield f"{node.lineno}: {text}"


def loose_tasks(tree: ast.Module) -> Iterator[str]:
    """Tasks that no group waits for."""
    groups = {
        ast.unparse(item.optional_vars)
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if item.optional_vars is not None and ast.unparse(item.context_expr) == "asyncio.TaskGroup()"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"}:
            owner = ast.unparse(node.value)
            if owner not in groups:
                yield f"{node.lineno}: {owner}.{node.attr}"


def broad_catches(tree: ast.Module) -> Iterator[str]:
    """``except`` of everything, alone or among others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or ast.unparse(kind).rpartition(".")[2] in BROAD for kind in kinds):
                yield f"{node.lineno}: except {ast.unparse(node.type) if node.type else ''}"


def is_set(node: ast.AST | None, known: set[str]) -> bool:
    """Tell whether an expression is a set as far as its own file shows."""
    match node:
        case ast.Name() | ast.Attribute():
            return ast.unparse(node) in known
        case ast.Call(func=ast.Attribute(value=owner, attr=name)):
            return name in {"copy", "difference", "intersection", "union"} and is_set(owner, known)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, MIXED):
            return any(is_set(side, known) or ast.unparse(side).endswith(".keys()") for side in (left, right))
        case ast.IfExp(body=body, orelse=orelse):
            return is_set(body, known) or is_set(orelse, known)
        case ast.Call(func=ast.Name(id=name)):
            return name in SETS
        case _:
            return isinstance(node, ast.Set | ast.SetComp)


def known_sets(tree: ast.Module) -> set[str]:
    """Names and attributes that a file declares or fills as sets."""
    known: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name, annotation=kind) if kind is not None and is_set_type(kind):
                known.add(name)
            case ast.AnnAssign(target=target, annotation=kind) if is_set_type(kind):
                known |= {ast.unparse(target), f"self.{ast.unparse(target)}"}
            case ast.Assign(targets=targets, value=value) if is_set(value, known):
                known |= {ast.unparse(target) for target in targets}
    return known


def is_set_type(kind: ast.AST) -> bool:
    head = kind.value if isinstance(kind, ast.Subscript) else kind
    return ast.unparse(head).rpartition(".")[2] in SETS


def set_walks(tree: ast.Module) -> Iterator[str]:
    """Places where the order in which a set happens to lie would decide something."""
    known = known_sets(tree)
    for node in ast.walk(tree):
        walked: list[ast.AST] = []
        match node:
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                walked = [node.iter]
            case ast.Starred():
                walked = [node.value]
            case ast.Call(func=ast.Name(id=name), args=args) if name in KEEPS_ORDER:
                walked = list(args)
            case ast.Call(func=ast.Attribute(attr="join" | "extend"), args=args):
                walked = list(args)
            case ast.Call(func=ast.Attribute(value=owner, attr="pop"), args=[]):
                walked = [owner]
        yield from (f"{item.lineno}: {ast.unparse(item)}" for item in walked if is_set(item, known))


def found_by(look: object) -> dict[str, list[str]]:
    assert callable(look)
    found = {name: list(look(tree_of(path))) for name, path in FILES.items()}
    return {name: places for name, places in found.items() if places}


def test_clocks_chance_and_names_come_through_the_seams() -> None:
    assert found_by(machine_modules) == {}
    assert found_by(machine_calls) == {}


def test_every_task_belongs_to_a_group() -> None:
    assert found_by(loose_tasks) == {}


def test_nothing_is_caught_wholesale_but_where_it_is_told() -> None:
    assert set(found_by(broad_catches)) == set(CATCH_ALL)


def test_no_set_is_walked_through() -> None:
    assert set(found_by(set_walks)) == set(UNORDERED)


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (machine_modules, "import time"),
        (machine_modules, "from uuid import uuid4"),
        (machine_modules, "from asyncio import sleep"),
        (machine_modules, "import urllib.request"),
        (machine_modules, "from websockets.asyncio.client import connect"),
        (machine_calls, "stamp = datetime.now(UTC)"),
        (machine_calls, "day = datetime.date.today()"),
        (machine_calls, "async def wait():\n    await asyncio.sleep(1)"),
        (machine_calls, "async def wait(it):\n    await asyncio.wait_for(it, 1)"),
        (machine_calls, "async def dial():\n    await asyncio.open_connection('there', 1)"),
        (machine_calls, "at = asyncio.get_running_loop().time()"),
        (loose_tasks, "asyncio.create_task(work())"),
        (loose_tasks, "loop.create_task(work())"),
        (broad_catches, "try:\n    pass\nexcept (OSError, Exception):\n    pass"),
        (broad_catches, "try:\n    pass\nexcept:\n    pass"),
        (set_walks, "open_ones: set[str] = fresh()\nfor name in open_ones:\n    pass"),
        (set_walks, "def f(names: frozenset[str]):\n    return [name for name in names]"),
        (set_walks, "gone = old.keys() - new.keys()\nfirst = list(gone)"),
        (set_walks, "class A:\n    seen: set[int]\n    def f(self):\n        return ','.join(self.seen)"),
        (set_walks, "left = {1, 2}\none = left.pop()"),
    ],
)
def test_the_look_sees_what_it_should(look: object, text: str) -> None:
    assert callable(look)
    assert list(look(ast.parse(text)))


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (
            loose_tasks,
            "async def f():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(work())",
        ),
        (set_walks, "left = {1, 2}\nfor one in sorted(left):\n    pass\nhas = 1 in left\nmost = max(left)"),
        (set_walks, "rows = {}\nfor row in rows:\n    pass"),
        (machine_calls, "at = datetime.fromtimestamp(0, tz=UTC)"),
    ],
)
def test_the_look_lets_pass_what_is_right(look: object, text: str) -> None:
    assert callable(look)
    assert not list(look(ast.parse(text)))
