"""What the docs say about the code is what the code says: settings, codes, moves, keys, commands, links."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import xml.etree.ElementTree as ET
from graphlib import CycleError
from pathlib import Path

import click
import pytest

import octoworker
from octoworker.cli import COMMANDS, cli
from octoworker.sms.record import MOVES
from octoworker.store import keys

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
OURS = sorted(DOCS.glob("*.md"))
SVG = "{http://www.w3.org/2000/svg}"

CONTRACT = frozenset(
    {
        *("send", "status", "cancel", "reschedule", "bulk", "campaign", "list", "replay", "pause", "resume", "balance"),
        *("worker", "sandbox", "demo", "doctor", "errors", "settings", "stats", "top", "health", "metrics", "forget"),
    }
)
"""The commands that the contract names."""

HANDS_ON = frozenset({"worker", "health"})
"""Commands that hand on options they do not know: to Celery, to the probe."""


SYMPTOMS = (
    *("The queue is old", "Messages are unknown", "Messages are unconfirmed", "Messages are dead"),
    *("The account is on hold", "The breaker is open"),
    *("The balance is low", "Due messages are late", "Codes are not typed in", "A clock is wrong"),
    *("Redis is down", "Redis is full", "Redis writes nothing"),
    *("The metrics are gone", "No worker is consuming", "Something is paused"),
)
"""The headings that alerts lead to."""


def module(name):
    """A script that stands in docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


generate = module("generate")
packages = sys.modules["packages"]


def named(path):
    return path.name


