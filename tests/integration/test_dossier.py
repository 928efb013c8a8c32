"""All that is kept of one person can be shown: masked, or in clear for whoever asks for that."""

from __future__ import annotations

import json

from harness import NUMBER, TEXT, until

from octoworker.sms.record import State

OTHER = "+33612345679"
CONSENT = {"id": "form-17", "date": "2026-03-01", "source": "checkout page"}


def dossier(house, *arguments):
    return json.loads(house.command("dossier", *arguments, "--json").stdout)


def test_a_dossier_says_what_was_sent_and_why_and_shows_no_number_and_no_text(house):
    house.environ["OCTOWORKER_HOURS"] = "off"
    house.worker()
    advert = {"text": "Soldes STOP au XXXXX", "transactional": False, "consent": CONSENT, "reference": "MARKER"}
    first = house.ended(house.enqueue(recipients=[NUMBER, OTHER], **advert))
    second = house.ended(house.enqueue())
    house.ended(house.enqueue(recipients=OTHER))
    house.command("optout", "add", NUMBER)
    shown = house.command("dossier", "06 12 34 56 78", "--json").stdout
    found = json.loads(shown)
    assert [each["message_id"] for each in found["messages"]] == [first.message_id, second.message_id]
    assert [each["consent"] for each in found["messages"]] == [CONSENT, None]
    assert [each["marketing"] for each in found["messages"]] == [True, False]
    assert {each["state"] for each in found["messages"]} == {"accepted"}
    assert found["opted_out"]["source"] == "operator"
    assert [each for each in (NUMBER[3:], "0612345678", OTHER[3:], TEXT, "Soldes", "MARKER") if each in shown] == []
    revealed = dossier(house, NUMBER, "--reveal")
    assert [each["text"] for each in revealed["messages"]] == [advert["text"], TEXT]
    assert revealed["messages"][0]["reference"] == "MARKER"
    acts = json.loads(house.command("audit", "--json").stdout)
    assert [each["act"] for each in acts] == ["dossier, revealed", "dossier", "optout add"]
    assert [each for each in acts if NUMBER[3:] in json.dumps(each)] == []
    in_words = house.command("dossier", NUMBER).stdout
    assert "consent: id form-17, date 2026-03-01, source checkout page" in in_words
    assert "2 messages are kept" in in_words


def test_a_number_of_whom_nothing_is_kept_has_an_empty_dossier(house):
    message_id = house.enqueue(recipients=OTHER)
    until(lambda: house.record(message_id).state is State.QUEUED)
    assert dossier(house, NUMBER) == {"recipient": "+336…78", "opted_out": None, "messages": []}
