"""What everybody outside the gateway may ask of a dialect, whichever it is: each of them answers all of it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from harness import own_port

from octoworker.config import Settings
from octoworker.errors import Fault, Kind, SettingsError, UnreachableError
from octoworker.gateway import Account, Gateway, Rules, Submit, dialects

EACH = pytest.mark.parametrize("dialect", dialects.DIALECTS.values(), ids=dialects.DIALECTS)

MARKERS = ("612345678", "MARKERTEXT", "MARKERKEY", "me@example.com")

ORDER = Submit("k1a", ("+33612345678",), "MARKERTEXT", "FR", "Octo", transactional=True, send_at=None)

ID = "0123456789abcdef" * 2


def account(url):
    return Account(url, "me@example.com", "MARKERKEY", "json", 1.0, 1.0, 2.0, simulate=False)


@EACH
def test_it_has_the_name_by_which_the_setting_finds_it(dialect):
    assert dialects.named(dialect.name) is dialect
    assert (Path(dialects.__file__).parent / dialect.name / "__init__.py").exists()


def test_a_name_that_nobody_has_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=" or ".join(dialects.DIALECTS)):
        dialects.named("morse")


@EACH
def test_it_has_a_rule_for_all_that_is_asked(dialect):
    rules = dialect.rules
    assert [
        each.name
        for each in fields(Rules)
        if not getattr(rules, each.name) and each.name not in ("placeholders", "recall")
    ] == []
    assert rules.low_cost_length <= rules.max_length
    assert rules.url.startswith("https://")
    assert not rules.url.endswith("/")


@EACH
def test_each_fault_of_a_message_has_a_code_that_refuses_it_for_good(dialect):
    assert set(dialect.rules.codes) == set(get_args(Fault))
    assert {dialect.lookup(code).kind for code in dialect.rules.codes.values()} == {Kind.PERMANENT}


@EACH
def test_the_advice_names_the_first_way_to_write_the_stop_mention(dialect):
    first, *others = dialect.rules.stop_mentions
    assert first in dialect.rules.stop_advice
    assert [len(each) for each in others] == [len(first)] * len(others), "each counts the same"


@EACH
def test_its_table_holds_each_code_once_and_knows_them_all(dialect):
    names = [code.code for code in dialect.codes]
    assert len(set(names)) == len(names)
    assert [dialect.lookup(name) for name in names] == list(dialect.codes)


@EACH
def test_it_knows_accepted_duplicate_and_an_account_that_is_refused(dialect):
    kinds = {code.kind for code in dialect.codes}
    assert {Kind.SUCCESS, Kind.DUPLICATE, Kind.ACCOUNT, Kind.PERMANENT, Kind.MAYBE} <= kinds
    stopping = [code for code in dialect.codes if code.stops_account]
    assert {code.kind for code in stopping} == {Kind.ACCOUNT}
    assert [code for code in stopping if code.mended_by_credit]
    assert [code for code in dialect.codes if code.mended_by_credit and not code.stops_account] == []


@EACH
@pytest.mark.parametrize("code", ["", "9999", "x", "+33612345678"])
def test_a_code_that_nobody_knows_is_never_guessed_at(dialect, code):
    assert dialect.lookup(code).kind is Kind.UNKNOWN
    assert "612345678" not in dialect.lookup(code).code


@EACH
def test_each_message_and_generation_has_a_key_of_its_own_in_letters_and_digits(dialect):
    keys = [dialect.key(each, generation) for each in (ID, ID[::-1]) for generation in range(800)]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[0-9a-z]{33,36}", key) for key in keys)


@EACH
def test_its_gateway_has_all_that_a_gateway_has_and_opens_no_connection_before_a_call(dialect):
    gateway = dialect.connect(account(f"http://127.0.0.1:{own_port()}"), 1)
    promised = {name for name in vars(Gateway) if not name.startswith("_")}
    assert [name for name in promised if not callable(getattr(gateway, name, None))] == []
    gateway.close()


@EACH
@pytest.mark.parametrize("call", ["submit", "credit", "balance"])
def test_a_server_that_is_away_has_had_nothing_and_the_error_says_nothing_of_anybody(dialect, call):
    gateway = dialect.connect(account(f"http://127.0.0.1:{own_port()}"), 1)
    with pytest.raises(UnreachableError) as caught:
        getattr(gateway, call)(*([ORDER] if call == "submit" else []))
    gateway.close()
    assert [marker for marker in MARKERS if marker in repr(caught.value) + str(caught.value)] == []
    assert caught.value.__context__ is None


@EACH
def test_the_address_and_the_key_window_follow_the_api(dialect):
    settings = Settings.load({"OCTOPUSH_API": dialect.name})
    assert (settings.account.api, settings.account.url) == (dialect.name, dialect.rules.url)
    assert settings.retry.key_window == dialect.rules.key_window


@EACH
def test_what_is_set_counts_more_than_what_the_api_would_have(dialect):
    settings = Settings.load(
        {"OCTOPUSH_API": dialect.name, "OCTOPUSH_URL": "https://proxy.example/x", "OCTOWORKER_KEY_WINDOW": "77"}
    )
    assert (settings.account.url, settings.retry.key_window) == ("https://proxy.example/x", 77.0)


def test_without_a_setting_the_first_dialect_is_spoken():
    first = next(iter(dialects.DIALECTS.values()))
    settings = Settings.load({})
    assert (settings.account.api, settings.account.url) == (first.name, first.rules.url)
    assert settings.retry.key_window == first.rules.key_window


def test_an_api_that_nobody_speaks_is_refused_with_those_there_are():
    with pytest.raises(SettingsError) as caught:
        Settings.load({"OCTOPUSH_API": "v9"})
    assert caught.value.problems == (f"OCTOPUSH_API: use {' or '.join(dialects.DIALECTS)}.",)
