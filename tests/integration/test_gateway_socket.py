"""The gateway against a server that misbehaves on a real socket: each fault is one error, and that error is true."""

from __future__ import annotations

import contextlib
import gzip
import pickle
import queue
import socket
import ssl
import struct
import threading
import traceback
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, unquote

import pytest
from harness import until

import octoworker
from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    MaybeSentError,
    NotSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.gateway import Account, Credit, Submit, dialects
from octoworker.gateway.legacy.client import LegacyGateway

NUMBER, OTHER, TEXT, API_KEY, LOGIN = "+33612345678", "+33698765432", "MARKERTEXT 4711", "MARKERKEY", "me@example.com"
MARKERS = ("612345678", "698765432", "MARKERTEXT", "MARKERKEY")

ORDER = Submit(
    key="k1a", recipients=(NUMBER,), text=TEXT, sms_type="FR", sender="Octo", transactional=True, send_at=None
)
TAKEN = (
    b'{"error_code":"000","ticket":"api1","cost":0.055,"balance":6.93,"failures":[],"successs":[],'
    b'"sms_ticket":"api1","total_cost":0.055,"residual_credit":6.93}'
)
"""Accepted, in the words of both generations of the API, each of which looks at its own alone."""

EITHER = pytest.mark.parametrize("api", dialects.DIALECTS)

PACE = 0.05
"""Seconds between two bytes of a drip: many fit into the timeouts below, so only the deadline can end it."""

SECRETS = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIIwXXdh0grPcYFEqlQkIoyJPmuQh2z91cqpKtWNLN8OJoAoGCCqGSM49
AwEHoUQDQgAE9UVKNmQRs6JZ3vQnm8bdigWNnOYx8yv4pHFRH+cSMuZF0oSsPRJE
+X3KCxproJD5s5vqTBLDs8B7RQN3+f4dGg==
-----END EC PRIVATE KEY-----
"""
"""Made for these tests, and good for 127.0.0.1 only, until 2120."""

CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBejCCASCgAwIBAgIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBvY3Rvd29y
a2VyLXRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAbMRkw
FwYDVQQDDBBvY3Rvd29ya2VyLXRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAE9UVKNmQRs6JZ3vQnm8bdigWNnOYx8yv4pHFRH+cSMuZF0oSsPRJE+X3KCxpr
oJD5s5vqTBLDs8B7RQN3+f4dGqNTMFEwDwYDVR0RBAgwBocEfwAAATAPBgNVHRMB
Af8EBTADAQH/MA4GA1UdDwEB/wQEAwIChDAdBgNVHQ4EFgQUj7dE3kGm56GvviVE
1oKxmVvwxIswCgYIKoZIzj0EAwIDSAAwRQIhAPEDIVeVU/qb1NpmYH0sysKCDJDr
Lue6oM8uUWNFwDn3AiBjiiRXzLo6qLpFeODdkzQBvlS3FSj3PSMrgUcEIPjB1w==
-----END CERTIFICATE-----
"""


# What a server does with one connection. Each takes the connection and the server that has it.


def close_unread(line, server):
    """Takes the connection and hangs up."""


def read_some_then_reset(line, _):
    line.recv(1)
    reset(line)


def read_headers_then_reset(line, server):
    server.read_until(line, b"\r\n\r\n")
    reset(line)


def read_all_then_reset(line, server):
    server.read(line)
    reset(line)


def read_all_then_close(line, server):
    server.read(line)


def hang(line, server):
    """Reads all and says nothing, until the other side gives up."""
    server.read(line)
    server.wait_for_end(line)


def drip_headers(line, server):
    server.read(line)
    drip(line, server, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000)


def drip_body(line, server):
    server.read(line)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    drip(line, server, b" " * 1000)


def break_the_tls_after_the_request(line, server):
    """Raises the same error at the other side as a handshake that fails."""
    server.read(line)
    with line.unwrapped() as bare:
        bare.sendall(b"this is no TLS record")
        server.wait_for_end(bare)


def says(raw):
    """Reads the request, answers these very bytes, and hangs up."""

    def behave(line, server):
        server.read(line)
        line.sendall(raw)

    return behave


def answers(status, body=b"", *headers):
    """A well-formed answer."""

    def behave(line, server):
        server.read(line)
        send(line, status, body, *headers)

    return behave


