"""From the rows of a campaign to its messages in the store: whoever asks again finds what was taken."""

from __future__ import annotations

import json

import pytest
from store_kit import A, B, open_store

from octoworker.client.campaigns import loading, parts
from octoworker.client.campaigns.parts import Person
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client
from octoworker.errors import CampaignSentError, KeyConflictError
from octoworker.sms.people import READ_FOR
from octoworker.sms.policy import Policy
from octoworker.store import NewMessage

PLAIN, NAMED = Template("Bonjour à tous"), Template("Bonjour {prenom}")
ASKED = loading.Asked("Bonjour", {"transactional": True}, "digest of the rows")


DIGEST, PLACE = "e3044ffef5b470706f4c365bd2b47265", "d7c85fdc57723cff6105ca88484f43bc"
MESSAGE, MARK = "56b57a0e0c1d4d3c47d3de6f02338a72", "52ded974a666dc37"


def person(row, number, written=None, *, left_out=False, **values):
    return Person(row, written or number, number, values, left_out=left_out)


def messages(*people, template=PLAIN, **options):
    return list(parts.messages("c", template, people, options, "FR"))


def test_a_campaign_is_known_by_its_content_and_its_key_in_the_next_release_too():
    assert (ASKED.digest, ASKED.place) == (DIGEST, DIGEST)
    assert loading.Asked("Bonjour", {}, "digest of the rows", "spring").place == PLACE


def test_who_is_left_out_makes_it_another_campaign():
    asked = [loading.Asked("Bonjour", {}, "rows", skip_sent=skip) for skip in (False, True)]
    assert asked[0].digest != asked[1].digest


def test_a_message_and_its_mark_are_found_again_in_the_next_release():
    (new,) = messages(person(1, A))
    assert (new.message_id, new.marks) == (MESSAGE, (MARK,))


def test_a_row_that_names_its_number_oddly_is_the_same_row_whatever_the_order_of_its_parts():
    one, other = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert messages(person(1, None, one))[0].message_id == messages(person(1, None, other))[0].message_id


def test_one_text_for_all_is_one_message_that_knows_its_first_row_and_its_people():
    (new,) = messages(person(3, A), person(4, None, "06"), person(5, B, left_out=True))
    asked = json.loads(new.payload)
    assert (new.row, new.people, len(new.marks)) == (3, 2, 1)
    assert (asked["recipients"], asked[READ_FOR], asked["lane"]) == ([A, "06"], "FR", "bulk")


def test_a_text_of_ones_own_is_a_message_of_ones_own():
    new = messages(person(1, A, prenom="Zoé"), person(2, B, prenom="Léa", left_out=True), template=NAMED, lane="normal")
    assert [json.loads(each.payload) for each in new] == [{"lane": "normal", "recipients": A, "text": "Bonjour Zoé"}]


def test_nobody_gets_no_message():
    assert messages(person(1, A, left_out=True)) == []


def test_what_was_read_needs_no_region():
    assert READ_FOR not in json.loads(messages(person(1, A), person(2, None, "06", left_out=True))[0].payload)


def test_a_row_with_an_empty_field_is_refused_by_the_name_of_the_first():
    template = Template("{prenom} {nom}")
    rows = [(n, A, {"prenom": first, "nom": last}) for n, (first, last) in enumerate([("", ""), ("x", ""), ("x", "y")])]
    found, refused = loading.people(rows, template, Policy())
    assert [each.row for each in found] == [2]
    assert refused == {"prenom: the field is empty.": 1, "nom: the field is empty.": 1}


def test_who_got_this_very_text_from_another_campaign_is_left_out(store):
    store.campaigns.open("spring", "")
    mark = parts.mark_of(B, PLAIN.text)
    store.create_many("bulk", [NewMessage("c" * 32, "print", "{}", marks=(mark,))], campaign="spring")
    people = [person(1, None, "06"), person(2, A), person(3, B)]
    found = loading.skipping(people, PLAIN, store.campaigns, "autumn")
    assert [each.left_out for each in found] == [False, False, True]


@pytest.fixture
def mine(redis_server, redis_client):
    client = Client({"OCTOWORKER_REDIS_URL": redis_server.url, "OCTOWORKER_SENDER": "Octo"})
    yield client
    client.close()


def taken(mine, campaign, people, **more):
    heard = []
    count = loading.take(mine, campaign, PLAIN, people, more, reply=heard.append, at_once=1)
    return count, heard


def test_its_caller_hears_how_many_people_were_taken(mine):
    own = loading.begin(mine, ASKED, "autumn").id
    assert taken(mine, own, [person(n, A) for n in range(600)]) == (600, [500, 600])
    assert {each.lane for each in map(mine.store.get, dict(mine.store.campaigns.ids(own)))} == {"bulk"}


def test_it_goes_by_the_lane_that_was_asked_for(mine, redis_client):
    own = loading.begin(mine, ASKED, "autumn").id
    taken(mine, own, [person(1, A)], lane="urgent")
    assert redis_client.llen("sms.urgent") == 1


def test_one_that_was_taken_whole_is_refused_with_its_id(mine):
    own = loading.begin(mine, ASKED, "autumn").id
    loading.end(mine, own, people=1, refused=0)
    with pytest.raises(CampaignSentError) as caught:
        loading.begin(mine, ASKED, "autumn")
    assert caught.value.campaign_id == own


def test_a_message_that_is_known_with_other_content_stops_it(mine, redis_client):
    own = loading.begin(mine, ASKED, "autumn").id
    (new,) = parts.messages(own, PLAIN, [person(1, A)], {}, "FR")
    open_store(redis_client).create(new.message_id, "other", "bulk", "{}")
    with pytest.raises(KeyConflictError) as caught:
        taken(mine, own, [person(1, A)])
    assert caught.value.campaign_id == own
