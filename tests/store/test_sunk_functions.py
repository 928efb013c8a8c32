"""A function of a script that only one other names is made inside that one; the script does what it did."""

from __future__ import annotations

import re

import pytest

from octoworker.store.scripts import OF_ONE, source, sunk

RARE = """local kept = 1
local function deep(n)
  return n + kept
end
local function rare(n)
  return deep(n) * 2
end
local function both()
  return 7
end
if ARGV[1] == 'rare' then return rare(3) end
return both() + both()
"""

HIDDEN = """local message = 5
local function held(n)
  return n + message
end
local function stop(message)
  return held(message)
end
return stop(tonumber(ARGV[1]))
"""


def at_the_margin(text):
    """The functions that each call of a script makes."""
    depth, found = 0, []
    for line in text.splitlines():
        word = line.strip()
        if (named := re.match(r"local function (\w+)", word)) and depth == 0:
            found.append(named[1])
        depth += len(re.findall(r"\b(?:function|if|for|while)\b", re.sub(r"--.*|'[^']*'", "", word)))
        depth -= len(re.findall(r"\bend\b", re.sub(r"--.*|'[^']*'", "", word)))
    return found


def test_a_function_is_made_inside_the_only_one_that_names_it(client):
    assert at_the_margin(sunk(RARE)) == ["rare", "both"]
    assert [client.eval(text, 0, how) for text in (RARE, sunk(RARE)) for how in ("rare", "other")] == [8, 14] * 2


def test_one_that_would_find_another_value_under_a_name_stays_where_it_is(client):
    assert at_the_margin(sunk(HIDDEN)) == ["held", "stop"]
    assert client.eval(sunk(HIDDEN), 0, "2") == client.eval(HIDDEN, 0, "2") == 7


def named(text):
    return sorted(re.findall(r"local function (\w+)", text))


@pytest.mark.parametrize("script", sorted(OF_ONE))
def test_most_functions_of_a_script_of_one_message_are_made_at_need(script):
    whole = source(script)
    assert named(sunk(whole)) == named(whole)
    assert len(at_the_margin(whole)) < 0.6 * len(named(whole))
