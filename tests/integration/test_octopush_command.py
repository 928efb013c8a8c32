"""`octoworker octopush`: where the account calls back, asked of the sandbox's v1 and set there."""

from __future__ import annotations

import json

import pytest

from octoworker.cli import octopush

TOKEN = "a-token-of-the-tests-0123456789abcdef"
URL = "https://sms.example.com"
V1 = pytest.mark.parametrize(
    "house", [{"OCTOPUSH_API": "v1", "OCTOWORKER_INBOUND_TOKEN": TOKEN}], indirect=True, ids=["v1"]
)


@V1
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("names", ["new", "old"])
def test_what_is_set_is_read_back_whatever_its_names_are(house, nested, names):
    house.sandbox.settings(api="v1", parameters_nested=nested, parameters_names=names)
    before = house.command("octopush", "show", "--url", URL, check=False)
    assert (before.returncode, "nobody" in before.stdout) == (1, True)
    done = house.command("octopush", "configure", "--url", URL, "--json")
    after = house.command("octopush", "show", "--url", URL, "--json")
    assert json.loads(after.stdout) == json.loads(done.stdout)
    found = json.loads(after.stdout)
    assert found["payload"] == "json"
    assert {event: it["is"] for event, it in found["addresses"].items()} == {
        event: f"{URL}/octopush/TOKEN/{event}" for event in ("receipt", "reply", "stop")
    }
    assert TOKEN not in done.stdout + before.stdout + after.stdout


@V1
def test_an_address_that_somebody_else_set_is_shown_without_its_secret(house):
    house.sandbox.settings(api="v1", url_deliveries="https://other.example.com/hook/s3cret")
    shown = house.command("octopush", "show").stdout
    assert "https://other.example.com/..." in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://sms.example.com", "use https"),
        ("https://", "a host"),
        ("https://sms.example.com?x=", "a host"),
        ("https://sms.example.com/#x", "a host"),
        ("https://me:secret@sms.example.com", "a host"),
        ("https://sms.example.com:port", "a host"),
        ("https://[::1", "a host"),
        ("https://sms.example.com/a b", "a host"),
        ("https://sms.example.com/\n", "a host"),
        ("https://" + "a" * 600, "a host"),
        ("https://localhost:8026", "inside your network"),
        ("https://192.168.1.7/", "inside your network"),
        ("https://[fd00::1]", "inside your network"),
        ("https://sms.example.com:8443/below", ""),
    ],
)
def test_an_address_that_octopush_could_not_call_is_refused_before_it_is_set(url, problem):
    said = octopush.problem_of(url)
    assert problem in said
    assert bool(said) == bool(problem)


@V1
def test_nothing_is_set_when_the_address_is_refused(house):
    refused = house.command("octopush", "configure", "--url", "https://sms.example.com?x=1", check=False)
    assert (refused.returncode, "--url" in refused.stderr) == (2, True)
    assert "nobody" in house.command("octopush", "show").stdout


@V1
def test_a_wrong_key_is_told(house):
    house.environ["OCTOPUSH_API_KEY"] = "wrong"
    refused = house.command("octopush", "show", check=False)
    assert (refused.returncode, "wrong login or API key" in refused.stderr) == (1, True)


@pytest.mark.parametrize("house", [{"OCTOPUSH_API": "legacy"}], indirect=True, ids=["legacy"])
def test_the_older_api_has_its_addresses_set_by_support(house):
    refused = house.command("octopush", "show", check=False)
    assert (refused.returncode, "support" in refused.stderr) == (1, True)
