"""What a request_id does, in both generations: taken once, for a day, by one account, and never known to the other API."""

from __future__ import annotations

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sandbox_caller import NUMBER, OTHER, TEXT_V1, Caller

DAY = 86_400


@pytest.fixture
def second(sandbox):
    """Somebody else who calls."""
    it = Caller(sandbox)
    yield it
    it.close()


def legacy(caller, **changes):
    """The code of a call to the older API."""
    names = {"key": "request_id", "text": "sms_text"}
    return caller.send(**{names.get(name, name): value for name, value in changes.items()})["error_code"]


def v1(caller, **changes):
    """The code of a call to the newer API, 000 for none."""
    names = {"key": "request_id"}
    status, answer = caller.send_v1(**{names.get(name, name): value for name, value in changes.items()})
    return f"{answer['code']:03}" if status >= 300 else "000"


@dataclass(frozen=True)
class Api:
    """How one generation is called, and what its words are."""

    name: str
    send: Any
    duplicate: str
    simulated: dict[str, Any]


LEGACY = Api("legacy", legacy, "120", {"request_mode": "simu"})
NEWER = Api("v1", v1, "182", {"simulation_mode": True})
OTHER_API = {"legacy": NEWER, "v1": LEGACY}
both = pytest.mark.parametrize("api", [LEGACY, NEWER], ids=lambda api: api.name)


@both
def test_a_key_is_taken_once(sandbox, caller, api):
    assert [api.send(caller, key="abc1") for _ in range(3)] == ["000", api.duplicate, api.duplicate]
    assert len(sandbox.handsets()[NUMBER]) == 1


@both
def test_a_duplicate_has_no_ticket(caller, api):
    api.send(caller, key="abc1")
    answers = {"legacy": lambda: caller.send(request_id="abc1"), "v1": lambda: caller.send_v1(request_id="abc1")[1]}
    assert "ticket" not in json.dumps(answers[api.name]())


@both
def test_without_a_key_nothing_is_remembered(caller, api):
    assert [api.send(caller) for _ in range(2)] == ["000", "000"]


@both
@pytest.mark.parametrize(("later", "then"), [(DAY - 600, "duplicate"), (DAY, "000")])
def test_a_key_is_known_for_a_day_by_the_sandbox_own_clock(sandbox, caller, api, later, then):
    api.send(caller, key="abc1")
    sandbox.advance(later)
    assert api.send(caller, key="abc1") == (api.duplicate if then == "duplicate" else then)


@both
def test_a_duplicate_does_not_renew_the_key(sandbox, caller, api):
    api.send(caller, key="abc1")
    sandbox.advance(DAY / 2)
    assert api.send(caller, key="abc1") == api.duplicate
    sandbox.advance(DAY / 2)
    assert api.send(caller, key="abc1") == "000"


@both
def test_the_generations_do_not_know_each_others_keys(sandbox, caller, api):
    assert api.send(caller, key="abc1") == "000"
    assert OTHER_API[api.name].send(caller, key="abc1") == "000"
    assert len(sandbox.handsets()[NUMBER]) == 2


@both
def test_a_message_that_crosses_over_under_its_key_is_a_double(sandbox, caller, api):
    text = "Bonjour STOP au XXXXX STOP au 30101"
    for each in (api, OTHER_API[api.name]):
        each.send(caller, key="abc1", text=text)
    assert sandbox.state()["twice"] == 1


@both
def test_two_logins_do_not_know_each_others_keys(sandbox, caller, api):
    sandbox.open_account("second@example.com", "second-key")
    assert api.send(caller, key="abc1") == "000"
    sandbox.user_login, sandbox.api_key = "second@example.com", "second-key"
    assert [api.send(caller, key="abc1") for _ in range(2)] == ["000", api.duplicate]


@both
def test_credit_is_the_accounts_own(sandbox, caller, api):
    sandbox.settings(api=api.name, credit="0")
    assert api.send(caller) == "104"
    assert OTHER_API[api.name].send(caller) == "000"


@both
@pytest.mark.parametrize(("consumes", "then"), [(False, "000"), (True, "duplicate")])
@pytest.mark.parametrize("refused", [{"text": ""}, "credit", "fault"])
def test_whether_a_refusal_uses_the_key_up_is_a_switch(sandbox, caller, api, consumes, then, refused):
    sandbox.settings(consume_on_refusal=consumes)
    if refused == "credit":
        sandbox.settings(credit="0")
    if refused == "fault":
        sandbox.fault("code", code="125")
    assert api.send(caller, key="abc1", **(refused if isinstance(refused, dict) else {})) != "000"
    sandbox.settings(credit="10")
    assert api.send(caller, key="abc1") == (api.duplicate if then == "duplicate" else then)


