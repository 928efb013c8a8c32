"""The ways to Octopush: certificates, proxies, IPv6, and how a connection is kept or given up."""

from __future__ import annotations

import queue
import socket
import ssl
from pathlib import Path

import pytest
from test_gateway_socket import (
    EITHER,
    ORDER,
    SECRETS,
    TAKEN,
    Server,
    _no_proxy_of_the_machine,
    answers,
    failure,
    gateway,
    hang,
    headers_of,
    keeps,
    nothing_came,
    says,
)

from octoworker.errors import MaybeSentError, UnreachableError

__all__ = ["_no_proxy_of_the_machine"]

CERTIFICATES = Path(__file__).parent / "certificates"
"""An authority and what it signed, all for the key of these tests: one for localhost, one for it that ended in 2001, and
one for other.example. The others end after 2118."""


class NamedServer(Server):
    """A server that keeps which name each client asked for."""

    def __init__(self, *behaviours, signed, folder, **more):
        path = folder / "named.pem"
        path.write_text(SECRETS + (CERTIFICATES / f"{signed}.pem").read_text())
        super().__init__(*behaviours, certificate=str(path), **more)
        self.asked_for = queue.SimpleQueue()

    @property
    def url(self):
        return super().url.replace("127.0.0.1", "localhost")

    def secured(self, line):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        context.sni_callback = lambda _, name, __: self.asked_for.put(name)
        return context.wrap_socket(line, server_side=True)


@pytest.fixture
def authority(monkeypatch):
    """The user trusts the authority of these tests."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "ca.pem"))


@EITHER
def test_a_server_of_a_trusted_authority_is_called_by_its_name(api, authority, tmp_path):
    with (
        NamedServer(keeps(TAKEN, TAKEN), signed="good", folder=tmp_path) as server,
        gateway(server.url, api=api) as octopush,
    ):
        assert [octopush.submit(ORDER).ticket for _ in range(2)] == ["api1"] * 2
        assert server.asked_for.get(timeout=10) == "localhost"
        assert server.connections == 1
        assert dict(headers_of(server.requests[0][0]))["Host"] == f"localhost:{server.port}"


@pytest.mark.parametrize("signed", ["expired", "other"])
def test_nothing_was_sent_to_a_server_whose_certificate_is(signed, authority, tmp_path):
    with NamedServer(hang, signed=signed, folder=tmp_path) as server:
        found = failure(server.url)
        assert (type(found), "TLS failed" in found.reason) == (UnreachableError, True)
        assert nothing_came(server)


def test_nothing_was_sent_to_a_server_of_an_authority_that_nobody_trusts(tmp_path):
    with NamedServer(hang, signed="good", folder=tmp_path) as server:
        assert type(failure(server.url)) is UnreachableError
        assert nothing_came(server)


def test_nothing_was_sent_when_the_trusted_certificates_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with NamedServer(hang, signed="good", folder=tmp_path) as server:
        assert type(failure(server.url)) is UnreachableError
        assert server.connections == 0


def tunnel(*bodies):
    """A proxy that lets the call through, to an end of its own."""

    def behave(line, proxy):
        proxy.read(line)
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with proxy.secured(line) as secured:
            keeps(*bodies)(secured, proxy)

    return behave


def test_a_proxy_is_told_who_calls_and_where_to_and_nothing_else(authority, monkeypatch, tmp_path):
    with NamedServer(tunnel(TAKEN, TAKEN), signed="good", folder=tmp_path, tls=False) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        with gateway("https://localhost:1") as octopush:
            assert [octopush.submit(ORDER).ticket for _ in range(2)] == ["api1"] * 2
        (asked, _), *calls = proxy.requests
    assert asked.split(b"\r\n")[0].split(b" ")[:2] == [b"CONNECT", b"localhost:1"]
    assert ("Proxy-Authorization", "Basic bWU6c2VjcmV0") in headers_of(asked)
    assert [b"proxy" in head.lower() for head, _ in calls] == [False, False]
    assert dict(headers_of(calls[0][0]))["Host"] == "localhost:1"


def test_a_proxy_is_asked_again_for_each_connection(authority, monkeypatch, tmp_path):
    with NamedServer(tunnel(TAKEN), tunnel(TAKEN), signed="good", folder=tmp_path, tls=False) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with gateway("https://localhost:1") as octopush:
            octopush.submit(ORDER)
            proxy.ended.get(timeout=10)
            octopush.submit(ORDER)
        assert [head.split(b" ")[0] for head, _ in proxy.requests] == [b"CONNECT", b"POST"] * 2


def test_nothing_was_sent_through_a_proxy_to_a_server_that_is_somebody_else(authority, monkeypatch, tmp_path):
    with NamedServer(tunnel(TAKEN), signed="other", folder=tmp_path, tls=False) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        found = failure("https://localhost:1")
    assert (type(found), "TLS failed" in found.reason) == (UnreachableError, True)


def test_nothing_was_sent_through_a_proxy_that_wants_another_password(monkeypatch):
    with Server(says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        found = failure("https://octopush.invalid/api")
    assert (type(found), "proxy" in found.reason) == (UnreachableError, True)
    assert "secret" not in str(found)


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_server_is_called_by_its_ipv6_address():
    with Server(answers(200, TAKEN), family=socket.AF_INET6) as server, gateway(server.url) as octopush:
        assert octopush.submit(ORDER).ticket == "api1"
        assert dict(headers_of(server.requests[0][0]))["Host"] == f"[::1]:{server.port}"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n%x;x=1\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n"
WHOLE = {
    "in chunks, with a trailer": CHUNKED % (7, TAKEN[:7], len(TAKEN) - 7, TAKEN[7:]),
    "after two words that it goes on": b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" * 2
    + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TAKEN), TAKEN),
    "of the same length, twice": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\ncontent-length: %d\r\n\r\n%b"
    % (len(TAKEN), len(TAKEN), TAKEN),
}


@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_a_connection_is_kept_after_an_answer(raw):
    def twice(line, server):
        for _ in range(2):
            server.read(line)
            line.sendall(raw)

    with Server(twice) as server, gateway(server.url) as octopush:
        assert [octopush.submit(ORDER).ticket for _ in range(2)] == ["api1"] * 2
        assert server.connections == 1


GOING = {
    "says it closes": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(TAKEN), TAKEN),
    "speaks HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TAKEN), TAKEN),
}


@pytest.mark.parametrize("raw", GOING.values(), ids=GOING)
def test_a_connection_is_given_up_when_the_server(raw):
    def stays_open(line, server):
        server.read(line)
        line.sendall(raw)
        server.wait_for_end(line)

    with Server(stays_open, keeps(TAKEN)) as server, gateway(server.url) as octopush:
        assert [octopush.submit(ORDER).ticket for _ in range(2)] == ["api1"] * 2
        assert server.connections == 2


ODD = {
    "has two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Length: 400\r\n\r\n%b" % (len(TAKEN), TAKEN),
    "has a length of five thousand digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n" + TAKEN,
    "is coded in a way that nobody asked for": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(TAKEN), TAKEN),
    "has a chunk of a size below nothing, and no end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
    + b" " * 2_000_000,
    "has no end in its headers": b"HTTP/1.1 200 OK\r\n" + b"X: %b\r\n" % (b"x" * 60_000) * 20,
}


@EITHER
@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_an_answer_is_a_maybe_and_its_connection_given_up_when_it(api, raw):
    with Server(says(raw), keeps(TAKEN)) as server, gateway(server.url, api=api) as octopush:
        with pytest.raises(MaybeSentError):
            octopush.submit(ORDER)
        assert octopush.submit(ORDER).ticket == "api1"
