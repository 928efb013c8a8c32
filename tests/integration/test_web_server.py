"""The HTTP server under metrics, page and whatever else: bounded in connections, time and size."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, closing, contextmanager

import pytest
from harness import own_port, until

from octoworker.web.request import Request, Response
from octoworker.web.server import Limits, Server

SHORT = 0.3
"""Seconds of a deadline that a test waits for."""

SMALL = Limits(connections=4, at_once=2, head=2000, body=1000, to_ask=60, to_answer=60, to_take=60)


@contextmanager
def serving(handler, limits=SMALL):
    server = Server("127.0.0.1", 0, handler, limits=limits)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def connected(server):
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as caller:
        yield caller


def said(caller):
    """All that the server says until it ends the connection; b"" when it hangs up without a word."""
    found = b""
    try:
        while piece := caller.recv(4096):
            found += piece
    except ConnectionResetError:
        pass
    return found


def ask(server, words):
    with connected(server) as caller:
        caller.sendall(words)
        return said(caller)


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


def echo(request):
    return Response(repr((request.method, request.path, dict(request.query), request.body)).encode())


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"GET /a/b?x=1&x=2&y= HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "/a/b", {"x": "2", "y": ""}, b"")),
        (b"GET //elsewhere.example/ HTTP/1.1\r\nHost: x\r\n\r\n", ("GET", "//elsewhere.example/", {}, b"")),
        (b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", ("POST", "/in", {}, b"abc")),
        (
            b"POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            ("POST", "/in", {}, b"abc"),
        ),
        (b"GET /old HTTP/1.0\r\n\r\n", ("GET", "/old", {}, b"")),
    ],
    ids=["query", "two slashes", "length", "chunks", "HTTP 1.0"],
)
def test_a_request_reaches_the_handler_whole(words, told):
    with serving(echo) as server:
        head, _, body = ask(server, words).partition(b"\r\n\r\n")
    assert status_of(head) == 200
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert body == repr(told).encode()


def test_whoever_asks_before_a_long_body_is_told_to_send_it():
    with serving(echo) as server, connected(server) as caller:
        caller.sendall(b"POST /in HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert status_of(caller.recv(4096)) == 100
        caller.sendall(b"abc")
        assert status_of(said(caller)) == 200


def test_whoever_asks_before_a_body_that_is_too_long_is_told_so_at_once():
    with serving(echo) as server, connected(server) as caller:
        caller.sendall(b"POST /in HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
        assert status_of(said(caller)) == 413


def test_a_head_gets_the_length_and_no_body():
    with serving(echo) as server:
        head, _, body = ask(server, GET.replace(b"GET", b"HEAD")).partition(b"\r\n\r\n")
    assert (status_of(head), body) == (200, b"")
    assert b"content-length: 0" not in head.lower()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"no request at all\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", 400),
        (b"GET /?" + b"&".join(b"a%d" % n for n in range(101)) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 2001, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"64\r\n%s\r\n" % (b"z" * 100) * 11,
            413,
        ),
    ],
    ids=["no HTTP", "a control character", "too many fields", "a tunnel", "a long head", "a long body", "many chunks"],
)
def test_what_is_broken_or_too_large_never_reaches_the_handler(words, status):
    reached = []
    with serving(lambda request: reached.append(request) or Response()) as server:
        answer = ask(server, words)
        assert status_of(answer) == status
        assert server.turned_away == {status: 1}
    assert reached == []
    assert b"no request" not in answer


def test_a_bug_in_the_handler_is_told_without_a_word_of_it():
    def broken(request):
        raise RuntimeError("SECRET")

    with serving(broken) as server:
        answer = ask(server, GET)
        assert status_of(ask(server, GET)) == 500
    assert b"SECRET" not in answer


def test_no_repr_shows_what_was_asked():
    told = Request("POST", "/", {"token": "SECRET"}, {"Authorization": "SECRET"}, b"SECRET", "SECRET")
    assert "SECRET" not in repr(told)
    assert "SECRET" not in repr(Response(b"SECRET", headers=(("Set-Cookie", "SECRET"),)))


def test_a_request_that_does_not_arrive_in_time_is_turned_away_however_steadily_it_drips():
    stop = threading.Event()
    with serving(echo, Limits(to_ask=SHORT)) as server, connected(server) as caller:

        def drip():
            with ExitStack() as quiet:
                quiet.callback(stop.set)
                caller.sendall(b"GET / HTTP/1.1\r\nX: ")
                while not stop.wait(SHORT / 10):
                    caller.sendall(b"y")

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        assert status_of(said(caller)) == 408
        stop.set()
        dripping.join()


def test_an_answer_that_is_not_made_in_time_is_told_so():
    go = threading.Event()

    def slow(_):
        go.wait()
        return Response()

    with serving(slow, Limits(to_ask=60, to_answer=SHORT)) as server:
        try:
            assert status_of(ask(server, GET)) == 503
        finally:
            go.set()


def test_an_answer_that_nobody_takes_is_given_up():
    limits = Limits(to_ask=60, to_take=SHORT)
    with serving(lambda _: Response(b"x" * 50_000_000), limits) as server, connected(server) as it:
        it.sendall(GET)
        until(lambda: server.connections == 1)
        until(lambda: server.connections == 0)


def test_callers_that_drip_make_room_for_one_that_asks():
    with serving(echo) as server, ExitStack() as stack:
        dripping = [stack.enter_context(connected(server)) for _ in range(3 * SMALL.connections)]
        for caller in dripping:
            caller.sendall(b"GET / HT")
        assert status_of(ask(server, GET)) == 200
        assert server.connections <= SMALL.connections
        assert said(dripping[0]) == b""


def test_when_all_wait_for_their_answer_the_next_is_turned_away():
    go, inside = threading.Event(), threading.Semaphore(0)

    def slow(request):
        inside.release()
        go.wait()
        return Response(b"late")

    with serving(slow, Limits(connections=4, at_once=4)) as server, ExitStack() as stack:
        waiting = [stack.enter_context(connected(server)) for _ in range(4)]
        for caller in waiting:
            caller.sendall(GET)
            assert inside.acquire(timeout=30)
        assert status_of(ask(server, GET)) == 503
        go.set()
        assert all(said(caller).endswith(b"late") for caller in waiting)


def test_a_port_that_is_taken_is_an_error_when_the_server_is_made():
    port = own_port()
    taken = Server("127.0.0.1", port, echo)
    with pytest.raises(OSError, match="in use"):
        Server("127.0.0.1", port, echo)
    taken.stop()


def test_a_server_ends_while_callers_are_connected():
    with serving(echo) as server, connected(server) as caller:
        caller.sendall(b"GET ")
        until(lambda: server.connections == 1)
        server.stop()
        assert said(caller) == b""
