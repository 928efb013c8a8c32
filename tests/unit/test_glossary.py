"""The words of docs/glossary.md: each has one meaning, and none of the old ones is left in code or on a page."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"

TERMS, _, OLD = GLOSSARY.read_text(encoding="utf-8").partition("<!-- old words -->")
OLD_WORDS = re.findall(r"^\| `(.+?)` \| (word|name|lua) \| (.+) \|$", OLD, re.MULTILINE)

KEPT = re.compile(r"--brake(?![a-z])")
"""What the command line keeps for those who know it."""

OUTSIDE = ROOT / "octoworker" / "sandbox"
"""Speaks of handsets that ring, in its own words."""

HISTORY = (ROOT / "docs" / "glossary.md", ROOT / "CHANGELOG.md")
"""Where an old word may be named as one."""

CODE = sorted(
    path
    for path in (ROOT / "octoworker").rglob("*")
    if path.suffix in {".py", ".lua"} and not path.is_relative_to(OUTSIDE)
)
PAGES = sorted(path for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"] if path not in HISTORY)


def where(path, number):
    return f"{path.relative_to(ROOT)}:{number}"


def in_text(path):
    """Each word, and each word within a name: `_BrakeIsOn` has a brake in it."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield number, re.sub(r"([a-z])([A-Z])", r"\1 \2", KEPT.sub("", line))


def names_in_python(path):
    """Each identifier, and each string that is one."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string
        elif token.type == tokenize.STRING and re.fullmatch(r"[\"'][\w.]+[\"']", token.string):
            yield token.start[0], token.string[1:-1]


def names_in_lua(path):
    """Each identifier and each field of a hash, without the comments and without sentences."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        code = line.partition("--")[0]
        for _, text in re.findall(r"(['\"])(.*?)\1", code):
            if re.fullmatch(r"\w+", text):
                yield number, text
        for name in re.findall(r"[A-Za-z_]\w*", re.sub(r"(['\"]).*?\1", "", code)):
            yield number, name


LINES = {path: list(in_text(path)) for path in [*CODE, *PAGES]}
NAMES = {path: list(names_in_lua(path) if path.suffix == ".lua" else names_in_python(path)) for path in CODE}


def found(old, kind):
    if kind == "word":
        # Letters alone bound a word, so that a name is searched like a sentence; a name of several words is taken whole.
        pattern = re.compile(rf"(?<![A-Za-z]){re.escape(old)}(?![A-Za-z])", re.IGNORECASE)
        return [where(path, number) for path, lines in LINES.items() for number, line in lines if pattern.search(line)]
    return [
        where(path, number)
        for path, names in NAMES.items()
        for number, name in names
        if name == old and (kind == "name" or path.suffix == ".lua")
    ]


@pytest.mark.parametrize(("old", "kind", "write"), OLD_WORDS, ids=[old for old, _, _ in OLD_WORDS])
def test_an_old_word_is_gone(old, kind, write):
    places = found(old, kind)
    assert places == [], f"write {write} for {old}"


def test_the_list_of_old_words_is_read():
    assert len(OLD_WORDS) > 40
    assert OLD.count("\n| `") == len(OLD_WORDS), "a row of the table has another shape"
    assert len({old for old, _, _ in OLD_WORDS}) == len(OLD_WORDS)


def test_a_word_has_one_meaning_in_one_sentence():
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", TERMS, re.MULTILINE)
    terms = [term for term, _ in rows if term not in {"word", "---"}]
    assert len(terms) > 40
    assert len(set(terms)) == len(terms)
    assert [term for term, meaning in rows if term in terms and not meaning.endswith(".")] == []


def test_an_old_word_is_found_in_a_name_a_string_and_a_sentence(tmp_path):
    script = tmp_path / "some.lua"
    script.write_text("local f = redis.call('HGET', record, 'uses') -- a job uses its key\nerror('nothing uses it')\n")
    assert [name for _, name in names_in_lua(script) if name == "uses"] == ["uses"]
    module = tmp_path / "some.py"
    module.write_text('"""It uses a key."""\nuses = fields["uses"]\n')
    assert [number for number, name in names_in_python(module) if name == "uses"] == [2, 2]
    assert next(line for _, line in in_text(module)) == '"""It uses a key."""'
