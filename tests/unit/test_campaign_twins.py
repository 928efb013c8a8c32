"""The same rows by the command and from Python: the same messages to the same people."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime

import pytest

from octoworker.client.campaigns import loading, parts
from octoworker.client.campaigns.preview import Preview, Reader
from octoworker.client.campaigns.table import Table
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client
from octoworker.config import Settings

ENVIRON = {"OCTOWORKER_SENDER": "Octo"}
OPTIONS = {"transactional": True}
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROWS = [
    ("0612345678", "Anna"),
    ("+33612345678", "Anna"),
    ("06 12 34 56 79", "Zoé"),
    ("0145789632", "Fixe"),
    ("061234", "Court"),
    ("", "Personne"),
    ("0612345670", ""),
    ("692123456", "Réunion"),
    ("33612345671.0", "Excel"),
    ("+32470123456", "Bruxelles"),
    ("0470123456", "Allier"),
]


def by_command(tmp_path, template):
    path = tmp_path / "people.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, delimiter=";").writerows([("tel", "prenom"), *ROWS])
    settings = Settings.load(ENVIRON)
    reader = Reader(
        Table(path), "tel", template, OPTIONS, settings.policy, settings.time_rules, settings.destinations.choices, NOW
    )
    return reader.people(Preview())


def from_python(template):
    rows = [(n, written, {"prenom": name}) for n, (written, name) in enumerate(ROWS, 1)]
    return loading.people(rows, template, Client(ENVIRON).policy)[0]


def reached(people, template):
    """Who gets which text."""
    found = set()
    for new in parts.messages("c", template, people, OPTIONS, "FR"):
        asked = json.loads(new.payload)
        listed = asked["recipients"] if isinstance(asked["recipients"], list) else [asked["recipients"]]
        found |= {(number, asked["text"]) for number in listed if number.startswith("+")}
    return found


@pytest.mark.parametrize("words", ["Bonjour {prenom}", "Bonjour"])
def test_a_file_and_its_rows_in_python_reach_the_same_people_with_the_same_words(tmp_path, words):
    template = Template(words)
    command, python = reached(by_command(tmp_path, template), template), reached(from_python(template), template)
    assert command == python
    numbers = [number for number, _ in command]
    expected = {"+33612345678", "+33612345679", "+262692123456", "+33612345671", "+32470123456"}
    assert set(numbers) == expected | ({"+33612345670"} if words == "Bonjour" else set())
    assert len(numbers) == len(set(numbers))


def test_without_fields_both_take_the_same_message_under_the_same_id(tmp_path):
    template = Template("Bonjour")
    (one,) = parts.messages("c", template, by_command(tmp_path, template), OPTIONS, "FR")
    (other,) = parts.messages("c", template, from_python(template), OPTIONS, "FR")
    assert (one.message_id, one.payload) == (other.message_id, other.payload)