def keeps(*bodies):
    """Answers one request after the other on the same connection, then hangs up."""

    def behave(line, server):
        for body in bodies:
            answers(200, body)(line, server)

    return behave


def hang_after(body):
    """Answers once, and keeps the connection open."""

    def behave(line, server):
        answers(200, body)(line, server)
        server.wait_for_end(line)

    return behave


def send(line, status, body, *headers):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def reset(line):
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(line, server, raw):
    with contextlib.suppress(OSError):
        for byte in raw:
            if server.stopping.wait(PACE):
                return
            line.sendall(bytes([byte]))


class TlsLine(ssl.SSLSocket):
    """A server's end of a TLS connection whose TLS can be dropped, the connection kept."""

    def unwrapped(self):
        return socket.socket(fileno=self.detach())


class Server:
    """A thread that behaves as scripted: the first behaviour for the first connection, and so on."""

    def __init__(self, *behaviours, certificate=None, tls=True, family=socket.AF_INET):
        self.behaviours = iter(behaviours)
        self.certificate = certificate
        self.tls = certificate and tls
        self.connections = 0
        self.requests = []
        self.ended = queue.SimpleQueue()
        self.stopping = threading.Event()
        self.host = "127.0.0.1" if family == socket.AF_INET else "[::1]"
        self._listener = socket.create_server((self.host.strip("[]"), 0), family=family)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._lines = []

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def __enter__(self):
        self._thread.start()
        return self

    def came(self):
        """How many connections came, once the first has been let in: who calls in haste may be gone before that."""
        until(lambda: self.connections)
        return self.connections

    def __exit__(self, *_):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for thread in self._lines:
            thread.join()

    def _serve(self):
        for behave in self.behaviours:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            line.settimeout(30)
            self._lines.append(threading.Thread(target=self._behave, args=(behave, line)))
            self._lines[-1].start()

    def _behave(self, behave, line):
        with contextlib.ExitStack() as stack:
            stack.callback(self.ended.put, None)
            stack.enter_context(line)
            stack.enter_context(contextlib.suppress(OSError))
            if self.tls:
                line = stack.enter_context(self.secured(line))
            behave(line, self)

    def secured(self, line):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sslsocket_class = TlsLine
        context.load_cert_chain(self.certificate)
        return context.wrap_socket(line, server_side=True)

    def read_until(self, line, end):
        raw = b""
        while end not in raw:
            if not (more := line.recv(65536)):
                raise ConnectionError
            raw += more
        return raw

    def read(self, line):
        """One whole request, kept in `requests`."""
        head, _, body = self.read_until(line, b"\r\n\r\n").partition(b"\r\n\r\n")
        length = int(dict(headers_of(head)).get("Content-Length", "0"))
        while len(body) < length:
            body += line.recv(65536)
        self.requests.append((head, body))
        return body.decode()

    def wait_for_end(self, line):
        with contextlib.suppress(OSError):
            while line.recv(65536):
                pass


