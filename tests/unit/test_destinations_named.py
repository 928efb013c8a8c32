"""The doctor and `octoworker destinations` say what the table and the settings say together."""

from __future__ import annotations

import json
from datetime import date

import pytest
from click.testing import CliRunner

from octoworker.cli import checks
from octoworker.cli.destinations import destinations
from octoworker.config import Settings

TODAY = date(2026, 12, 1)


def found(today=TODAY, **environ):
    """What the doctor finds, by name."""
    settings = Settings.load({f"OCTOWORKER_{name}": value for name, value in environ.items()})
    return {each.name: each for each in checks.of_destinations(settings, today)}


def test_a_sender_that_is_not_registered_is_named_with_the_countries():
    said = found(SENDER="MyShop", COUNTRIES="FR,ES,IE")["register"]
    assert "not registered in ES, IE" in said.says
    assert "register" not in found(SENDER="MyShop", COUNTRIES="FR,ES", SENDERS="MyShop=ES")
    assert "register" not in found(COUNTRIES="FR,ES")


@pytest.mark.parametrize("sender", ["COLIS", "Alert"])
def test_a_default_sender_that_is_a_general_word_is_named(sender):
    assert "general word" in found(SENDER=sender)["sender"].says
    assert "sender" not in found(SENDER=sender, DESTINATIONS="sender_word=off")


def test_the_type_for_france_is_named_when_an_sms_may_go_elsewhere():
    assert "2 other countries" in found(COUNTRIES="FR,DE,BE")["type"].says
    assert "type" not in found(COUNTRIES="FR")
    assert "type" not in found(COUNTRIES="FR,DE", SMS_TYPE="WWW")


def test_a_table_that_nobody_has_looked_up_for_a_year_is_named():
    assert "table" not in found()
    assert "more than a year ago" in found(today=date(2100, 1, 1))["table"].says


def shown(*arguments):
    done = CliRunner().invoke(destinations, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_a_country_is_shown_with_each_of_its_rules_and_their_sources():
    lines = {each["kind"]: each for each in shown("it")}
    assert (lines["hours"]["opens"], lines["hours"]["closes"]) == ("08:00", "22:00")
    assert all(each["source"] and each["checked"] for each in lines.values())
    assert "sender_word" not in lines


def test_the_whole_table_is_shown_without_a_country():
    assert len(shown()) > 15
