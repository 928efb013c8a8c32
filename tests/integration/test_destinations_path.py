"""What the rules of a country refuse or warn of, from a web app through a worker to the record."""

from __future__ import annotations

import pytest
from harness import NUMBER

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