@both
@pytest.mark.parametrize(("consumes", "then"), [(False, "000"), (True, "duplicate")])
def test_whether_a_simulation_uses_the_key_up_is_a_switch(sandbox, caller, api, consumes, then):
    sandbox.settings(consume_on_simulation=consumes)
    assert api.send(caller, key="abc1", **api.simulated) == "000"
    expected = api.duplicate if then == "duplicate" else then
    assert api.send(caller, key="abc1", **api.simulated) == expected
    assert api.send(caller, key="abc1") == expected


@both
@pytest.mark.parametrize(("first", "code"), [(False, "duplicate"), (True, "104")])
def test_whether_credit_is_looked_at_before_the_key_is_a_switch(sandbox, caller, api, first, code):
    sandbox.settings(credit_first=first)
    api.send(caller, key="abc1")
    sandbox.settings(credit="0")
    assert api.send(caller, key="abc1") == (api.duplicate if code == "duplicate" else code)


@both
@pytest.mark.parametrize("first", [True, False])
def test_whether_a_known_key_is_noticed_before_a_bad_call_is_a_switch(sandbox, caller, api, first):
    sandbox.settings(key_first=first)
    api.send(caller, key="abc1")
    assert (api.send(caller, key="abc1", text="") == api.duplicate) == first


@both
def test_the_code_of_a_duplicate_is_a_switch(sandbox, caller, api):
    sandbox.settings(duplicate_code="123")
    assert [api.send(caller, key="abc1") for _ in range(2)] == ["000", "123"]


@both
def test_the_key_is_known_from_the_moment_of_taking(sandbox, caller, second, api):
    """A second call with the key meets it while the first still waits for its answer."""
    sandbox.fault("gate", name="taken", when="after")
    with ThreadPoolExecutor() as aside:
        first = aside.submit(api.send, caller, key="abc1")
        sandbox.gate_reached("taken")
        assert api.send(second, key="abc1") == api.duplicate
        sandbox.open_gate("taken")
        assert first.result() == "000"


@both
def test_late_booking_takes_the_key_at_once_and_rings_after_the_caller_has_gone(sandbox, caller, second, api):
    sandbox.fault("late_booking", seconds=600, hold=0.05)
    with pytest.raises(http.client.RemoteDisconnected):
        api.send(caller, key="abc1")
    assert api.send(second, key="abc1") == api.duplicate
    assert (sandbox.counts()["accepted"], sandbox.state()["credits"][api.name]) == (0, "1000.00")
    sandbox.advance(600)
    assert sandbox.wait(handsets=1)["accepted"] == 1
    assert sandbox.state()["credits"][api.name] == "999.94"


def test_late_booking_waits_for_its_caller_to_go(sandbox, caller):
    sandbox.fault("late_booking", seconds=0, hold=600)
    body = json.dumps(caller.body_v1(request_id="abc1"))
    head = f"api-login: {sandbox.user_login}\r\napi-key: {sandbox.api_key}\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", sandbox.port)) as line:
        line.sendall(f"POST /v1/public/sms-campaign/send HTTP/1.1\r\n{head}\r\n\r\n{body}".encode())
        sandbox.wait(calls=1)
        assert sandbox.counts()["handsets"] == 0
    assert sandbox.wait(handsets=1)["accepted"] == 1


def test_late_booking_still_refuses_a_wrong_call(sandbox, caller):
    sandbox.fault("late_booking")
    assert caller.send_v1(text="")[1]["code"] == 107
    assert sandbox.state()["by_code"] == {"107": 1}


@both
def test_slow_takes_at_once_and_answers_after_its_time(sandbox, caller, second, api):
    sandbox.fault("slow", seconds=2)
    with ThreadPoolExecutor() as aside:
        call = aside.submit(api.send, caller, key="abc1")
        sandbox.wait(handsets=1)
        assert not call.done()
        assert api.send(second, key="abc1") == api.duplicate
        assert call.result() == "000"


def test_the_blacklist_is_the_accounts_own(sandbox, caller):
    sandbox.blacklist([NUMBER], api="v1")
    caller.send_v1()
    assert sandbox.handsets() == {}
    caller.send()
    assert len(sandbox.handsets()[NUMBER]) == 1


REMOVED = [
    ({}, {"number_of_contacts": 2, "total_cost": 0.11}),
    ({"auto_remove_blacklisted_numbers": True}, {"number_of_contacts": 1, "total_cost": 0.065}),
]


@pytest.mark.parametrize(("changes", "answer"), REMOVED)
def test_blacklisted_numbers_are_taken_out_when_asked_for(sandbox, caller, changes, answer):
    sandbox.blacklist([NUMBER])
    recipients = [{"phone_number": NUMBER}, {"phone_number": OTHER}]
    got = caller.send_v1(recipients=recipients, **changes)[1]
    assert {name: got[name] for name in answer} == answer
    assert {number: [sms["text"] for sms in each] for number, each in sandbox.handsets().items()} == {OTHER: [TEXT_V1]}
