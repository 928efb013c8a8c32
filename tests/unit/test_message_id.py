"""The id that `enqueue` gives back: a str like any other, which says when nothing comes of its message any more."""

from __future__ import annotations

import json
import pickle

import pytest

from octoworker import MessageId, enqueue, message_id
from octoworker.sms import identity

ID = "a" * 32


def test_it_is_a_str_wherever_one_is_wanted():
    assert MessageId(ID, "cancelled") == ID
    assert json.dumps({"id": MessageId(ID)}) == f'{{"id": "{ID}"}}'
    assert {MessageId(ID): 1}[ID] == 1


@pytest.mark.parametrize("state", [None, "cancelled"])
def test_it_keeps_what_it_says(state):
    again = pickle.loads(pickle.dumps(MessageId(ID, state)))
    assert (again, again.state, again.over) == (ID, state, state is not None)


def test_what_the_store_answers_says_whether_the_message_is_over():
    assert [MessageId.taken(ID, answer).state for answer in ("created", "same", "expired")] == [None, None, "expired"]


def test_the_id_of_a_key_is_known_without_asking_anybody():
    assert message_id("reminder-17") == identity.message_id_for_key("reminder-17")
    with pytest.raises(TypeError, match="idempotency_key"):
        message_id(17)


def test_a_replacement_names_what_it_replaces():
    with pytest.raises(TypeError, match="idempotency_key"):
        enqueue(recipients="+33612345678", text="hi", replace=True)
