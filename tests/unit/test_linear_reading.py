"""What comes from outside costs work in proportion to its size, and beyond a bound none at all.

Work is counted in CPU time of this thread, so that a busy machine changes nothing, at sizes where a quadratic reader is
some sixteen times dearer at four times the size. Below a floor that no quadratic reader stays under, the ratio is noise.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import itertools
import pkgutil
import re
import time

import pytest

import octoworker.client.campaigns
import octoworker.sms
from octoworker.client.campaigns import delimited
from octoworker.client.campaigns.table import Table
from octoworker.client.campaigns.template import Template, plain
from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms import encoding, hours, instants, message, people, sizes, texts
from octoworker.sms.arguments import plain_arguments
from octoworker.sms.destinations import choices
from octoworker.sms.destinations.remarks import hosts
from octoworker.sms.policy import Policy
from octoworker.sms.recipient import NumberRefused, read
from octoworker.telemetry import escape

MOST = 9.0
"""Times dearer at four times the size: 4 for linear work, 16 for quadratic."""

FLOOR = 0.03
"""CPU seconds. A quadratic reader takes longer at the sizes of here."""

SIZE = 3000
"""Characters, of which a pattern gets four times as many at the most: a quadratic one then takes a third of a second."""

ROWS = 5000
"""The same for a file, whose lines cost more."""

POLICY = Policy(sender="Octo", rules=dialects.DEFAULT.rules)


def work(read_it, thing, looks=3):
    """CPU seconds of this thread, the least of some looks: what comes on top is the machine's."""
    least = float("inf")
    for _ in range(looks):
        began = time.thread_time()
        with contextlib.suppress(PayloadError, NumberRefused, ValueError, TypeError):  # a refusal is an answer as well
            read_it(thing)
        least = min(least, time.thread_time() - began)
    return least


def grows_in_proportion(read_it, thing_of, size):
    """Whether four times the size takes no more than some four times the work; twice the size lies between."""
    large = thing_of(4 * size)
    if work(read_it, large, looks=1) < FLOOR:
        return True
    one, two, four = (work(read_it, thing) for thing in (thing_of(size), thing_of(2 * size), large))
    return four < FLOOR or (four <= MOST * one and two <= MOST * one)


# the measure itself


def test_a_quadratic_pattern_is_noticed():
    bad = re.compile(r"\s*tel:")
    assert not grows_in_proportion(bad.search, lambda n: " " * n, 3000)


def test_a_quadratic_reader_is_noticed():
    assert not grows_in_proportion(lambda text: [text.count(sign) for sign in text], lambda n: "ab" * n, 1500)


def test_a_linear_pattern_passes():
    assert grows_in_proportion(re.compile(r"[a-z]+x").fullmatch, lambda n: "a" * n, 5000)


# every pattern

PIECES = [
    *(
        " ",
        "1",
        "a",
        "A",
        ".",
        ",",
        "-",
        "(",
        "=",
        '"',
        "'",
        "&",
        ";",
        "<",
        "<a ",
        "{",
        "}",
        "stop",
        "au ",
        "x",
        "#",
        "0\u202f",
    ),
    *(
        "&#1",
        "&amp",
        "stop au ",
        "1 ",
        "12 ",
        '""',
        '="',
        "é",
        "\u200d",
        "😀",
        "😀\u200d",
        "A\n",
        "ext",
        "2026-",
        " A/",
        'r="A',
    ),
]
"""What the patterns are about, to be repeated: where one of them could begin again and again."""

BEGINS = ("", "stop", "1", "&", "<a ", "(", '"', '="', "A=", "\N{GRINNING FACE}")
"""What stands before, once: where a pattern begins and then looks for its end in vain."""


def uses_of(module):
    """name -> the methods by which the module uses its pattern of that name, as its source text shows."""
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.setdefault(node.value.id, set()).add(node.attr)
    return found


def patterns():
    found = [pytest.param(delimited._cells(sign).match, id=f"cells.match {sign!r}") for sign in ";,\t|"]  # noqa: SLF001 - made there
    for package in (octoworker.sms, octoworker.client.campaigns):
        for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(each.name)
            uses = uses_of(module)
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern):
                    assert uses.get(name), f"{each.name}.{name} is not used"
                    found += [
                        pytest.param(of(value, use), id=f"{each.name}.{name}.{use}") for use in sorted(uses[name])
                    ]
    return found


