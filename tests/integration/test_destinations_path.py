"""What the rules of a country refuse or warn of, from a web app through a worker to the record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from harness import NUMBER, until

from octoworker.sms.record import State

BELGIAN = "+32470123456"
TEXT = "Votre colis: bit.ly/abc"


@pytest.mark.parametrize("house", [{"OCTOWORKER_DESTINATIONS": "FR.shortener=refuse,BE.link=off"}], indirect=True)
def test_a_rule_refuses_the_people_of_its_country_and_warns_of_the_others(house):
    house.worker()
    record = house.ended(house.enqueue(recipients=[NUMBER, BELGIAN], text=TEXT, sms_type="WWW"))
    assert record.state is State.ACCEPTED
    assert (house.texts(NUMBER), house.texts(BELGIAN)) == ([], [TEXT])
    assert record.recipients[NUMBER]["reason"] == "destination:shortener"
    assert [(each["country"], each["kind"], each["does"]) for each in record.remarks] == [
        ("FR", "shortener", "refuse"),
        ("BE", "sender_replaced", "warn"),
        ("BE", "shortener", "warn"),
    ]
    nobody = house.ended(house.enqueue(text=TEXT))
    assert nobody.state is State.REJECTED
    assert nobody.reason.startswith("FR: A link of a public shortener")


def night_in():
    """A zone in which it is between two and three at night now."""
    east = (2 - datetime.now(UTC).hour) % 24
    return f"Etc/GMT-{east}" if east <= 14 else f"Etc/GMT+{24 - east}"


@pytest.mark.parametrize("house", [{"OCTOWORKER_DESTINATIONS": "FR.hours=off"}], indirect=True)
def test_marketing_to_two_countries_goes_to_each_at_its_own_hour(house):
    house.environ["OCTOWORKER_HOURS"] = f"BE=08:00-20:00@{night_in()}"
    house.worker()
    advert = {"text": "Soldes STOP au XXXXX", "transactional": False, "sms_type": "WWW"}
    whole = house.enqueue(recipients=[NUMBER, BELGIAN], idempotency_key="sale", **advert)
    until(lambda: house.texts(NUMBER))
    parts = house.record(whole).parts
    until(lambda: house.record(parts["BE"]["message_id"]).state is State.SCHEDULED)
    assert house.enqueue(recipients=[NUMBER, BELGIAN], idempotency_key="sale", **advert) == whole
    assert "BE: 1 person  scheduled" in house.command("status", whole).stdout
    house.command("cancel", whole)
    record = house.ended(whole)
    assert (record.state, record.reason) == (
        State.ACCEPTED,
        "accepted for some countries only: cancelled by an operator",
    )
    assert (house.texts(NUMBER), house.texts(BELGIAN)) == ([advert["text"]], [])
