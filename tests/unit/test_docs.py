"""What the docs say about the code is what the code says: settings, codes, moves, keys, commands, links."""

from __future__ import annotations

import importlib.util
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from octoworker.record import MOVES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
OURS = sorted(DOCS.glob("*.md"))
SVG = "{http://www.w3.org/2000/svg}"

COMMANDS = frozenset(
    {
        *("send", "status", "cancel", "reschedule", "bulk", "campaign", "list", "replay", "pause", "resume", "balance"),
        *("worker", "sandbox", "demo", "doctor", "errors", "settings", "stats", "top", "health", "metrics", "forget"),
    }
)
"""The commands of the contract. Nothing else may be told to a reader."""


def module(name):
    """A script that stands in docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


generate = module("generate")


def named(path):
    return path.name


def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", generate.pages(), ids=named)
def test_what_is_made_from_the_code_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == generate.pages()[path], f"docs/{path.name} is old: run make docs"


def test_the_diagram_shows_every_legal_move_and_no_other():
    legal = {(before.value, after.value) for before, afters in MOVES.items() for after in afters}
    drawn = ET.parse(DOCS / "images" / "states.svg").getroot()
    arrows = [arrow for arrow in drawn.iter(f"{SVG}g") if arrow.get("data-letter")]
    shown = {(source, arrow.get("data-to")) for arrow in arrows for source in arrow.get("data-from").split()}
    assert shown == legal, "change docs/states.py and run make docs"


def test_the_diagram_and_its_table_have_the_same_letters_each_once():
    drawn = ET.parse(DOCS / "images" / "states.svg").getroot()
    arrows = [arrow for arrow in drawn.iter(f"{SVG}g") if arrow.get("data-letter")]
    letters = [arrow.get("data-letter") for arrow in arrows]
    table = re.findall(r"^\| ([A-Z]) \| `", (DOCS / "architecture.md").read_text(), re.MULTILINE)
    assert letters == table
    assert len(set(letters)) == len(letters)
    for arrow in arrows:
        assert {text.text for text in arrow.iter(f"{SVG}text") if text.get("class") == "letter"} == {
            arrow.get("data-letter")
        }
