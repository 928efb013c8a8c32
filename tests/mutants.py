"""Changes the Lua scripts, one small change at a time, and counts how many changes the store's tests notice.

    make mutants                     every script and part; long: some seconds of CPU for each change
    make mutants ONLY=claim          one of them
    make mutants ONLY=claim SAMPLE=20   some of its changes, drawn with a fixed seed

A survivor is a change that no test noticed: either it changes nothing that anybody can see, or a rule has no test.
"""

# ruff: noqa: T201 - a command that prints
from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lua_lint
import pytest
from antlr4 import Token
from luaparser import ast

from octoworker.store import scripts

HERE = Path(__file__).parent

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

OWN = {"take_recall": "recalls", "settle_recall": "recalls"}
"""Scripts whose tests are those of their part."""

PATIENCE = 300
"""Seconds that the tests may take with one change: one that never ends counts as noticed."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    line: int
    before: str
    after: str
    text: str
    """The whole file, changed."""


def of(path: str) -> Iterator[Mutant]:
    """Every change of a file: tokens swapped, numbers one higher, calls that stand alone left out."""
    text = scripts.read(path)
    stream = ast.get_token_stream(text)
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


def noticed(mutant: Mutant) -> bool:
    """Whether a test fails. Those of the script itself come first, then all of the store."""
    own = HERE / "store" / f"test_{OWN.get(Path(mutant.path).stem, Path(mutant.path).stem)}.py"
    rest = [str(HERE / "store")]
    first = [str(each) for each in (own, HERE / "store" / "test_answers.py") if each.exists()]
    return _fails(mutant, first) or _fails(mutant, rest)


def _fails(mutant: Mutant, tests: list[str]) -> bool:
    """In a process of its own, that has all of it loaded already."""
    child = os.fork()
    if child == 0:
        os._exit(_run(mutant, tests))
    _, status = os.waitpid(child, 0)
    return status != 0


def _run(mutant: Mutant, tests: list[str]) -> int:
    signal.alarm(PATIENCE)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "lua"
        shutil.copytree(str(scripts.LUA), copy)
        (copy / mutant.path).write_text(mutant.text, encoding="utf-8")
        scripts.LUA = copy
        # octoworker is a plugin of pytest's, too, and is here before pytest.
        early = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        return int(pytest.main(["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *early, *tests]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a script or a part, like claim or caps")
    parser.add_argument("--sample", type=int, default=0, help="how many changes of each file; 0: all")
    given = parser.parse_args()
    paths = [path for path in lua_lint.paths() if given.only in ("", Path(path).stem)]
    if not paths:
        print(f"there is no script and no part {given.only}")
        return 2
    if not _run_is_sound():
        print("the tests of the store fail without any change: mend that first")
        return 2
    made = killed = 0
    for path in paths:
        mutants = list(of(path))
        if given.sample:
            mutants = random.Random(path).sample(mutants, min(given.sample, len(mutants)))
        alive = [mutant for mutant in mutants if not noticed(mutant)]
        made, killed = made + len(mutants), killed + len(mutants) - len(alive)
        print(f"{path}: {len(mutants) - len(alive)} of {len(mutants)} noticed", flush=True)
        for each in alive:
            print(f"  {each.path}:{each.line}: {each.before} -> {each.after or 'nothing'}", flush=True)
    print(f"noticed: {killed} of {made}, {killed / max(1, made):.0%}")
    return 0


def _run_is_sound() -> bool:
    nothing = Mutant("cancel.lua", 0, "", "", scripts.read("cancel.lua"))
    return not _fails(nothing, [str(HERE / "store" / "test_cancel.py"), str(HERE / "store" / "test_answers.py")])


if __name__ == "__main__":
    sys.exit(main())
