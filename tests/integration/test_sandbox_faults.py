"""Each fault does to a call exactly what it says, and its handset rings exactly when it says."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import until
from sandbox_caller import NUMBER, OTHER, Caller

from octoworker.sandbox.faults import KINDS


@pytest.fixture
def aside():
    """Calls that stand still do so over here."""
    with ThreadPoolExecutor() as pool:
        yield pool


def rung(sandbox):
    return sandbox.counts()["handsets"]


def test_code_refuses_and_nothing_rings(sandbox, caller):
    sandbox.fault("code", code="125")
    assert caller.send() == {"error_code": "125"}
    assert rung(sandbox) == 0
    assert caller.send()["error_code"] == "000"


def test_slow_rings_before_it_answers(sandbox, caller, aside):
    sandbox.fault("slow", seconds=2)
    call = aside.submit(caller.send)
    sandbox.wait(handsets=1)
    assert not call.done()
    assert call.result()["error_code"] == "000"


SILENT = [
    ("hang_before", {"seconds": 0.05}, http.client.RemoteDisconnected, 0),
    ("hang_after", {"seconds": 0.05}, http.client.RemoteDisconnected, 1),
    ("reset_before", {}, ConnectionResetError, 0),
    ("reset_after", {}, ConnectionResetError, 1),
    ("cut", {}, http.client.IncompleteRead, 1),
]


@pytest.mark.parametrize(("kind", "options", "seen", "rings"), SILENT)
def test_a_call_without_an_answer_says_how_and_rings_or_not(sandbox, caller, kind, options, seen, rings):
    sandbox.fault(kind, **options)
    with pytest.raises(seen) as caught:
        caller.post()
    assert type(caught.value) is seen
    assert (rung(sandbox), sandbox.counts()["accepted"]) == (rings, rings)
    (call,) = sandbox.calls()
    assert (call["fault"], call["code"], call["accepted"]) == (kind, None, bool(rings))


def test_a_hanging_call_is_seen_while_it_hangs(sandbox, caller, aside):
    sandbox.fault("hang_before", seconds=0.3)
    call = aside.submit(caller.post)
    assert sandbox.wait(calls=1) == {"calls": 1, "accepted": 0, "handsets": 0, "callbacks": 0}
    assert isinstance(call.exception(), http.client.RemoteDisconnected)


def test_cut_promises_the_whole_body_and_sends_half(sandbox, caller):
    whole = len(caller.post()[2])
    sandbox.fault("cut")
    with pytest.raises(http.client.IncompleteRead) as caught:
        caller.post()
    got, missing = len(caught.value.partial), caught.value.expected
    assert got == (got + missing) // 2
    assert abs(got + missing - whole) < 5  # the balance in it went down


@pytest.mark.parametrize(("accept", "rings"), [(True, 1), (False, 0)])
def test_html_is_a_web_page_with_status_200(sandbox, caller, accept, rings):
    sandbox.fault("html", accept=accept)
    status, headers, body = caller.post()
    assert (status, headers["Content-Type"], body[:5]) == (200, "text/html; charset=utf-8", b"<!doc")
    assert rung(sandbox) == rings


STATUSES = [
    ({"status": 503, "retry_after": "2"}, 503, "2", 0),
    ({"status": 502, "accept": True}, 502, None, 1),
    ({"status": 429}, 429, None, 0),
    ({"status": 599}, 599, None, 0),
]


@pytest.mark.parametrize(("options", "status", "retry_after", "rings"), STATUSES)
def test_status_answers_with_it(sandbox, caller, options, status, retry_after, rings):
    sandbox.fault("status", **options)
    got, headers, _ = caller.post()
    assert (got, headers["Retry-After"], rung(sandbox)) == (status, retry_after, rings)


def test_drip_comes_byte_by_byte_and_whole(sandbox, caller):
    sandbox.fault("drip", seconds=0.0001)
    assert caller.send()["error_code"] == "000"
    assert rung(sandbox) == 1


def test_partial_fails_the_named_numbers_only(sandbox, caller):
    sandbox.fault("partial", codes={OTHER: "153"})
    answer = caller.send(sms_recipients=f"{NUMBER},{OTHER}")
    assert answer["failures"] == {"error_code": "153", "recipient": int(OTHER)}
    assert list(sandbox.handsets()) == [NUMBER]


def test_refuse_shuts_the_door_and_opens_it_on_the_same_port(sandbox, caller):
    caller.post()
    sandbox.fault("refuse", seconds=2)
    with pytest.raises(ConnectionRefusedError):
        Caller(sandbox).post()

    def let_in():
        try:
            return caller.send()
        except (ConnectionError, http.client.HTTPException):
            caller.close()

    assert until(let_in)["error_code"] == "000"


def test_refuse_over_http_is_answered_before_nobody_comes_in(sandbox, caller):
    assert caller.control("POST", "faults", {"fault": "refuse", "seconds": 5})[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sandbox.port))


@pytest.mark.parametrize(("when", "rings"), [("before", 0), ("after", 1)])
def test_a_call_stands_at_its_gate_until_it_is_opened(sandbox, caller, aside, when, rings):
    sandbox.fault("gate", name="door", when=when)
    call = aside.submit(caller.send)
    assert sandbox.gate_reached("door") == 1
    assert rung(sandbox) == rings
    assert sandbox.open_gate("door") == 1
    assert call.result()["error_code"] == "000"
    assert rung(sandbox) == 1


def test_a_call_whose_caller_died_at_the_gate_is_taken_all_the_same(sandbox, caller):
    sandbox.fault("gate", name="door")
    dying = socket.create_connection(("127.0.0.1", sandbox.port))
    body = "&".join(f"{name}={value}" for name, value in caller.fields(sms_recipients="0033612345678").items())
    dying.sendall(f"POST /api/sms/json HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    sandbox.gate_reached("door")
    dying.close()
    sandbox.open_gate("door")
    assert sandbox.wait(handsets=1)["accepted"] == 1


def test_an_open_gate_is_gone(sandbox, caller):
    sandbox.fault("gate", name="door", times=-1)
    sandbox.open_gate("door")
    assert caller.send()["error_code"] == "000"
    assert sandbox.faults() == []


def test_the_same_gate_can_be_set_up_again(sandbox, caller, aside):
    for _ in range(2):
        sandbox.fault("gate", name="door")
        call = aside.submit(caller.send)
        sandbox.gate_reached("door")
        sandbox.open_gate("door")
        assert call.result()["error_code"] == "000"


def test_clearing_faults_lets_those_at_a_gate_through(sandbox, caller, aside):
    sandbox.fault("gate", name="door")
    call = aside.submit(caller.send)
    sandbox.gate_reached("door")
    sandbox.clear_faults()
    assert call.result()["error_code"] == "000"


def test_closing_the_sandbox_lets_everybody_go(sandbox, caller, aside):
    sandbox.fault("gate", name="door")
    sandbox.fault("hang_after", seconds=600, recipient=OTHER)
    second = Caller(sandbox)
    calls = [aside.submit(caller.post), aside.submit(second.post, sms_recipients=OTHER)]
    sandbox.wait(calls=2)
    sandbox.close()
    assert [call.exception(10) is None or isinstance(call.exception(), OSError) for call in calls] == [True, True]
    second.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sandbox")] == []


def test_a_fault_strikes_as_often_as_it_says(sandbox, caller):
    sandbox.fault("code", code="125", times=2)
    assert [caller.send()["error_code"] for _ in range(3)] == ["125", "125", "000"]


def test_a_fault_without_end_strikes_until_cleared(sandbox, caller):
    sandbox.fault("code", code="125", times=-1)
    assert {caller.send()["error_code"] for _ in range(5)} == {"125"}
    sandbox.clear_faults()
    assert caller.send()["error_code"] == "000"


def test_a_fault_for_a_number_spares_the_others(sandbox, caller):
    sandbox.fault("code", code="125", recipient=NUMBER)
    assert caller.send(sms_recipients=OTHER)["error_code"] == "000"
    assert caller.send(sms_recipients="0033612345678")["error_code"] == "125"


def test_a_fault_for_the_balance_spares_the_sms(sandbox, caller):
    sandbox.fault("code", code="101", call="balance")
    assert caller.send()["error_code"] == "000"
    assert json.loads(caller.post("/api/balance/json")[2]) == {"error_code": "101"}


def test_an_accepting_fault_still_refuses_a_wrong_call(sandbox, caller):
    sandbox.fault("reset_after")
    with pytest.raises(ConnectionResetError):
        caller.post(sms_text="")
    assert sandbox.counts() == {"calls": 1, "accepted": 0, "handsets": 0, "callbacks": 0}


def test_faults_are_listed_with_what_is_left(sandbox, caller):
    caller.control("POST", "faults", {"fault": "status", "status": 503, "times": 2})
    caller.post()
    assert caller.control("GET", "faults")[1] == [
        {
            "id": 1,
            "fault": "status",
            "times": 1,
            "call": "sms",
            "recipient": None,
            "status": 503,
            "accept": False,
            "retry_after": "",
            "body": "",
        }
    ]
    assert caller.control("DELETE", "faults")[0] == 200
    assert sandbox.faults() == []


WRONG = [
    {},
    {"fault": "earthquake"},
    {"fault": "code"},
    {"fault": "slow", "seconds": "long"},
    {"fault": "slow", "second": 1},
    {"fault": "slow", "times": 0},
    {"fault": "slow", "times": "many"},
    {"fault": "slow", "call": "news"},
    {"fault": "html", "accept": "yes"},
    {"fault": "gate", "name": "door", "when": "never"},
    {"fault": "partial", "codes": []},
]


@pytest.mark.parametrize("wanted", WRONG)
def test_a_fault_that_does_not_fit_is_refused_in_a_sentence(caller, wanted):
    status, answer = caller.control("POST", "faults", wanted)
    assert status == 400
    assert answer["error"].endswith(".")


def test_a_gate_over_http_is_awaited_and_opened(sandbox, caller, aside):
    second = Caller(sandbox)
    assert caller.control("GET", "gates/door?timeout=0.01")[0] == 408
    caller.control("POST", "faults", {"fault": "gate", "name": "door"})
    call = aside.submit(second.send)
    assert caller.control("GET", "gates/door") == (200, {"waiting": 1})
    assert caller.control("POST", "gates/door/open") == (200, {"let_through": 1})
    assert call.result()["error_code"] == "000"
    second.close()


def test_every_kind_has_a_story():
    assert all(kind.story for kind in KINDS.values())


# --- how many calls at once

EITHER = pytest.mark.parametrize(("api", "send"), [("legacy", "post"), ("v1", "send_v1")])


def asked(sandbox, send):
    """One call on a line of its own: its status."""
    line = Caller(sandbox)
    try:
        return getattr(line, send)()[0]
    finally:
        line.close()


@EITHER
def test_a_call_beyond_those_at_once_is_told_to_wait_where_it_is_so_set(sandbox, aside, api, send):
    sandbox.settings(api=api, calls_at_once=1)
    sandbox.fault("gate", name="door")
    first = aside.submit(asked, sandbox, send)
    sandbox.gate_reached("door")
    assert asked(sandbox, send) == 429
    sandbox.open_gate("door")
    assert first.result() in (200, 201)
    assert asked(sandbox, send) in (200, 201)
    assert len(sandbox.handsets()[NUMBER]) == 2


@EITHER
def test_or_it_is_worked_when_its_turn_comes(sandbox, aside, api, send):
    sandbox.settings(api=api, calls_at_once=1, beyond_calls_at_once="queue")
    sandbox.fault("gate", name="door")
    first = aside.submit(asked, sandbox, send)
    sandbox.gate_reached("door")
    second = aside.submit(asked, sandbox, send)
    assert sandbox.calls()[0]["code"] is None
    sandbox.open_gate("door")
    assert {first.result(), second.result()} <= {200, 201}
    assert len(sandbox.handsets()[NUMBER]) == 2
