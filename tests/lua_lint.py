"""The Lua scripts, read before they run: names, includes, headers, fields.

    .venv/bin/python tests/lua_lint.py     part of `make check`; one line for each fault, and 1 as exit code

1. A name is a local, comes from a part that the script includes, or is one of Redis' own: a global would fail in Redis, at the
   first message that takes that way. Nothing is written to a global.
2. A local, a parameter and a function is used; `_` is for what is not. A part's function is used by whoever includes the part.
3. An include leads to a part that there is, and something of it is used.
4. A script begins with what it does, its KEYS, its ARGV and what it returns; a part with what it is.
5. Fields have names: a place in a list is a number up to 2 (a pair that Redis gives), but in KEYS and ARGV.
"""

# ruff: noqa: T201, N802 - a command that prints; its methods bear the names of the nodes
from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile

from luaparser import ast, astnodes

from octoworker.store import keys, scripts

OF_REDIS = frozenset(
    [
        "redis",
        "cjson",
        "KEYS",
        "ARGV",
        "tonumber",
        "tostring",
        "type",
        "pairs",
        "ipairs",
        "pcall",
        "unpack",
        "select",
        "next",
        "error",
        "assert",
        "math",
        "string",
        "table",
    ]
)
"""What every script finds there."""

HEADER = ("-- KEYS  ", "-- ARGV  ", "-- returns  ")
"""What a script's header says, in this order."""

OF_PYTHON = frozenset(["for_each"])
"""What `scripts` names where it puts a script together."""

LAST_PLACE = 2
"""The last place in a list that needs no name."""


@dataclass
class Scope:
    """The locals of one block, and whether somebody used them."""

    kept: dict[str, int] = field(default_factory=dict)
    """Name -> line."""
    used: set[str] = field(default_factory=set)


@dataclass
class Reading:
    """What one file says."""

    faults: list[str] = field(default_factory=list)
    exports: dict[str, int] = field(default_factory=dict)
    """Its locals outside every function -> line: what an including script may use."""
    used_here: set[str] = field(default_factory=set)
    """Those of them that it uses itself."""
    foreign: dict[str, int] = field(default_factory=dict)
    """Names that are none of its own -> line."""


class Reader:
    """Walks one file, from outside in, with the scopes that stand open."""

    def __init__(self, path: str) -> None:
        self.path, self.reading, self.open, self.line = path, Reading(), [Scope()], 0

    def read(self, chunk: astnodes.Chunk) -> Reading:
        for statement in chunk.body.body:
            self.visit(statement)
        self.reading.exports, self.reading.used_here = self.open[0].kept, self.open[0].used
        return self.reading

    def fault(self, line: int, what: str) -> None:
        self.reading.faults.append(f"{self.path}:{line}: {what}")

    def visit(self, node: object) -> None:
        # A name that is given a value has no line of its own.
        self.line = getattr(node, "line", None) or self.line
        for kind in type(node).__mro__:
            if act := getattr(self, f"on_{kind.__name__}", None):
                act(node)
                return
        self.inside(node)

    def inside(self, node: object, *, but: tuple[str, ...] = ()) -> None:
        """All that a node holds."""
        if isinstance(node, list):
            for each in node:
                self.visit(each)
        elif isinstance(node, astnodes.Node):
            for name, value in vars(node).items():
                if not name.startswith("_") and name not in {"comments", *but}:
                    self.visit(value)

    def declare(self, name: astnodes.Name) -> None:
        self.open[-1].kept[name.id] = self.line

    def block(self, body: astnodes.Block, names: Sequence[astnodes.Name] = ()) -> None:
        """A block with locals of its own."""
        self.open.append(Scope())
        for name in names:
            if isinstance(name, astnodes.Name):
                self.declare(name)
        self.inside(body.body)
        scope = self.open.pop()
        for each, line in scope.kept.items():
            if each not in scope.used and each != "_":
                self.fault(line, f"{each} is used by nobody")

    def on_Name(self, node: astnodes.Name) -> None:
        for scope in reversed(self.open):
            if node.id in scope.kept:
                scope.used.add(node.id)
                return
        self.reading.foreign.setdefault(node.id, self.line)

    def on_Index(self, node: astnodes.Index) -> None:
        self.visit(node.value)
        named = node.notation is astnodes.IndexNotation.DOT
        if not named:
            self.visit(node.idx)
        of_redis = isinstance(node.value, astnodes.Name) and node.value.id in {"KEYS", "ARGV"}
        if isinstance(node.idx, astnodes.Number) and node.idx.n > LAST_PLACE and not of_redis:
            self.fault(self.line, f"place {node.idx.n} of a list says nothing: give it a name")

    def on_Field(self, node: astnodes.Field) -> None:
        if node.between_brackets:
            self.visit(node.key)
        self.visit(node.value)

    def on_LocalAssign(self, node: astnodes.LocalAssign) -> None:
        self.inside(node.values)
        for name in node.targets:
            self.declare(name)

    def on_Assign(self, node: astnodes.Assign) -> None:
        self.inside(node.values)
        for target in node.targets:
            if not isinstance(target, astnodes.Name):
                self.visit(target)
            elif not any(target.id in scope.kept for scope in self.open):
                self.fault(self.line, f"{target.id} would be a global")

    def on_LocalFunction(self, node: astnodes.LocalFunction) -> None:
        self.declare(node.name)
        self.block(node.body, node.args)

    def on_Function(self, node: astnodes.Function) -> None:
        self.fault(self.line, "a function is local")
        self.block(node.body, node.args)

    def on_AnonymousFunction(self, node: astnodes.AnonymousFunction) -> None:
        self.block(node.body, node.args)

    def on_Fornum(self, node: astnodes.Fornum) -> None:
        self.inside([node.start, node.stop, node.step])
        self.block(node.body, [node.target])

    def on_Forin(self, node: astnodes.Forin) -> None:
        self.inside(node.iter)
        self.block(node.body, node.targets)

    def on_Block(self, node: astnodes.Block) -> None:
        self.block(node)