def headers_of(head):
    return [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")[1:]]


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def certificate(tmp_path):
    """A file with the server's key and certificate."""
    path = tmp_path / "server.pem"
    path.write_text(SECRETS + CERTIFICATE)
    return str(path)


@pytest.fixture
def trusted(monkeypatch, certificate):
    """The same, trusted as a user would say so."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    return certificate


def gateway(url, pool_size=2, api="legacy", **more):
    account = Account(
        url=url,
        user_login=LOGIN,
        api_key=API_KEY,
        format="json",
        connect_timeout=5,
        read_timeout=5,
        total_timeout=10,
        simulate=False,
    )
    return contextlib.closing(dialects.named(api).connect(replace(account, **more), pool_size))


def failure(url, order=ORDER, **more):
    """The error of one submit. It holds no secret, in no corner, and survives the way to another process."""
    with gateway(url, **more) as octopush, pytest.raises(octoworker.OctoworkerError) as caught:
        octopush.submit(order)
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    shown = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    assert [marker for marker in MARKERS if any(marker in text for text in shown)] == []
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
    return error


PATIENT = {}
HASTY = {"read_timeout": 0.3}
BOUND = {"read_timeout": 5, "total_timeout": 2.5}
HTML = b"<!DOCTYPE html><html><body>000</body></html>"

BOMB = zlib.compress(zlib.compress(b" " * 100_000_000, 9), 9)
"""A few hundred bytes."""

FAULTS = {
    "hangs up unread": (close_unread, PATIENT, MaybeSentError),
    "resets after the headers": (read_headers_then_reset, PATIENT, MaybeSentError),
    "resets after the request": (read_all_then_reset, PATIENT, MaybeSentError),
    "hangs up after the request": (read_all_then_close, PATIENT, MaybeSentError),
    "never answers": (hang, HASTY, MaybeSentError),
    "drips its headers": (drip_headers, BOUND, MaybeSentError),
    "drips its body": (drip_body, BOUND, MaybeSentError),
    "speaks another language": (says(b"220 smtp ready\r\n"), PATIENT, MaybeSentError),
    "breaks off in the status": (says(b"HTTP/1.1 20"), PATIENT, MaybeSentError),
    "breaks off in the headers": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), PATIENT, MaybeSentError),
    "breaks off in the body": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + TAKEN[:50]),
        PATIENT,
        MaybeSentError,
    ),
    "breaks off in a chunk": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + TAKEN),
        PATIENT,
        MaybeSentError,
    ),
    "breaks off between chunks": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(TAKEN), TAKEN)),
        PATIENT,
        MaybeSentError,
    ),
    "sends chunks of no size": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        PATIENT,
        MaybeSentError,
    ),
    "says gzip and is not": (answers(200, TAKEN, "Content-Encoding: gzip"), PATIENT, MaybeSentError),
    "says deflate twice, and a kilobyte holds a hundred million bytes": (
        answers(200, BOMB, "Content-Encoding: deflate, deflate"),
        PATIENT,
        MaybeSentError,
    ),
    "compresses what it was not asked to": (
        answers(200, gzip.compress(TAKEN), "Content-Encoding: gzip"),
        PATIENT,
        MaybeSentError,
    ),
    "answers a page": (answers(200, HTML), PATIENT, MaybeSentError),
    "answers nothing": (answers(200), PATIENT, MaybeSentError),
    "answers no end": (answers(200, b" " * 10_000), {"max_answer_bytes": 9_000}, MaybeSentError),
    "repeats the request in a page": (answers(200, f"<p>{NUMBER} {TEXT} {API_KEY}".encode()), PATIENT, MaybeSentError),
    "repeats the request as a code": (
        answers(200, b'{"error_code":"%b","code":"%b"}' % (NUMBER.encode(), NUMBER.encode())),
        PATIENT,
        MaybeSentError,
    ),
    "breaks while it works": (answers(500, TAKEN), PATIENT, MaybeSentError),
    "has lost what is behind it": (answers(502, HTML), PATIENT, MaybeSentError),
    "is down": (answers(503, HTML), PATIENT, MaybeSentError),
    "waited too long for what is behind it": (answers(504, HTML), PATIENT, MaybeSentError),
    "has moved": (answers(302, b"", "Location: http://127.0.0.1:1/"), PATIENT, MaybeSentError),
    "has moved and wants the form again": (answers(307, b"", "Location: /sms/json"), PATIENT, MaybeSentError),
    "has moved to nowhere": (answers(301, b"", "Location: http://[/"), PATIENT, MaybeSentError),
    "has nothing to say": (answers(204), PATIENT, MaybeSentError),
    "does not know us": (answers(403, HTML), PATIENT, MaybeSentError),
    "does not know the page": (answers(404, HTML), PATIENT, MaybeSentError),
    "has too many calls": (answers(429, HTML), PATIENT, BusyError),
    "refuses": (answers(200, b'{"error_code":"104","code":104}'), PATIENT, RefusedByProviderError),
    "refuses with a new code": (answers(200, b'{"error_code":"307","code":307}'), PATIENT, RefusedByProviderError),
    "fails inside": (answers(200, b'{"error_code":"500","code":500}'), PATIENT, MaybeSentError),
    "knows the key": (answers(200, b'{"error_code":"120","code":182}'), PATIENT, DuplicateKeyError),
}


def test_a_bomb_takes_no_memory():
    """Nothing of it is ever unpacked: the memory of the whole exchange stays below a hundredth of what is in it."""
    with Server(answers(200, BOMB, "Content-Encoding: deflate, deflate"), answers(200, TAKEN)) as server:
        tracemalloc.start()
        try:
            error = failure(server.url)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "compressed" in error.reason
    assert most < 1_000_000


@pytest.mark.parametrize("said", ["identity", "Identity", ""])
def test_an_answer_that_says_it_is_plain_is_read(said):
    with Server(answers(200, TAKEN, f"Content-Encoding: {said}")) as server, gateway(server.url) as octopush:
        assert octopush.submit(ORDER).ticket == "api1"


@EITHER
@pytest.mark.parametrize(("behave", "patience", "error"), FAULTS.values(), ids=FAULTS)
def test_a_server_that(api, behave, patience, error):
    with Server(behave, answers(200, TAKEN)) as server:
        assert type(failure(server.url, api=api, **patience)) is error
        assert server.came() == 1, "a submit is never repeated here"


TLS_FAULTS = {
    "breaks the TLS after the request": break_the_tls_after_the_request,
    "resets after the request": read_all_then_reset,
    "hangs up after the request": read_all_then_close,
}


def test_the_older_api_answers_with_200_alone():
    with Server(answers(202, TAKEN)) as server:
        assert type(failure(server.url)) is MaybeSentError


@pytest.mark.parametrize("status", [200, 201, 202])
def test_v1_answers_with_any_success(status):
    with Server(answers(status, TAKEN)) as server, gateway(server.url, api="v1") as octopush:
        assert octopush.submit(ORDER).ticket == "api1"


@pytest.mark.parametrize(
    ("code", "error"), [(121, RefusedByProviderError), (182, DuplicateKeyError), (777, RefusedByProviderError)]
)
def test_v1_says_no_with_the_status_of_an_error(code, error):
    with Server(answers(400, b'{"code":%d,"message":"%b"}' % (code, TEXT.encode()))) as server:
        assert type(failure(server.url, api="v1")) is error


V1_CALLS = {
    "send": (lambda octopush: octopush.submit(ORDER).ticket, "POST /sms-campaign/send", TAKEN, "api1"),
    "credit": (
        lambda octopush: octopush.credit(),
        "GET /wallet/check-balance",
        b'{"amount":6.93,"unit":"euros"}',
        Credit(Decimal("6.93"), "EUR"),
    ),
    "balance": (
        lambda octopush: octopush.balance(),
        "GET /wallet/check-credits?country_codes[]=FR",
        b'{"FR":{"premium_sms":10,"low_cost_sms":20}}',
        {"FR": Decimal(10), "XXX": Decimal(20)},
    ),
    "cancel": (lambda octopush: octopush.cancel("sms_1"), "DELETE /sms-campaign/cancel", None, None),
}


@pytest.mark.parametrize(("ask", "line", "body", "found"), V1_CALLS.values(), ids=V1_CALLS)
def test_each_call_of_v1_has_its_address_and_exactly_these_headers(ask, line, body, found):
    answer = answers(204, b"") if body is None else answers(200, body)
    with Server(answer) as server, gateway(server.url + "/v1/public", api="v1") as octopush:
        assert ask(octopush) == found
        head, sent = server.requests[0]
    method, path = line.split(" ")
    assert unquote(head.split(b"\r\n")[0].decode()) == f"{method} /v1/public{path} HTTP/1.1"
    assert bool(sent) is (method in ("POST", "DELETE"))
    if method == "DELETE":
        assert sent == b'{"ticket_number": "sms_1"}'
    assert sorted(headers_of(head)) == [
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        *([("Content-Length", str(len(sent)))] if sent else []),
        ("Content-Type", "application/json"),
        ("Host", f"127.0.0.1:{server.port}"),
        ("User-Agent", f"octoworker/{octoworker.__version__}"),
        ("api-key", API_KEY),
        ("api-login", LOGIN),
    ]


def test_a_login_that_no_header_can_carry_is_in_no_error():
    with Server(hang) as server:
        assert type(failure(server.url, api="v1", api_key=f"{API_KEY}\nX: 1")) is UnreachableError
        assert nothing_came(server)


@EITHER
@pytest.mark.parametrize("behave", TLS_FAULTS.values(), ids=TLS_FAULTS)
def test_after_the_request_a_tls_server_may_have_sent_when_it(trusted, api, behave):
    with Server(behave, certificate=trusted) as server:
        assert type(failure(server.url, api=api)) is MaybeSentError
        assert len(server.requests) == 1


def test_a_submit_over_tls_is_taken(trusted):
    with Server(answers(200, TAKEN), certificate=trusted) as server, gateway(server.url) as octopush:
        assert octopush.submit(ORDER).ticket == "api1"


def nothing_came(server):
    return server.requests == []


def test_nothing_was_sent_to_a_closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert type(failure(f"http://127.0.0.1:{port}")) is UnreachableError


def test_nothing_was_sent_to_a_name_that_does_not_exist():
    assert type(failure("http://octopush.invalid")) is UnreachableError


def test_nothing_was_sent_to_a_port_that_does_not_answer():
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # Connections that nobody accepts: once the line is full, the kernel drops whoever else comes.
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 - the library's own signature
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert type(failure(url, connect_timeout=0.2)) is UnreachableError


def test_nothing_was_sent_to_a_server_without_a_trusted_certificate(certificate):
    with Server(hang, certificate=certificate) as server:
        assert type(failure(server.url)) is UnreachableError
        assert nothing_came(server)


SHAKES = {
    "speaks no TLS": lambda line, _: line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "hangs up": close_unread,
    "resets": read_some_then_reset,
    "says nothing": lambda line, server: server.wait_for_end(line),
}


@pytest.mark.parametrize("behave", SHAKES.values(), ids=SHAKES)
def test_nothing_was_sent_to_a_server_that_in_the_handshake(behave):
    with Server(behave) as server:
        url = server.url.replace("http:", "https:")
        assert type(failure(url, connect_timeout=0.5)) is UnreachableError


def test_nothing_is_sent_when_the_connection_comes_too_late(trusted):
    """The message may be another worker's by then."""
    came = queue.SimpleQueue()

    def shake_slowly(line, server):
        server.stopping.wait(0.5)
        with server.secured(line) as secured:
            came.put(secured.recv(100))

    with Server(shake_slowly, certificate=trusted, tls=False) as server:
        url = server.url.replace("http:", "https:")
        assert type(failure(url, total_timeout=0.2)) is UnreachableError
        assert came.get(timeout=10) == b""


def test_nothing_was_sent_through_a_proxy_that_refuses(monkeypatch):
    with Server(says(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert type(failure("https://octopush.invalid/api")) is UnreachableError
        assert [head.split(b" ")[:2] for head, _ in proxy.requests] == [[b"CONNECT", b"octopush.invalid:443"]]


def test_nothing_was_sent_when_the_text_cannot_be_written():
    with Server(hang) as server:
        assert type(failure(server.url, replace(ORDER, text="half a character: \ud83d"))) is UnreachableError
        assert server.connections == 0


def test_a_proxy_of_the_environment_carries_the_call_over_tls(monkeypatch, trusted):
    def tunnel(line, server):
        server.read(line)
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with server.secured(line) as secured:
            answers(200, TAKEN)(secured, server)

    with Server(tunnel, certificate=trusted, tls=False) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with gateway("https://127.0.0.1:1") as octopush:
            assert octopush.submit(ORDER).ticket == "api1"


def test_a_proxy_never_sees_a_call_in_clear(monkeypatch):
    with Server(hang) as proxy, Server(answers(200, TAKEN)) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with gateway(server.url) as octopush:
            assert octopush.submit(ORDER).ticket == "api1"
        assert proxy.connections == 0


def test_not_sent_and_maybe_sent_are_apart():
    assert {error for _, _, error in FAULTS.values() if issubclass(error, NotSentError)} == {
        BusyError,
        RefusedByProviderError,
    }


WAITS = [
    (429, "Retry-After: 7", BusyError, 7),
    (429, "Retry-After: 99999999", BusyError, 86400),
    (429, "Retry-After: soon", BusyError, None),
    (429, "X-Other: 7", BusyError, None),
    (503, "Retry-After: 7", MaybeSentError, 7),
    (503, "X-Other: 7", MaybeSentError, None),
]


@pytest.mark.parametrize(("status", "header", "error", "seconds"), WAITS)
def test_a_wish_to_wait_is_kept(status, header, error, seconds):
    with Server(answers(status, HTML, header)) as server:
        found = failure(server.url)
        assert (type(found), found.retry_after) == (error, seconds)


def test_a_refusal_says_its_code_and_what_it_means():
    with Server(answers(200, b'{"error_code":"104"}')) as server:
        found = failure(server.url)
    assert (found.code, found.reason) == ("104", "Octopush answered 104: not enough credit")


START = b"user_login=me%40example.com&api_key=MARKERKEY&sms_recipients=%2B33612345678"
REST = b"&sms_text=MARKERTEXT+4711&sms_type=FR&sms_sender=Octo&request_id=k1a"
FORMS = {
    "plain": ({"transactional": False}, START + REST),
    "transactional": ({}, START + REST + b"&transactional=1"),
    "several recipients": (
        {"recipients": (NUMBER, OTHER)},
        START + b"%2C%2B33698765432" + REST + b"&transactional=1",
    ),
    "deferred": (
        {"send_at": datetime.fromtimestamp(1700000000.9, UTC), "transactional": False},
        START + REST + b"&sms_mode=2&sending_date=1700000000",
    ),
    "low cost has no sender": (
        {"sms_type": "XXX", "transactional": False},
        START + b"&sms_text=MARKERTEXT+4711&sms_type=XXX&request_id=k1a",
    ),
    "no sender": (
        {"sender": None, "transactional": False},
        START + b"&sms_text=MARKERTEXT+4711&sms_type=FR&request_id=k1a",
    ),
    "every character survives": (
        {"text": "é€😀 & = + % \n;", "transactional": False},
        START
        + b"&sms_text=%C3%A9%E2%82%AC%F0%9F%98%80+%26+%3D+%2B+%25+%0A%3B"
        + b"&sms_type=FR&sms_sender=Octo&request_id=k1a",
    ),
}


@pytest.mark.parametrize(("more", "body"), FORMS.values(), ids=FORMS)
def test_the_order_on_the_wire(more, body):
    with Server(answers(200, TAKEN)) as server, gateway(server.url + "/api") as octopush:
        octopush.submit(replace(ORDER, **more))
        assert [sent for _, sent in server.requests] == [body]


def test_a_simulation_asks_for_one():
    with Server(answers(200, TAKEN)) as server, gateway(server.url, simulate=True) as octopush:
        octopush.submit(ORDER)
        assert server.requests[0][1].endswith(b"&transactional=1&request_mode=simu")


XML = b"<octopush><error_code>000</error_code><ticket>api1</ticket><credit>6.93</credit></octopush>"
COUNTS = b'{"balance":{"FR":"10.00","XXX":"20"}}'
CALLS = {
    "submit json": ("json", lambda octopush: octopush.submit(ORDER).ticket, "/api/sms/json", TAKEN, "api1"),
    "submit xml": ("xml", lambda octopush: octopush.submit(ORDER).ticket, "/api/sms", XML, "api1"),
    "credit xml": ("xml", LegacyGateway.credit, "/api/credit", XML, Credit(Decimal("6.93"), "EUR")),
    "credit json": (
        "json",
        LegacyGateway.credit,
        "/api/credit/json",
        b'{"credit":"6.93"}',
        Credit(Decimal("6.93"), "EUR"),
    ),
    "balance json": (
        *("json", LegacyGateway.balance, "/api/balance/json", COUNTS),
        {"FR": Decimal("10.00"), "XXX": Decimal(20)},
    ),
}
ACCEPTS = {"json": "application/json", "xml": "application/xml, text/xml"}


@pytest.mark.parametrize(("form", "ask", "path", "body", "found"), CALLS.values(), ids=CALLS)
def test_each_call_has_its_address_and_exactly_these_headers(form, ask, path, body, found):
    with Server(answers(200, body)) as server, gateway(server.url + "/api", format=form) as octopush:
        assert ask(octopush) == found
        head, sent = server.requests[0]
    assert head.split(b"\r\n")[0] == f"POST {path} HTTP/1.1".encode()
    assert sorted(headers_of(head)) == [
        ("Accept", ACCEPTS[form]),
        ("Accept-Encoding", "identity"),
        ("Content-Length", str(len(sent))),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Host", f"127.0.0.1:{server.port}"),
        ("User-Agent", f"octoworker/{octoworker.__version__}"),
    ]


def test_a_question_sends_the_account_and_nothing_else():
    with Server(answers(200, COUNTS)) as server, gateway(server.url) as octopush:
        octopush.balance()
        assert parse_qsl(server.requests[0][1].decode()) == [("user_login", LOGIN), ("api_key", API_KEY)]


QUESTIONS = {
    "refused": (answers(200, b'{"error_code":"101"}'), RefusedByProviderError),
    "a page": (answers(200, HTML), UnreachableError),
    "a broken server": (answers(500, HTML), UnreachableError),
    "a broken line": (read_all_then_reset, UnreachableError),
    "too many calls": (answers(429, HTML), BusyError),
}


@pytest.mark.parametrize(("behave", "error"), QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("ask", [LegacyGateway.balance, LegacyGateway.credit])
def test_a_question_is_never_a_maybe(ask, behave, error):
    with Server(behave) as server, gateway(server.url) as octopush, pytest.raises(octoworker.OctoworkerError) as caught:
        ask(octopush)
    assert type(caught.value) is error


def test_calls_share_a_connection():
    with Server(keeps(TAKEN, TAKEN, TAKEN)) as server, gateway(server.url) as octopush:
        assert [octopush.submit(ORDER).ticket for _ in range(3)] == ["api1"] * 3
        assert server.connections == 1


def test_a_connection_closed_between_two_calls_is_opened_anew():
    with Server(keeps(TAKEN), keeps(TAKEN)) as server, gateway(server.url) as octopush:
        octopush.submit(ORDER)
        server.ended.get(timeout=10)
        octopush.submit(ORDER)
        assert server.connections == 2


def test_a_connection_closed_under_a_call_is_a_maybe_and_not_repeated():
    def answer_once(line, server):
        answers(200, TAKEN)(line, server)
        server.read(line)

    with Server(answer_once, keeps(TAKEN)) as server, gateway(server.url) as octopush:
        octopush.submit(ORDER)
        with pytest.raises(MaybeSentError):
            octopush.submit(ORDER)
        assert server.connections == 1


def test_a_connection_unused_for_long_is_opened_anew():
    with Server(hang_after(TAKEN), keeps(TAKEN)) as server, gateway(server.url, max_idle=0.0) as octopush:
        octopush.submit(ORDER)
        octopush.submit(ORDER)
        assert server.connections == 2


def test_a_failed_call_leaves_the_next_one_alone():
    with Server(drip_body, keeps(TAKEN)) as server, gateway(server.url, **BOUND) as octopush:
        with pytest.raises(MaybeSentError):
            octopush.submit(ORDER)
        assert octopush.submit(ORDER).ticket == "api1"


def test_no_cookie_of_one_call_goes_with_the_next():
    def set_a_cookie(line, server):
        answers(200, TAKEN, "Set-Cookie: session=1")(line, server)
        answers(200, TAKEN)(line, server)

    with Server(set_a_cookie) as server, gateway(server.url) as octopush:
        octopush.submit(ORDER)
        octopush.submit(ORDER)
        assert b"cookie" not in server.requests[1][0].lower()


def test_an_answer_may_come_in_pieces_and_without_a_length():
    with (
        Server(says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + TAKEN)) as server,
        gateway(server.url) as octopush,
    ):
        assert octopush.submit(ORDER).ticket == "api1"


def test_threads_get_the_answers_to_their_own_calls():
    def echo(line, server):
        with contextlib.suppress(ConnectionError):
            while True:
                key = dict(parse_qsl(server.read(line)))["request_id"]
                send(line, 200, b'{"error_code":"000","ticket":"%b"}' % key.encode())

    keys = [f"k{n}" for n in range(80)]
    with Server(*[echo] * 80) as server, gateway(server.url, pool_size=8) as octopush, ThreadPoolExecutor(8) as threads:
        tickets = list(threads.map(lambda key: octopush.submit(replace(ORDER, key=key)).ticket, keys))
        assert server.connections <= 8
    assert tickets == keys


def test_an_order_and_an_account_do_not_show_whose_they_are():
    account = Account("http://127.0.0.1:1", LOGIN, API_KEY, "json", 1, 1, 2, simulate=False)
    assert [marker for marker in (*MARKERS, LOGIN) if marker in repr(ORDER) + repr(account)] == []
