"""Changes the Lua scripts and the modules that decide, one small change at a time, and counts how many the tests notice.

    make mutants                       all of them; long: some seconds of CPU for each change
    make mutants SAMPLE=8              so many changes of each file, drawn with a fixed seed
    make mutants ONLY=claim,retry      these files

A change of a script is run against the store's tests that run it, the quickest first; one of a module against the quick tests
that import it. A survivor is a
change that no test noticed: either it changes nothing that anybody can see, or a rule has no test.
"""

# ruff: noqa: T201 - a command that prints
from __future__ import annotations

import argparse
import ast
import importlib.machinery
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import threading
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import lua_lint
import pytest
from antlr4 import Token
from luaparser import ast as lua

from octoworker.store import scripts

HERE = Path(__file__).parent
PACKAGE = Path(scripts.__file__).parents[1]

MODULES = (
    "sending/retry", "sending/outcome", "sending/read", "sms/schedule", "sms/hours", "sms/encoding", "sms/identity",
    "sms/people", "sms/lanes", "sms/instants", "client/campaigns/parts", "client/campaigns/loading", "gateway/legacy/answers",
    "gateway/v1/answers", "store/campaigns", "store/recalls", "store/codes", "sms/codes", "sms/recipient", "sms/consents",
    "sms/destinations/remarks", "sms/destinations/choices", "sending/recall",
)  # fmt: skip
"""What decides in Python whether, when, to whom and under which name something is sent, and how an answer is read."""

EQUAL = HERE / "equal.toml"
"""Changes that nobody can see, each with the reason: they are not made, and not counted."""

SWAPS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "~=",
    "~=": "==",
    "and": "or",
    "or": "and",
    "true": "false",
    "false": "true",
    "+": "-",
    "not": "",
    "math.max": "math.min",
    "math.min": "math.max",
}
"""A token, and what stands in its place."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    line: int
    before: str
    after: str
    text: str
    """The whole file, changed."""

    @property
    def name(self) -> tuple[str, str, str]:
        """Its file, the line as it stood there, and the change: as in `equal.toml`."""
        lines = (scripts.LUA if self.path.endswith(".lua") else PACKAGE).joinpath(self.path).read_text().splitlines()
        return self.path, lines[self.line - 1].strip(), f"{self.before} -> {self.after or 'nothing'}"


def of_lua(path: str) -> Iterator[Mutant]:
    """Every change of a file: tokens swapped, numbers one higher, calls that stand alone left out."""
    text = scripts.read(path)
    stream = lua.get_token_stream(text)
    stream.fill()
    for token in stream.tokens:
        after = _after(token.text) if token.channel == Token.DEFAULT_CHANNEL else None
        if after is not None:
            changed = text[: token.start] + after + text[token.stop + 1 :]
            yield Mutant(path, token.line, token.text, after, changed)
    lines = text.splitlines(keepends=True)
    for n, line in enumerate(lines):
        if _stands_alone(line):
            yield Mutant(path, n + 1, line.strip(), "", "".join([*lines[:n], "\n", *lines[n + 1 :]]))


def _after(token: str) -> str | None:
    return str(int(token) + 1) if token.isdigit() else SWAPS.get(token)


def _stands_alone(line: str) -> bool:
    """Whether it is one whole call, whose answer nobody reads."""
    words = line.strip()
    called = words.split("(")[0].replace(".", "").replace("_", "")
    return called.isidentifier() and "(" in words and words.count("(") == words.count(")") and words.endswith(")")


def of_python(path: str) -> Iterator[Mutant]:
    """Every change of a module: operators and truths swapped, numbers in functions one higher, calls that stand alone left out."""
    text = (PACKAGE / path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    inside = {id(each) for function in _functions(tree) for part in function.body for each in ast.walk(part)}
    for node in [each for each in ast.walk(tree) if id(each) in inside and isinstance(each, ast.expr | ast.stmt)]:
        as_it_was, before = dict(vars(node)), ast.unparse(node)
        if _changed(node):
            yield Mutant(path, node.lineno, before, ast.unparse(node), ast.unparse(tree))
        vars(node).update(as_it_was)


def _functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]


OPERATORS: Mapping[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip


def _changed(node: ast.AST) -> bool:
    """Change the node, if there is something to change in it."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            node.ops = [OPERATORS[type(op)]()]
        case ast.BoolOp(op=op):
            node.op = OPERATORS[type(op)]()
        case ast.BinOp(op=ast.Add() | ast.Sub() as op):
            node.op = OPERATORS[type(op)]()
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), operand)
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value)):
            node.value = value + 1
        case ast.Expr(value=ast.Call()):
            node.value = ast.Constant(...)
        case _:
            return False
    return True


