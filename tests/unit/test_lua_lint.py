"""The linter of the Lua scripts notices what it is there for."""

from __future__ import annotations

import re

import lua_lint
import pytest
from luaparser import ast

from octoworker.store import scripts


def faults_in(text):
    return lua_lint.Reader("x.lua").read(ast.parse(text)).faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("local function f() local a = 1 end return f", "x.lua:1: a is used by nobody"),
        ("local function f(a, b) return a end return f", "x.lua:1: b is used by nobody"),
        ("local function f() local function g() end end return f", "x.lua:1: g is used by nobody"),
        ("\nanswer = 1", "x.lua:2: answer would be a global"),
        ("function f() end", "x.lua:1: a function is local"),
        ("for n = 1, 2 do end", "x.lua:1: n is used by nobody"),
        ("for _, value in pairs(ARGV) do end", "x.lua:1: value is used by nobody"),
        ("local row = {} return row[3]", "x.lua:1: place 3 of a list says nothing: give it a name"),
    ],
)
def test_a_fault_is_told_with_its_line(text, fault):
    assert faults_in(text) == [fault]


@pytest.mark.parametrize(
    "text",
    [
        "for _, value in pairs(ARGV) do redis.call('GET', value) end",
        "return ARGV[5]",
        "local time = redis.call('TIME') return time[2]",
        "local function f(a) return function(b) return a + b end end return f",
        "local n = 0 while n < 3 do n = n + 1 end return n",
    ],
)
def test_what_is_sound_is_no_fault(text):
    assert faults_in(text) == []


def test_a_name_that_no_include_brings_is_foreign():
    reading = lua_lint.Reader("x.lua").read(ast.parse("return move(message.id, NOW)"))
    assert set(reading.foreign) == {"move", "message", "NOW"}
    assert "x.lua" not in lua_lint.paths()


def test_a_script_that_forgets_an_include_names_what_it_misses():
    """As if cancel.lua did without its `change`, and a part had a function that nobody uses."""
    readings = {path: lua_lint.Reading() for path in lua_lint.paths()}
    readings["cancel.lua"] = lua_lint.Reader("cancel.lua").read(
        ast.parse("return join_backlog(begin_change(clock()), of)")
    )
    readings["lib/backlog.lua"].exports = {"join_backlog": 7, "lost": 9}
    found = list(lua_lint.faults(readings))
    assert "cancel.lua:1: begin_change is nothing that this file knows" in found
    assert "cancel.lua:1: nothing of change is used" in found
    assert "lib/backlog.lua:9: lost is used by nobody" in found
    assert not [fault for fault in found if "join_backlog" in fault]


@pytest.mark.parametrize("script", scripts.names())
def test_a_script_takes_along_only_what_it_names(script):
    taken = scripts.source(script).removesuffix(scripts.read(f"{script}.lua"))
    for found in re.finditer(r"^local (?:function )?(\w+(?:, \w+)*)", taken, re.MULTILINE):
        names = "|".join(found[1].split(", "))
        assert re.search(rf"\b({names})\b", scripts.source(script)[found.end() :]), found[0]
