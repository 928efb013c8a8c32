"""Whoever has only a number, a reference or a reason finds the message, and sees no number."""

from __future__ import annotations

import csv
import json

from celery import Celery
from harness import NUMBER, TEXT

OTHER = "+33612345679"


def sent_plainly(house, **arguments):
    """By a producer that has Celery alone, and looks at nothing. The id of its message."""
    with Celery(broker=house.redis_url) as plain:
        job = plain.send_task(
            "octoworker.send_sms", kwargs={"text": TEXT, "transactional": True, **arguments}, queue="sms"
        )
    return job.id.replace("-", "")


def found(house, *arguments):
    return [each["message_id"] for each in json.loads(house.command("find", *arguments, "--json").stdout)]


def test_a_message_is_found_by_what_is_known_of_it_and_no_number_is_shown(house):
    house.environ["OCTOWORKER_NUMBER_KEYS"] = "k" * 32
    waits = house.enqueue(reference="order 4712")
    assert found(house, "--number", NUMBER) == [waits]
    house.worker()
    house.ended(waits)
    house.ended(house.enqueue(recipients=OTHER))
    refused = sent_plainly(house, recipients="+33123456789")
    house.ended(refused)
    assert found(house, "--number", "06 12 34 56 78") == [waits]
    assert found(house, "--number", "01 23 45 67 89") == [refused]
    assert found(house, "--reference", "order 4712") == [waits]
    assert found(house, "--state", "rejected", "--since", "1h") == [refused]
    assert found(house, "--until", "1h") == []
    rows = list(csv.DictReader(house.command("find", "--number", NUMBER, "--csv").stdout.splitlines()))
    assert [(each["message_id"], each["to"], each["people"]) for each in rows] == [(waits, "'+336…78", "1")]
    shown = house.command("find").stdout
    assert waits in shown
    everything = shown + house.command("find", "--json").stdout + house.command("find", "--csv").stdout
    assert [each for each in (NUMBER[3:], OTHER[3:], TEXT) if each in everything] == []


def test_campaigns_are_listed_with_how_far_they_are(house, tmp_path):
    house.worker()
    (tmp_path / "people.csv").write_text("number\n0612345678\n")
    house.command("bulk", str(tmp_path / "people.csv"), "--template", "Hi", "--transactional", "--send")
    assert "people.csv" in house.command("campaigns").stdout
    (campaign,) = json.loads(house.command("campaigns", "--json").stdout)
    assert (campaign["name"], campaign["people"], campaign["counts"]) == ("people.csv", 1, {"accepted": 1})
