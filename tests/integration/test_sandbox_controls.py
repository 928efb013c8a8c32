"""What the sandbox remembers, what it tells, and how it stands a crowd."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sandbox_caller import NUMBER, OTHER, TEXT, Caller

from octoworker.sandbox import Sandbox
from octoworker.sandbox.page import FILES


def test_the_state_tells_what_rang(caller):
    ticket = caller.send(request_id="abc1")["ticket"]
    caller.send(sms_text="")
    status, state = caller.control("GET", "state")
    assert status == 200
    assert (state["calls"], state["accepted_calls"], state["by_code"]) == (2, 1, {"000": 1, "107": 1})
    assert (state["credit"], state["held"], state["twice"]) == ("999.94", [], 0)
    (message,) = state["handsets"][NUMBER]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message.pop("at"))
    assert message == {
        "text": TEXT,
        "shown": "Bonjour STOP au 36111",
        "sender": "Octo",
        "segments": 1,
        "ticket": ticket,
        "request_id": "abc1",
        "api": "legacy",
        "twice": False,
    }


def test_the_calls_tell_everything_but_the_key(sandbox, caller):
    caller.send(request_id="abc1")
    (call,) = caller.control("GET", "calls")[1]
    assert call["fields"] == ["request_id", "sms_recipients", "sms_sender", "sms_text", "sms_type", "user_login"]
    assert (call["request_id"], call["recipients"], call["code"], call["accepted"]) == ("abc1", 1, "000", True)
    assert (call["call"], call["format"], call["method"]) == ("sms", "json", "POST")
    assert sandbox.api_key not in str(call)


def test_a_number_named_twice_in_a_call_rings_twice_and_that_is_marked(sandbox, caller):
    caller.send(sms_recipients=f"{NUMBER},{NUMBER}")
    assert [message["twice"] for message in sandbox.handsets()[NUMBER]] == [False, True]
    assert sandbox.state()["twice"] == 1


def test_the_same_key_or_the_same_text_on_one_handset_is_marked_twice(sandbox, caller):
    sandbox.settings(key_window=0)
    caller.send(request_id="abc1", sms_text="Un STOP au XXXXX")
    caller.send(request_id="abc1", sms_text="Deux STOP au XXXXX")
    caller.send(request_id="abc2", sms_text="Trois STOP au XXXXX")
    caller.send(request_id="abc3", sms_text="Un STOP au XXXXX")
    assert [message["twice"] for message in sandbox.handsets()[NUMBER]] == [False, True, False, True]
    assert sandbox.state()["twice"] == 2


def test_the_same_text_on_two_handsets_is_no_double(sandbox, caller):
    caller.send(request_id="abc1")
    caller.send(request_id="abc2", sms_recipients=OTHER)
    assert sandbox.state()["twice"] == 0


DEFERRED = [
    lambda now: {"sms_mode": "2", "sending_date": str(int(now) + 3600)},
    lambda now: {"sending_time": str(int(now) + 3600)},
    lambda now: {"sending_period": "3600"},  # noqa: ARG005 - one signature for the table
]


@pytest.mark.parametrize("fields", DEFERRED)
def test_a_deferred_message_is_held_and_paid(sandbox, caller, fields):
    now = time.time()
    answer = caller.send(**fields(now))
    assert abs(answer["sending_date"] - now - 3600) < 5
    assert sandbox.handsets() == {}
    (held,) = sandbox.state()["held"]
    assert (held["recipient"], held["text"]) == (NUMBER, TEXT)
    assert sandbox.state()["credit"] == "999.94"


AT_ONCE = [
    {"sending_date": "9999999999"},
    {"sms_mode": "2"},
    {"sms_mode": "2", "sending_date": "1455975613"},
    {"sending_time": "tomorrow"},
]


@pytest.mark.parametrize("fields", AT_ONCE)
def test_without_a_date_to_come_it_rings_at_once(sandbox, caller, fields):
    caller.send(**fields)
    assert len(sandbox.handsets()[NUMBER]) == 1


def test_a_held_message_rings_at_its_hour(sandbox, caller):
    caller.send(sending_period="1")
    assert sandbox.wait(handsets=1)["handsets"] == 1
    assert sandbox.state()["held"] == []


def test_wait_answers_with_the_true_counts(sandbox, caller):
    caller.send(sms_recipients=f"{NUMBER},{OTHER}")
    goal = "wait?calls=1&accepted=1&handsets=2"
    assert caller.control("GET", goal) == (200, {"calls": 1, "accepted": 1, "handsets": 2, "callbacks": 0})


def test_wait_says_so_when_it_does_not_happen(sandbox, caller):
    status, answer = caller.control("GET", "wait?calls=5&timeout=0.01")
    assert (status, answer["calls"]) == (408, 0)
    with pytest.raises(TimeoutError):
        sandbox.wait(calls=5, timeout=0.01)


def test_wait_wakes_up_when_it_happens(sandbox, caller):
    with ThreadPoolExecutor() as aside:
        waiting = aside.submit(sandbox.wait, accepted=1)
        caller.send()
        assert waiting.result()["accepted"] == 1


def test_settings_are_turned_over_http(sandbox, caller):
    assert caller.control("POST", "settings", {"credit": "5.00", "consume_on_refusal": True, "latency": 0.01})[0] == 200
    assert caller.send()["balance"] == 4.945


@pytest.mark.parametrize("body", [{"colour": "red"}, {"credit": "much"}, {"credit": "NaN"}, {"latency": "long"}, [1]])
def test_settings_that_do_not_fit_are_refused(caller, body):
    assert caller.control("POST", "settings", body)[0] == 400


def test_reset_makes_it_new(sandbox, caller):
    sandbox.settings(key_window=0, credit="5.00")
    sandbox.fault("code", code="125", times=-1, recipient=OTHER)
    caller.send(request_id="abc1")
    caller.send(sending_period="3600")
    assert caller.control("POST", "reset") == (200, {"calls": 0, "accepted": 0, "handsets": 0, "callbacks": 0})
    state = sandbox.state()
    assert (state["handsets"], state["held"], state["credit"], sandbox.faults()) == ({}, [], "1000.00", [])
    assert [caller.send(request_id="abc1")["error_code"] for _ in range(2)] == ["000", "120"]


UNKNOWN = [("GET", "/_sandbox/weather"), ("POST", "/_sandbox/state"), ("GET", "/api/news"), ("GET", "/index.html")]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_what_there_is_not_is_404(caller, method, path):
    assert caller.ask(method, path)[0] == 404


def test_the_page_may_load_nothing_and_knows_no_markup_from_data(caller):
    status, headers, body = caller.ask("GET", "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    parts = [body, *(caller.ask("GET", path)[2] for path in FILES)]
    page = b"".join(parts).decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", page)
    assert not re.search(r"(src|href|action|from) ?=? ?\"https?:", page)


def test_the_page_hears_at_once_of_what_is_new(sandbox, caller):
    seen = caller.control("GET", "watch?since=-1")[1]
    with ThreadPoolExecutor() as aside:
        news = aside.submit(caller.control, "GET", f"watch?since={seen['version']}")
        second = Caller(sandbox)
        second.send()
        second.close()
        assert news.result()[1]["calls"] == 1


def test_the_wall_shows_the_latest_handsets_and_counts_the_others(sandbox, caller):
    caller.send(sms_recipients=",".join(f"+336{n:08d}" for n in range(100)))
    wall = sandbox.watch(-1, 0)
    assert (len(wall["handsets"]), wall["all"], wall["pages"]) == (60, 100, 2)
    assert wall["handsets"][0]["recipient"] == "+33600000099"


def test_a_handset_that_rang_twice_stays_in_front(sandbox, caller):
    caller.send(sms_recipients=f"{NUMBER},{NUMBER}")
    caller.send(sms_recipients=",".join(f"+336{n:08d}" for n in range(100)))
    assert sandbox.watch(-1, 0)["handsets"][0]["recipient"] == NUMBER


def test_a_crowd_on_keep_alive_connections_loses_nothing(sandbox):
    def calls(worker):
        caller = Caller(sandbox)
        codes = {
            caller.send(request_id=f"w{worker}n{n}", sms_text=f"{worker} {n} {TEXT}")["error_code"] for n in range(50)
        }
        caller.close()
        return codes

    with ThreadPoolExecutor(20) as crowd:
        assert set().union(*crowd.map(calls, range(20))) == {"000"}
    assert sandbox.counts() == {"calls": 1000, "accepted": 1000, "handsets": 1000, "callbacks": 0}
    assert sandbox.state()["twice"] == 0


def test_the_same_key_from_a_crowd_at_once_rings_once(sandbox):
    def call(_):
        caller = Caller(sandbox)
        code = caller.send(request_id="abc1")["error_code"]
        caller.close()
        return code

    with ThreadPoolExecutor(20) as crowd:
        assert sorted(crowd.map(call, range(20))) == ["000"] + ["120"] * 19


BROKEN = [
    (b"nonsense\r\n\r\n", b"400"),
    (b"POST /api/sms HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
    (b"POST /api/sms HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
    (b"POST /api/sms HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
]


@pytest.mark.parametrize(("request_bytes", "status"), BROKEN)
def test_what_is_no_request_is_turned_away(sandbox, request_bytes, status):
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as line:
        line.sendall(request_bytes)
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert answer.split()[1] == status
    assert sandbox.counts()["calls"] == 0


@pytest.mark.parametrize("sent", [b"", b"POST /api/sm", b"POST /api/sms HTTP/1.1\r\nContent-Length: 50\r\n\r\nuser_lo"])
def test_a_caller_that_dies_in_the_middle_leaves_no_trace(sandbox, caller, capfd, sent):
    with socket.create_connection(("127.0.0.1", sandbox.port)) as line:
        line.sendall(sent)
    assert caller.send()["error_code"] == "000"
    assert sandbox.counts()["calls"] == 1
    assert capfd.readouterr().err == ""


def test_a_caller_that_waits_for_leave_to_send_its_body_gets_it(sandbox, caller):
    body = "&".join(f"{name}={value}" for name, value in caller.fields(sms_recipients="0033612345678").items())
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as line:
        line.sendall(f"POST /api/sms HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        assert line.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body.encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_only_this_machine_can_connect(sandbox):
    assert sandbox.url == f"http://127.0.0.1:{sandbox.port}/api"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", sandbox.port), timeout=1)


def test_closing_leaves_no_thread_and_frees_the_port():
    with Sandbox() as sandbox:
        caller = Caller(sandbox)
        caller.send()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sandbox")]
    with Sandbox(sandbox.port) as again:
        assert again.port == sandbox.port
    caller.close()


def test_a_taken_port_is_said_in_one_sentence(sandbox):
    command = [sys.executable, "-m", "octoworker.sandbox", "--port", str(sandbox.port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert str(sandbox.port) in ended.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_to_export_and_ends_when_told(stop):
    command = [sys.executable, "-m", "octoworker.sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        block = "".join(iter(process.stdout.readline, "Ctrl+C stops it.\n"))
        process.send_signal(stop)
        _, errors = process.communicate(timeout=30)
    assert re.search(r"OCTOPUSH_URL=http://127\.0\.0\.1:\d+/api\n", block)
    assert "OCTOPUSH_USER_LOGIN=demo@example.com" in block
    assert (process.returncode, errors) == (0, "")