def paths() -> list[str]:
    """Every script and every part, by its path below lua/."""
    parts = scripts.LUA.joinpath("lib").iterdir()
    return [f"{name}.lua" for name in scripts.names()] + sorted(f"lib/{part.name}" for part in parts)


def read(path: str) -> Reading:
    text = scripts.read(path)
    try:
        return Reader(path).read(ast.parse(text))
    except ast.SyntaxException as error:
        return Reading([f"{path}: {error}"])


def included(path: str) -> list[str]:
    """The parts that a file stands on, its own includes first, then theirs; a name that leads nowhere is left out."""
    found: list[str] = []
    for part in scripts.included(scripts.read(path)):
        inner = f"lib/{part}.lua"
        if inner in paths():
            found += [inner, *included(inner)]
    return list(dict.fromkeys(found))


def of_header(path: str) -> Iterator[str]:
    """What is missing at the top of a file."""
    head = list(takewhile(lambda line: line.startswith("--"), scripts.read(path).splitlines()))
    if path.startswith("lib/"):
        if not [line for line in head if not line.startswith(scripts.INCLUDE)]:
            yield f"{path}:1: a part says what it is"
        return
    places = [next((n for n, line in enumerate(head) if line.startswith(start)), None) for start in HEADER]
    for start, place in zip(HEADER, places, strict=True):
        if place is None:
            yield f"{path}:1: the header has no line '{start.strip()}'"
    found = [place for place in places if place is not None]
    if found != sorted(found):
        yield f"{path}:1: KEYS, ARGV, returns: in this order"
    if len(head) > 1 and head[1].startswith(HEADER):
        yield f"{path}:1: a script says what it does"


def of_includes(path: str, reading: Reading, readings: dict[str, Reading]) -> Iterator[str]:
    """Includes that lead nowhere, or that nothing is used of."""
    for part in scripts.included(scripts.read(path)):
        inner = f"lib/{part}.lua"
        if inner not in readings:
            yield f"{path}:1: there is no part {part}"
        elif not any(reading.foreign.keys() & readings[each].exports.keys() for each in (inner, *included(inner))):
            yield f"{path}:1: nothing of {part} is used"


def faults(readings: dict[str, Reading]) -> Iterator[str]:
    """Every fault of every file, given what each says."""
    used_by_others: dict[str, set[str]] = {path: set() for path in readings}
    for path, reading in readings.items():
        yield from reading.faults
        yield from of_header(path)
        yield from of_includes(path, reading, readings)
        known = included(path)
        for name, line in reading.foreign.items():
            owner = next((part for part in known if name in readings[part].exports), None)
            if owner:
                used_by_others[owner].add(name)
            elif name not in OF_REDIS and name not in keys.NAMES_IN_LUA:
                yield f"{path}:{line}: {name} is nothing that this file knows"
    for path, reading in readings.items():
        for name, line in reading.exports.items():
            if name not in reading.used_here | used_by_others[path] | OF_PYTHON:
                yield f"{path}:{line}: {name} is used by nobody"


def main() -> int:
    with ProcessPoolExecutor() as pool:
        readings = dict(zip(paths(), pool.map(read, paths()), strict=True))
    found = list(faults(readings))
    print("\n".join(found) or f"{len(readings)} Lua files: names, includes, headers and fields are sound")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
