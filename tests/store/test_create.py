"""create.lua: taking one message."""

from __future__ import annotations

from store_kit import ID, PAYLOAD


def test_creating_twice_with_the_same_content_is_the_same_message(store):
    assert store.create(ID, "print", "normal", PAYLOAD) == "created"
    assert store.create(ID, "print", "normal", PAYLOAD) == "same"


def test_creating_under_a_key_of_other_content_is_a_conflict(store):
    store.create(ID, "print", "normal", PAYLOAD)
    assert store.create(ID, "other", "normal", "{}") == "conflict"
