"""What both sides must agree on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker import environment
from octoworker.sms import identity, jobs, lanes

SMS = {"recipients": "+33612345678", "text": "hello"}


def test_the_same_key_leads_to_the_same_message_on_every_machine():
    assert identity.message_id_of({**SMS, "idempotency_key": "order-17"}) == "9da578fdedb9772a91dbdffcb8a83f7d"


def test_every_message_without_a_key_is_another_one():
    assert identity.message_id_of(SMS) != identity.message_id_of(SMS)


def test_a_redelivered_job_is_the_same_message():
    job = "0b9d1f6e-5c3f-4a4e-9a53-0d8f9a0c1b2d"
    assert identity.message_id_of(SMS, job) == job.replace("-", "") == identity.message_id_of(SMS, job)


def test_a_job_id_of_any_shape_gives_32_hex_digits():
    assert len(identity.message_id_for_job("my own job id")) == 32
    int(identity.message_id_for_job("my own job id"), 16)


@pytest.mark.parametrize(
    "same",
    [
        {"recipients": "+33 6 12 34 56 78", "text": "hello"},
        {"recipients": "+3 3612345678", "text": "hello"},
        {"recipients": "+.33612345678", "text": "hello"},
        {"recipients": ["+33612345678"], "text": "hello"},
        {"recipients": ["+33612345678", "+33.6.12.34.56.78"], "text": "hello"},
        {**SMS, "reference": "other words", "lane": "bulk", "transactional": False, "sender": None},
        {**SMS, "send_at": "2027-01-01T00:00:00+00:00"},
    ],
)
def test_content_is_equal_however_it_is_written(same):
    assert identity.fingerprint(same) == identity.fingerprint(SMS)


@pytest.mark.parametrize(
    "other",
    [
        {**SMS, "text": "Hello"},
        {**SMS, "recipients": "+33612345679"},
        {**SMS, "sender": "Octo"},
        {**SMS, "transactional": True},
        {**SMS, "sms_type": "WWW"},
        {**SMS, "with_replies": True},
    ],
)
def test_another_sms_has_another_fingerprint(other):
    assert identity.fingerprint(other) != identity.fingerprint(SMS)


def test_the_fingerprint_that_a_record_keeps_is_the_same_in_the_next_release():
    assert identity.fingerprint(SMS) == "1c40d10f5a854d15f00ed11e0c27e53d"


def test_what_only_looks_like_a_flag_is_another_content():
    assert len({identity.fingerprint({**SMS, "transactional": flag}) for flag in (None, True, 7, 8, "True", "-")}) == 6


@pytest.mark.parametrize("junk", [None, 7, [None], {"a": 1}, [[1]], b"x"])
def test_junk_has_a_fingerprint_too(junk):
    assert identity.fingerprint({"recipients": junk, "text": junk}) == identity.fingerprint(
        {"recipients": junk, "text": junk}
    )


@pytest.mark.parametrize(
    ("arguments", "lane"),
    [
        ({**SMS}, "normal"),
        ({**SMS, "transactional": True}, "urgent"),
        ({"recipients": ["+33612345678"], "transactional": True}, "urgent"),
        ({"recipients": ["a", "b"], "transactional": True}, "normal"),
        ({**SMS, "transactional": True, "lane": "bulk"}, "bulk"),
    ],
)
def test_the_lane_follows_from_the_message_unless_given(arguments, lane):
    assert lanes.lane_of(arguments) == lane


@given(
    st.dictionaries(
        st.sampled_from(sorted(jobs.ARGUMENTS)),
        st.text(st.characters()) | st.booleans() | st.none() | st.integers() | st.floats() | st.lists(st.text()),
    )
)
def test_a_payload_is_the_json_that_python_writes(form):
    assert jobs.payload_of(form) == json.dumps(form, separators=(",", ":"))


def test_a_fresh_id_and_a_fresh_word_are_read_as_such():
    assert identity.is_message_id(identity.new_message_id())
    word = identity.new_incarnation()
    assert identity.incarnation(word) == word


@pytest.mark.parametrize(
    "stranger", ["a" * 31, "a" * 33, "a" * 11, "a" * 13, "-" * 32, "-" * 12, "", 7, None, ["a"] * 32]
)
def test_what_a_stranger_wrote_is_no_id_and_no_word(stranger):
    assert not identity.is_message_id(stranger)
    assert identity.incarnation(stranger) == ""


def test_an_id_is_known_with_dashes_as_celery_writes_it():
    job = "0B9D1F6E-5C3F-4A4E-9A53-0D8F9A0C1B2D"
    assert identity.known_id(f" {job} ") == "0b9d1f6e5c3f4a4e9a530d8f9a0c1b2d"
    assert identity.known_id("order-17") == "order-17"


@pytest.mark.parametrize("key", ["", None, 7])
def test_what_is_no_key_leaves_the_job_to_say_which_message_it_is(key):
    assert identity.message_id_of({**SMS, "idempotency_key": key}, "a" * 32) == "a" * 32


def test_many_fresh_ids_are_all_others():
    fresh = list(islice(identity.new_message_ids(), 1000))
    assert len(set(fresh)) == 1000
    assert all(map(identity.is_message_id, fresh))


def test_an_unknown_lane_goes_the_normal_way():
    assert lanes.queue_of("express") == "sms"


def test_instants_travel_as_text():
    assert jobs.jsonable({"send_at": datetime(2027, 1, 1, tzinfo=UTC), "sender": None}) == {
        "send_at": "2027-01-01T00:00:00+00:00"
    }


@pytest.mark.parametrize(
    "url",
    [
        "rediss://host/0",
        "REDISS://host/0",
        "rediss://host/0?ssl_ca_certs=/ca.crt",
        "rediss://host/0?ssl_cert_reqs=",
        "rediss://host/0?ssl_cert_reqs=require",
        "rediss://host/0?ssl_cert_reqs=required&ssl_cert_reqs=always",
        "rediss://user:ssl_cert_reqs=required@host/0",
    ],
)
def test_a_tls_address_that_does_not_say_how_the_server_is_verified_is_told_what_to_add(url):
    assert "add ?ssl_cert_reqs=required" in environment.unverified(url)


@pytest.mark.parametrize(
    "url",
    ["rediss://host/0?ssl_cert_reqs=required&ssl_ca_certs=/ca.crt", "redis://host/0", "unix:///run/redis.sock", ""],
)
def test_another_address_is_left_alone(url):
    assert environment.unverified(url) == ""