def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def commands_in(text):
    """What a reader may type: blocks of a console, and code within a line."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    typed = [line.removeprefix("$ ").partition(" > ")[0] for block in blocks for line in block.splitlines()]
    own = [line for line in typed if line.startswith("octoworker ")]
    return "\n".join([*own, *re.findall(r"`(octoworker [^`\n]+)`", without_code(text))])


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
    table = re.findall(r"^\| ([A-Z12]) \| `", (DOCS / "architecture.md").read_text(), re.MULTILINE)
    assert letters == table
    assert len(set(letters)) == len(letters)
    for arrow in arrows:
        assert {text.text for text in arrow.iter(f"{SVG}text") if text.get("class") == "letter"} == {
            arrow.get("data-letter")
        }


def test_the_packages_are_few_and_no_arrow_between_them_points_upward():
    drawn = ET.parse(DOCS / "images" / "packages.svg").getroot()
    arrows = {(arrow.get("data-from"), arrow.get("data-to")) for arrow in drawn.iter(f"{SVG}g")}
    graph = packages.read()
    assert arrows == graph.arrows
    assert len(graph.modules) <= 22
    assert [arrow for arrow in arrows if graph.floor_of[arrow[0]] <= graph.floor_of[arrow[1]]] == []


def tree(folder, **files):
    """A small octoworker: `sms__lanes` is sms/lanes.py, `sms` its __init__."""
    for name, text in {"octoworker": "", **files}.items():
        inside = name.removeprefix("octoworker").replace("__", "/")
        path = folder / inside / "__init__.py" if "__" not in name else folder / f"{inside}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_an_import_counts_wherever_it_stands(tmp_path):
    graph = packages.read(
        tree(
            tmp_path,
            octoworker='_HOMES = {"octoworker.client.client": ("enqueue",)}',
            client__client="def enqueue():\n    from octoworker.store import Store",
            store="import octoworker.sms.lanes as lanes",
            sms__lanes='"""Not `octoworker.store:Store`."""\nTASK = "octoworker.send_sms"',
            sms="",
        )
    )
    assert graph.arrows == {("octoworker", "client"), ("client", "store"), ("store", "sms")}
    assert graph.floors == (("sms",), ("store",), ("client",), ("octoworker",))


def test_a_circle_between_packages_has_no_picture(tmp_path):
    circle = tree(tmp_path, sms="from octoworker import store", store="from octoworker.sms import lanes")
    with pytest.raises(CycleError, match="cycle"):
        generate.diagrams.packages(packages.read(circle))


@pytest.mark.parametrize("path", OURS, ids=named)
def test_every_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text())):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name) if name else path
        assert page.exists(), f"{path.name} links to {target}"
        if anchor and page.exists():
            assert anchor in anchors(page), f"{path.name} links to {target}"


def test_the_runbook_has_its_symptoms_as_headings():
    headings = re.findall(r"^## (.+)$", without_code((DOCS / "operations.md").read_text()), re.MULTILINE)
    assert tuple(headings[: len(SYMPTOMS)]) == SYMPTOMS


def test_every_link_from_the_deployment_leads_to_a_heading_of_the_docs():
    linked = {
        (path.relative_to(ROOT).as_posix(), page, anchor)
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file()
        for page, anchor in re.findall(r"docs/([\w-]+\.md)#([\w-]+)", path.read_text(errors="replace"))
    }
    assert {page for _, page, _ in linked} == {"operations.md"}
    assert len({path for path, _, _ in linked}) > 2, "the rules, their tests and the PrometheusRule"
    assert [link for link in sorted(linked) if link[2] not in anchors(DOCS / link[1])] == []


@pytest.mark.parametrize("folder", ["octoworker", "benchmarks"])
def test_code_refers_to_pages_and_headings_that_exist(folder):
    named_pages = {
        (path.relative_to(ROOT).as_posix(), page, anchor)
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".lua"}
        for page, anchor in re.findall(r"(?<![\w{}])((?:[\w-]+/)*[\w-]+\.md)(?:#([\w-]+))?", path.read_text())
    }
    missing = [
        (path, page)
        for path, page, anchor in sorted(named_pages)
        if not (ROOT / page).exists() or (anchor and anchor not in anchors(ROOT / page))
    ]
    assert missing == []


def test_every_test_that_the_guarantees_name_exists():
    """A promise is held by a test, and not by the name that one once had."""
    page = (DOCS / "guarantees.md").read_text()
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("*.py")}
    named_files = set(re.findall(r"\b(test_\w+\.py)\b", page))
    named_tests = []
    for file, name in re.findall(r"(test_\w+\.py)?::(test_\w+)", page):
        named_tests.append((file or named_tests[-1][0], name))
    assert len(named_tests) > 30
    assert named_files - files.keys() == set()
    assert [name for file, name in named_tests if f"def {name}(" not in files[file]] == []


@pytest.mark.parametrize("path", OURS, ids=named)
def test_every_command_exists_with_its_options(path):
    for line in re.findall(r"\boctoworker ([a-z]+\b[^`\n]*)", commands_in(path.read_text())):
        name, *words = line.split()
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, f"{path.name}: octoworker {line}"
        if name in HANDS_ON:
            continue
        if isinstance(command, click.Group) and words:
            command = command.commands.get(words[0], command)
        known = {option for parameter in command.params for option in parameter.opts}
        asked = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
        assert asked <= known | {"--help"}, f"{path.name}: octoworker {line}"


def test_the_commands_of_the_contract_are_there_and_each_is_in_the_file_that_is_said_to_have_it():
    assert set(cli.list_commands(click.Context(cli))) >= CONTRACT
    there = {file: importlib.import_module(f"octoworker.cli.{file}").COMMANDS for file in COMMANDS}
    assert {file: tuple(each.name for each in found) for file, found in there.items()} == COMMANDS


def test_every_key_in_redis_is_in_the_page_about_privacy():
    declared = [value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)]
    told = "\n".join(re.findall(r"^\| `(ow:[^`]+)`", (DOCS / "security.md").read_text(), re.MULTILINE))
    assert len(declared) > 10
    assert [key for key in declared if key not in told and key != keys.NOWHERE] == []


def test_the_french_readme_has_the_examples_of_the_english_one_and_links_that_lead_somewhere():
    english, french = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.fr.md"))
    blocks = re.findall(r"```\w+\n.*?```", french, re.DOTALL)
    assert len(blocks) > 5
    assert [each for each in blocks if each not in english] == []
    states = set(re.findall(r"^\| `(\w+)`", english[english.index("## Where is my SMS?") :], re.MULTILINE))
    assert set(re.findall(r"^\| `(\w+)`", french, re.MULTILINE)) <= states
    pages = re.findall(r"\]\((?!https?:)([^)#\s]+)", french)
    assert [each for each in pages if not (ROOT / each).exists()] == []


def test_the_reference_has_every_public_function():
    page = (DOCS / "reference.md").read_text()
    functions = {name for name in octoworker.__all__ if callable(getattr(octoworker, name)) and name.islower()}
    assert {name for name in functions - {"send_sms"} if f".{name}\n" not in page} == set()
