"""The rights of Redis' users are listed in one place, octoworker/store/rights.py: this says what is missing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from octoworker.store import rights, scripts

CONF = Path(__file__).parents[2] / "deploy" / "redis" / "redis.conf"


@pytest.mark.parametrize("user", rights.USERS)
def test_who_may_call_a_script_has_all_of_its_commands_and_keys(user):
    assert list(rights.missing(user)) == [], "name it in octoworker/store/rights.py, then run make docs"


def test_redis_conf_has_the_rights_as_they_are_listed():
    text = CONF.read_text()
    assert text == rights.written(text), "run make docs"
    assert [line for line in text.splitlines() if line.startswith(tuple(f"user {each} " for each in rights.USERS))]


@pytest.mark.parametrize("user", rights.USERS)
def test_rights_begin_with_nothing_and_name_each_command(user):
    line = rights.USERS[user].line
    assert "on resetkeys resetchannels" in line
    assert not {"allkeys", "allchannels", "allcommands", "~*", "%R~*", "~ow:*", "%R~ow:*"} & set(line.split())
    assert "+@" not in line


def test_no_script_is_called_by_name_that_is_none():
    assert {script for user in rights.USERS.values() for script in user.scripts} <= set(scripts.names())
