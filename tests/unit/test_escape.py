"""What a stranger wrote is text: the one place that escapes it for each place where it is shown."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import octoworker
from octoworker.telemetry import escape
from octoworker.telemetry.escape import cell, html, terminal

CLI = sorted(Path(octoworker.__file__).parent.joinpath("cli").glob("*.py"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Bonjour Zoé 漢", "Bonjour Zoé 漢"),
        ("a\nb\tc", "a⏎b→c"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}a", "\\u202ea"),
        ("a\N{NO-BREAK SPACE}b", "a\\u00a0b"),
        ("\ud800", "\\ud800"),
    ],
)
def test_a_strangers_words_do_nothing_to_a_terminal(text, seen):
    assert terminal(text) == seen


def test_a_strangers_words_are_cut():
    assert terminal("x" * 600, longest=10) == "xxxxxxxxx…"


@pytest.mark.parametrize("words", ['=HYPERLINK("http://x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "+33 6 cmd|x"])
def test_a_strangers_words_are_no_formula_in_a_spreadsheet(words):
    assert cell(words) == "'" + terminal(words)


@pytest.mark.parametrize("value", ["+33612345678", "-0.055", "06 12 34 56 78", "Zoé", "", None, 5, "a=b"])
def test_numbers_and_ordinary_words_stay_as_they_are(value):
    assert cell(value) == value


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("a <b> & \"c\" 'd'", "a &lt;b&gt; &amp; &quot;c&quot; &#x27;d&#x27;"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}a", "\\u202ea"),
        ("\x00", "\\u0000"),
    ],
)
def test_a_strangers_words_are_no_markup_on_a_page(words, seen):
    assert html(words) == seen


@pytest.mark.parametrize("words", ["\x1b[2J", "\x9b31m", "\u202e", "\u2028", "\ud800", "\U000e0001", "é漢😀", '"\\'])
def test_a_json_document_means_the_same_and_does_nothing_to_a_terminal(words):
    document = escape.json({words: [words]})
    assert document.isprintable()
    assert json.loads(document) == {words: [words]}


def test_a_cell_is_one_line_that_is_never_cut():
    assert cell("x" * 5000) == "x" * 5000
    assert cell("a\r\nb") == "a\\u000d⏎b"


@pytest.mark.parametrize("path", CLI, ids=lambda path: path.stem)
def test_commands_print_by_way_of_output_alone(path):
    """Its strings are escaped; rich's own consoles and texts, and click's echo, are not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in calls}
    forbidden = {"Console", "Text", "assemble", "from_markup", "from_ansi", "echo", "secho"}
    assert path.stem == "output" or not named & forbidden