FULL = 20
"""A machine may be so full that a second of CPU takes so many."""

Tests = Mapping[str, Sequence[str]]
"""By path of a file: the tests that use it, the quickest first."""


class Watch:
    """A plugin of pytest: which scripts each test runs, and how long it takes."""

    def __init__(self) -> None:
        self.used: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._now: set[str] = set()
        self._failed = False

    def _called(self, frame: Any, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_filename != scripts.__file__:
            return
        if code.co_name in ("run", "run_many"):
            self._now.update(scripts.parts_of(frame.f_locals["name"]))
        elif code.co_name == "source":  # what a worker runs by itself, as `take`
            self._now.update(scripts.parts_of(frame.f_locals["script"].removesuffix(scripts.TOGETHER)))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self._now = set()
        threading.setprofile(self._called)
        sys.setprofile(self._called)
        yield
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]  # so in its documentation

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            return
        self._failed = self._failed or report.failed
        for path in self._now:
            self.used[path][report.nodeid] = self.used[path].get(report.nodeid, 0.0) + report.duration

    def tests(self) -> Tests:
        return {path: sorted(found, key=found.__getitem__) for path, found in self.used.items()}


def watched() -> Tests | None:
    """Which tests run which script. None: some fail without any change."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "tests.json"

        def run() -> int:
            watch = Watch()
            code = _pytest([str(HERE / "store")], [watch])
            said.write_text(json.dumps(watch.tests()))
            return code

        return json.loads(said.read_text()) if _in_child(run, 900) == 0 else None


def of_module(path: str) -> list[str]:
    """The files of quick tests that import a module or have its name, or that the table of tests/README.md names: its own
    first, then the smallest."""
    stem = Path(path).stem
    named = re.compile(rf"^(?:from|import) .*\b{stem}\b", re.MULTILINE)
    row = re.search(
        rf"^\|[^|]*`{path.removesuffix('.py')}`[^|]*\|([^|]*)\|", (HERE / "README.md").read_text(), re.MULTILINE
    )
    files = [each for folder in ("unit", "store") for each in (HERE / folder).glob("test_*.py")]
    own = (
        f"test_{stem}.py",
        f"test_{stem}s.py",
        f"test_{stem.rstrip('s')}.py",
        *re.findall(r"`(\w+\.py)`", row[1] if row else ""),
    )
    found = [each for each in files if each.name in own or named.search(each.read_text())]
    return [str(each) for each in sorted(found, key=lambda each: (each.name not in own, each.stat().st_size))]


def equal() -> set[tuple[str, str, str]]:
    """The names of the changes that nobody can see."""
    found = tomllib.loads(EQUAL.read_text(encoding="utf-8"))["equal"]
    return {(each["file"], each["line"], each["change"]) for each in found}


def noticed(mutant: Mutant, tests: Tests, patience: int) -> bool:
    """Whether a test fails, or does not end."""
    return _in_child(partial(_run, mutant, tests.get(mutant.path, ())), patience) != 0


def _in_child(act: Any, patience: int) -> int:
    """In a process of its own, that has all of it loaded already."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (patience, patience))
        signal.alarm(patience * FULL)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = 1
        try:
            code = act()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status


