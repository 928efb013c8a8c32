# ruff: noqa: INP001 - a script's other half, not a package
"""Which part of octoworker imports which, read from the source: the packages and the modules beside them.

1. Every `import` counts, at any depth and in every `__init__`, and every name of ours in a string (`"octoworker.x:Y"`).
2. A box stands one floor above the highest box that it imports, so no arrow can point upward.
3. An arrow is plain when no longer way leads to the same box; the others add nothing to the order.

The reader knows no package by name: whatever stands in the tree is in the graph.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "octoworker"

FRONT = "octoworker"
"""The box of the root's `__init__`: what a web app imports."""

NAMED = re.compile(r"octoworker(?:\.[a-z_]+)+(?=[:\"']|$)")


@dataclass(frozen=True)
class Graph:
    """`modules`: each box and the modules in it. `arrows`: who imports whom."""

    modules: Mapping[str, int]
    arrows: frozenset[tuple[str, str]]

    def below(self, box: str) -> frozenset[str]:
        """What this box imports itself."""
        return frozenset(imported for importer, imported in self.arrows if importer == box)

    @cached_property
    def floor_of(self) -> Mapping[str, int]:
        """The floor of each box, from 1. Raises graphlib.CycleError, with the circle in it."""
        floors: dict[str, int] = {}
        for box in TopologicalSorter({box: self.below(box) for box in sorted(self.modules)}).static_order():
            floors[box] = 1 + max((floors[each] for each in self.below(box)), default=0)
        return floors

    @property
    def floors(self) -> tuple[tuple[str, ...], ...]:
        """The boxes by floor, the lowest first."""
        highest = max(self.floor_of.values())
        return tuple(
            tuple(sorted(box for box, floor in self.floor_of.items() if floor == each))
            for each in range(1, highest + 1)
        )

    @cached_property
    def plain(self) -> frozenset[tuple[str, str]]:
        """The arrows that the others do not imply."""
        reached: dict[str, frozenset[str]] = {}
        for box in sorted(self.modules, key=lambda box: self.floor_of[box]):
            below = self.below(box)
            reached[box] = below.union(*(reached[each] for each in below))
        return frozenset(
            (importer, imported)
            for importer, imported in self.arrows
            if not any(imported in reached[each] for each in self.below(importer))
        )

    def __str__(self) -> str:
        return f"{len(self.modules)} boxes on {len(self.floors)} floors, {len(self.arrows)} arrows"


def read(root: Path = ROOT) -> Graph:
    """The graph of this tree."""
    files = {_module(path, root): path for path in sorted(root.rglob("*.py"))}
    modules: dict[str, int] = {}
    for module in files:
        modules[_box(module)] = modules.get(_box(module), 0) + 1
    arrows = {
        (_box(module), _box(found))
        for module, path in files.items()
        for found in _imported(ast.parse(path.read_text(encoding="utf-8")), files)
    }
    return Graph(modules, frozenset((importer, imported) for importer, imported in arrows if importer != imported))


def _module(path: Path, root: Path) -> str:
    """The dotted name, `octoworker` at its head."""
    return ".".join((FRONT, *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")


def _box(module: str) -> str:
    """The package or the module at the top that this one belongs to."""
    return module.split(".")[1] if "." in module else module


def _imported(tree: ast.Module, files: Mapping[str, Path]) -> Iterator[str]:
    """Every module of ours that is imported, or named in a string that is no docstring."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (_known(each.name, files) for each in names if each.name.split(".")[0] == FRONT)
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == FRONT:
                yield from (_known(f"{module}.{each.name}", files) for each in names)
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                # A task is called "octoworker.send_sms", and that names no module.
                yield from {_known(name, files) for name in NAMED.findall(text)} - {FRONT}


def _known(name: str, files: Mapping[str, Path]) -> str:
    """The module that this name stands in: `octoworker.sms.hours.Window` stands in `octoworker.sms.hours`."""
    while name not in files:
        name = name.rpartition(".")[0]
    return name