def of(pattern, use):
    method = getattr(pattern, use)
    match use:
        case "sub":
            return lambda text: method("", text)
        case "finditer":
            return lambda text: list(method(text))
        case _:
            return method


@pytest.mark.parametrize("use", patterns())
def test_every_pattern_is_linear_in_the_way_it_is_used(use):
    def thing_of(begin, piece, end):
        def sized(n):
            text = begin + piece * (n // len(piece)) + end
            return text if of_str else text.encode("latin-1", "replace")

        return sized

    of_str = takes(use, "")
    slow = [
        given
        for given in itertools.product(BEGINS, PIECES, ("", "!"))
        if not grows_in_proportion(use, thing_of(*given), SIZE)
    ]
    assert slow == []


def takes(use, thing):
    try:
        use(thing)
    except TypeError:
        return False
    return True


# every reader

READERS = {
    "a number": lambda text: read(text, POLICY),
    "a list of people": lambda text: people.read([text], POLICY),
    "many people": lambda text: people.read([text[: sizes.NUMBER]] * (len(text) // 50), POLICY),
    "a text in one form": texts.canonical,
    "remains of HTML": texts.html_remains,
    "words to show": escape.terminal,
    "words for a page": escape.html,
    "words for a spreadsheet": escape.cell,
    "words in JSON": escape.json,
    "the count of a text": encoding.measure,
    "what must not go out": encoding.unsendable,
    "what makes a text Unicode": encoding.unicode_cost,
    "an instant": instants.read,
    "an instant in words": instants.read_words,
    "hours": hours.parse,
    "rules of destinations": choices.parse,
    "registered senders": choices.parse_senders,
    "links in a text": lambda text: list(hosts(text)),
    "a name of a column": plain.__wrapped__,
    "a template": lambda text: Template(text).filled(dict.fromkeys(Template(text).fields, "x")),
    "a text of a message": lambda text: message.parse(
        {"recipients": "0612345678", "text": text, "transactional": False}, POLICY
    ),
    "a key of a message": lambda text: message.parse(
        {"recipients": "0612345678", "text": "STOP au XXXXX", "idempotency_key": text}, POLICY
    ),
    "a sender": lambda text: message.parse({"recipients": "0612345678", "text": "hi", "sender": text}, POLICY),
    "a name that does not exist": lambda text: message.parse({text: 1}, POLICY),
    "names that do not exist": lambda text: message.parse({f"x{n}": 1 for n in range(len(text) // 50)}, POLICY),
    "plain arguments": lambda text: plain_arguments({"recipients": [text], "text": text, "send_at": text}),
}
COMBINING = "e\u0301\u0323"
"""Marks in the wrong order, which NFC must sort."""


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("piece", [*PIECES, COMBINING])
def test_every_reader_is_linear(name, piece):
    assert grows_in_proportion(READERS[name], lambda n: piece * (n // len(piece)), SIZE)


FILES = {
    "a row of many cells": lambda n: "tel;nom\n" + "x;" * n,
    "many rows": lambda n: "tel;nom\n" + "061;x\n" * n,
    "many rows in quotes": lambda n: "tel;nom\n" + '"061";"x\ny"\n' * n,
    "a quote left open": lambda n: 'tel;nom\n"' + "x\n" * n,
    "quotes in quotes": lambda n: 'tel;nom\n061;"' + '""' * n + '"\n',
    "quotes everywhere": lambda n: "tel;nom\n" + '"' * (2 * n) + "\n",
    "blank lines": lambda n: "\n" * n + "tel;nom\n061;x\n",
    "blank delimiters": lambda n: ";;;;\n" * n + "tel;nom\n",
    "many columns": lambda n: ";".join(f"c{k}" for k in range(n)),
    "one long line": lambda n: "x" * (10 * n),
    "old letters": lambda n: "tel;nom\n" + "061;Zoé\n" * n,
    "letters of nobody": lambda n: "tel;nom\n061;" + "é" * n,
    "lines of two encodings": lambda n: "tel;nom\n" + "061;Zoé\n061;Ã©\n" * n,
}


@pytest.mark.parametrize("kind", FILES)
def test_every_file_is_read_in_proportion(tmp_path, kind):
    path = tmp_path / "people.csv"

    def written(n):
        path.write_bytes(FILES[kind](n).encode("cp1252"))
        return path

    assert grows_in_proportion(lambda file: Table(file).check(), written, ROWS)