def _run(mutant: Mutant, tests: Sequence[str]) -> int:
    if not tests:
        return 0
    if mutant.path.endswith(".py"):
        _take_in_place_of(mutant)
        return _pytest(tests)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "lua"
        shutil.copytree(str(scripts.LUA), copy)
        (copy / mutant.path).write_text(mutant.text, encoding="utf-8")
        scripts.LUA = copy
        return _pytest(tests)


def _pytest(tests: Sequence[str], plugins: Sequence[object] = ()) -> int:
    hypothesis.settings.register_profile(
        "mutants", deadline=None, database=None, derandomize=True, max_examples=50,
        suppress_health_check=list(hypothesis.HealthCheck), phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    )  # fmt: skip
    # Plain asserts: pytest's loader, which rewrites them, would load our modules without the change.
    quiet = ["-q", "--assert=plain", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants"]
    return int(pytest.main([*([] if plugins else ["-x"]), *quiet, *tests], plugins=list(plugins)))


class Changed(importlib.machinery.SourceFileLoader):
    """Loads a module with a change in it."""

    text = ""

    def get_code(self, fullname: str) -> Any:
        return compile(self.text, self.get_filename(fullname), "exec")


def _take_in_place_of(mutant: Mutant) -> None:
    """Let this process load everything of ours anew, and that module as it was changed."""
    name = "octoworker." + mutant.path.removesuffix(".py").replace("/", ".")
    for loaded in [each for each in sys.modules if each.split(".")[0] == "octoworker"]:
        del sys.modules[loaded]

    class Finder:
        @staticmethod
        def find_spec(fullname: str, path: Any, target: Any = None) -> Any:
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if fullname == name else None
            if spec is not None and spec.origin:
                loader = Changed(fullname, spec.origin)
                loader.text = mutant.text
                spec.loader = loader
            return spec

    sys.meta_path.insert(0, Finder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default="", help="names of scripts, parts and modules, with commas, like claim,caps,retry"
    )
    parser.add_argument("--sample", type=int, default=0, help="how many changes of each file; 0: all")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument(
        "--patience", type=int, default=60, help="seconds of CPU for one change; one that never ends is noticed"
    )
    given = parser.parse_args()
    wanted = set(filter(None, given.only.split(",")))
    everything = [*lua_lint.paths(), *(f"{each}.py" for each in MODULES)]
    paths = [path for path in everything if not wanted or Path(path).stem in wanted]
    if not paths:
        print(f"there is no script, part or module {given.only}")
        return 2
    print("looking which tests use which file", flush=True)
    tests = {path: of_module(path) for path in paths if path.endswith(".py")}
    lua_tests = watched() if len(tests) < len(paths) else {}
    of_modules = sorted({each for some in tests.values() for each in some})
    if lua_tests is None or (of_modules and _in_child(lambda: _pytest(of_modules), 900)):
        print("some tests fail without any change: mend that first")
        return 2
    tests |= lua_tests
    if orphans := [path for path in paths if not tests.get(path)]:
        print(f"no quick test runs {', '.join(orphans)}: every change of it would live")
        return 2
    made = killed = 0
    known = equal()
    with ThreadPoolExecutor(given.at_once) as pool:
        for path in paths:
            mutants = list(of_python(path) if path.endswith(".py") else of_lua(path))
            names = {each.name for each in mutants}
            if stale := sorted(each for each in known if each[0] == path and each not in names):
                print(f"{path}: equal.toml names what is not there: {stale}")
            mutants = [each for each in mutants if each.name not in known]
            if given.sample:
                mutants = random.Random(path).sample(mutants, min(given.sample, len(mutants)))
            found = list(pool.map(lambda each: noticed(each, tests, given.patience), mutants))
            alive = [mutant for mutant, seen in zip(mutants, found, strict=True) if not seen]
            made, killed = made + len(mutants), killed + len(mutants) - len(alive)
            print(f"{path}: {len(mutants) - len(alive)} of {len(mutants)} noticed", flush=True)
            for each in alive:
                print(f"  {each.path}:{each.line}: {each.before} -> {each.after or 'nothing'}", flush=True)
    print(f"noticed: {killed} of {made}, {killed / max(1, made):.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
