"""A newcomer finds the tests of a module by its name; tests/README.md says where the rest are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import octoworker

TESTS = Path(__file__).parents[1]
PACKAGE = Path(octoworker.__file__).parent
README = (TESTS / "README.md").read_text(encoding="utf-8")
FILES = {each.name for each in TESTS.rglob("test_*.py")}

ROWS = {
    module: set(re.findall(r"`(test_\w+\.py)`", where))
    for modules, where in re.findall(r"^\| (`[^|]+`) \| (`test_[^|]+) \|$", README, re.MULTILINE)
    for module in re.findall(r"`([\w/]+)`", modules)
}

NOT_TESTED_HERE = {"version"}
"""`make check-install` compares it with the wheel."""

MODULES = sorted(
    name
    for path in PACKAGE.rglob("*.py")
    if not path.name.startswith("_")
    and not {"sandbox", "migrations"} & set(name_parts := path.relative_to(PACKAGE).parts)
    for name in {"/".join(name_parts).removesuffix(".py")} - NOT_TESTED_HERE
)


def carries(file: str, module: str) -> bool:
    stem = module.rpartition("/")[2].rstrip("s")
    return re.search(rf"_{re.escape(stem)}s?[_.]", file) is not None


@pytest.mark.parametrize("module", MODULES)
def test_a_test_file_has_the_name_of_the_module_or_the_table_names_one(module):
    assert module in ROWS or any(carries(file, module) for file in FILES), f"tests/README.md has no row for {module}"


def test_the_table_names_modules_and_files_that_are_there():
    assert set(ROWS) <= set(MODULES)
    assert set().union(*ROWS.values()) <= FILES
