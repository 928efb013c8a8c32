"""When two rows of a campaign are one person's."""

from __future__ import annotations

from octoworker.client.campaigns.loading import Doubles
from octoworker.sms import people
from octoworker.sms.policy import Policy


def named_before(rows, *, region, before=()):
    policy = Policy(region=region)
    doubles = Doubles(policy, before)
    return [doubles.named_before(each, next(iter(people.read(each, policy).good), None), "text") for each in rows]


def test_two_spellings_are_one_person():
    assert named_before(["0612345678", "+33612345678"], region="FR") == [False, True]
    assert named_before(["0612345678", "+33612345678"], region="BE") == [False, False]


def test_two_rows_that_were_one_person_s_when_a_part_was_taken_still_are():
    assert named_before(["0612345678", "+33612345678"], region="BE", before=["FR"]) == [False, True]
    assert named_before(["0470123456", "+32470123456"], region="FR", before=["BE", "FR"]) == [False, True]


def test_others_are_others_for_whichever_region_they_are_read():
    rows = ["0612345678", "0612345679", "+32470123456", "061234"]
    assert named_before(rows, region="FR", before=["BE", "FR"]) == [False] * 4


def test_another_text_is_another_sms_and_another_form_of_it_is_not():
    doubles = Doubles(Policy())
    said = [doubles.named_before("06", "+33612345678", text) for text in ("Zo\u00e9", "Zoe\u0301", "Zoe")]
    assert said == [False, True, False]
