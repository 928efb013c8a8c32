"""The page of the sandbox: who may turn its controls, what it finds, what it is made of."""

from __future__ import annotations

import json
import re

import pytest
from sandbox_caller import NUMBER, OTHER

from octoworker.sandbox.page import FILES, FOLDER

CONTROLS = [
    ("POST", "faults", {"fault": "reset_after"}),
    ("POST", "settings", {"credit": "0"}),
    ("POST", "reset", None),
    ("POST", "type", {"number": NUMBER, "text": "STOP"}),
    ("POST", "clock", {"advance": 1}),
    ("DELETE", "faults", None),
    ("GET", "state", None),
    ("GET", "watch?since=-1", None),
]

FOREIGN = [
    {"Origin": "https://example.com"},
    {"Origin": "http://127.0.0.1.example.com"},
    {"Origin": "http://localhost.example.com:8025"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "file://"},
    {"Host": "example.com"},
    {"Host": "example.com:8025"},
    {"Host": "localhost.example.com"},
    {"Host": "192.168.1.7:8025"},
    {"Host": ""},
    {"Host": "[::1"},
    {"Host": "example.com", "Origin": "http://localhost"},
]

OWN = [
    {},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1:8025", "Host": "127.0.0.1:8025"},
    {"Origin": "http://[::1]:8025", "Host": "[::1]:8025"},
    {"Host": "localhost"},
]


def turn(caller, method, path, body, headers):
    packed = None if body is None else json.dumps(body)
    status, _, answer = caller.ask(method, f"/_sandbox/{path}", packed, headers)
    return status, json.loads(answer)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path", "body"), CONTROLS)
def test_the_controls_are_refused_to_a_foreign_host_or_origin(sandbox, caller, method, path, body, headers):
    status, answer = turn(caller, method, path, body, headers)
    assert (status, answer) == (403, {"error": "The controls are for this machine only."})
    assert (sandbox.faults(), sandbox.state()["credit"]) == ([], "1000.00")


@pytest.mark.parametrize("headers", OWN)
def test_the_controls_are_for_this_machine(caller, headers):
    assert turn(caller, "POST", "faults", {"fault": "reset_after"}, headers)[0] == 200


def test_the_page_is_not_served_under_a_foreign_name(caller):
    assert caller.ask("GET", "/", None, {"Host": "example.com"})[0] == 404


@pytest.mark.parametrize("path", FILES)
def test_each_file_of_the_page_is_served_and_may_load_nothing_from_elsewhere(caller, path):
    status, headers, body = caller.ask("GET", path)
    name, content_type = FILES[path]
    assert (status, headers["Content-Type"], body) == (200, content_type, (FOLDER / name).read_bytes())
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_every_file_that_the_page_names_is_served():
    text = "".join((FOLDER / name).read_text(encoding="utf-8") for name, _ in FILES.values())
    named = re.findall(r"/page/([a-z]+\.(?:js|css))", text) + re.findall(r'from "\./([a-z]+\.js)"', text)
    assert {f"/page/{name}" for name in named} == FILES.keys() - {"/"}


# --- what the wall finds


@pytest.fixture
def wall(sandbox, caller):
    """130 handsets; the wall of a search and a page."""
    caller.send(sms_recipients=",".join(f"+336{n:08d}" for n in range(128)))
    caller.send(sms_text="Votre colis arrive. STOP au XXXXX")
    caller.send(sms_recipients=OTHER, sms_text="Plus tard STOP au XXXXX", sending_period="600")

    def look(search="", page=0):
        document = caller.control("GET", f"watch?since=-1&page={page}&search={search}")[1]
        return document, [card["recipient"] for card in document["handsets"]]

    return look


def test_every_handset_is_on_some_page(wall):
    pages = [wall(page=page)[1] for page in range(3)]
    assert [len(page) for page in pages] == [60, 60, 10]
    assert len({number for page in pages for number in page}) == 130


def test_a_page_beyond_the_last_is_the_last(wall):
    document, numbers = wall(page=99)
    assert (document["page"], document["pages"], len(numbers)) == (2, 3, 10)


FOUND = [
    ("%2B33612345678", [NUMBER]),
    ("0612345678", [NUMBER]),
    ("06%2012%2034%2056%2078", [NUMBER]),
    ("0033612345678", [NUMBER]),
    ("1234567", [OTHER, NUMBER]),
    ("colis", [NUMBER]),
    ("COLIS%20arr", [NUMBER]),
    ("36111", None),
    ("nothing%20like%20it", []),
]


@pytest.mark.parametrize(("search", "numbers"), FOUND)
def test_handsets_are_found_by_number_or_text(wall, search, numbers):
    document, found = wall(search)
    assert document["all"] == 130
    if numbers is None:  # the texts of all that rang name this number
        assert document["found"] == 129
    else:
        assert (document["found"], found) == (len(numbers), numbers)


def test_a_search_has_pages_of_its_own(wall):
    document, numbers = wall("Bonjour", page=2)
    assert (document["found"], document["pages"], len(numbers)) == (128, 3, 8)


def test_a_handset_says_that_it_said_stop(sandbox, caller):
    caller.send()
    sandbox.type(NUMBER, "STOP")
    (card,) = sandbox.watch(-1, 0)["handsets"]
    assert card["stopped"] == ["legacy"]


# --- what can be read

TEXT_ON = {
    "ink": ["ground", "paper", "bubble", "screen", "alarm-ground"],
    "soft": ["ground", "paper", "bubble", "screen", "alarm-ground"],
    "accent": ["bubble", "screen", "alarm-ground"],
    "on-accent": ["accent"],
    "alarm": ["paper"],
    "warn": ["warn-ground"],
    "badge": ["alarm-fill"],
}
"""Every colour of text, and all that it stands on."""
EDGES_ON = {"edge": ["ground", "paper", "screen"], "accent": ["ground", "paper", "screen"]}
"""The edges of what can be used, and the ring around what has the focus."""
READABLE, VISIBLE = 4.5, 3.0
"""Contrast by WCAG 2.2 AA: of text, of edges."""


def schemes():
    css = (FOLDER / "style.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    )
    return {"light": light | {"badge": "#ffffff"}, "dark": light | dark | {"badge": "#ffffff"}}


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


PAIRS = [
    (scheme, front, back, least)
    for scheme in ("light", "dark")
    for table, least in ((TEXT_ON, READABLE), (EDGES_ON, VISIBLE))
    for front, backs in table.items()
    for back in backs
]


@pytest.mark.parametrize(("scheme", "front", "back", "least"), PAIRS)
def test_text_and_edges_stand_out(scheme, front, back, least):
    colours = schemes()[scheme]
    assert contrast(colours[front], colours[back]) >= least
