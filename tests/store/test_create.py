"""create.lua: taking one message."""

from __future__ import annotations

from store_kit import ID, PAYLOAD


def test_creating_twice_with_the_same_content_is_the_same_message(store):
    assert store.create(ID, "print", "normal", PAYLOAD) == "created"
    assert store.create(ID, "print", "normal", PAYLOAD) == "same"


def test_the_same_words_are_the_same_message_also_when_they_are_read_otherwise(store):
    store.create(ID, "as read in France", "normal", PAYLOAD, wording="as written")
    assert store.create(ID, "as read in Belgium", "normal", "{}", wording="as written") == "same"
    assert store.create(ID, "as read in Belgium", "normal", "{}", wording="in other words") == "conflict"


def test_other_words_that_are_read_as_the_same_are_the_same_message(store):
    store.create(ID, "as read", "normal", PAYLOAD, wording="in words")
    assert store.create(ID, "as read", "normal", PAYLOAD, wording="in other words") == "same"


def test_words_that_stand_in_the_form_already_are_the_form(store):
    store.create(ID, "as read", "normal", PAYLOAD, wording="as read")
    assert store.create(ID, "read otherwise", "normal", PAYLOAD, wording="as read") == "same"
    assert store.create(ID, "read otherwise", "normal", PAYLOAD) == "conflict"


def test_creating_under_a_key_of_other_content_is_a_conflict(store):
    store.create(ID, "print", "normal", PAYLOAD)
    assert store.create(ID, "other", "normal", "{}") == "conflict"
