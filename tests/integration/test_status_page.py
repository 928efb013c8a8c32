"""The status page: only for whoever has the token, read-only, masked, and nothing from elsewhere."""

from __future__ import annotations

import http.client
import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from harness import API_KEY, NUMBER, TEXT

from octoworker.sms.record import State
from octoworker.store import Store, connect
from octoworker.web.gauges import Gauges
from octoworker.web.server import Server
from octoworker.web.site import Site

TOKEN = "a-token-of-sixteen-or-more"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
KEEP = {"keep_for": timedelta(hours=1), "requeue_after": timedelta(minutes=1)}


@contextmanager
def served(redis_url, token=TOKEN):
    store = Store(connect(redis_url, retries=0), **KEEP)
    gauges = Gauges(lambda: store.board({}), 0)
    server = Server("127.0.0.1", 0, Site((gauges,), store, {}, token).route)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()
        store.close()


@pytest.fixture
def port(redis_client, redis_server):
    with served(redis_server.url) as it:
        yield it


def ask(port, path="/", headers=BEARER, method="GET"):
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        caller.request(method, path, headers=headers)
        answer = caller.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        caller.close()


def test_without_a_token_set_there_is_no_page(redis_server):
    with served(redis_server.url, token="") as port:
        assert ask(port, "/?token=")[0] == ask(port)[0] == 404
        assert ask(port, "/metrics", {})[0] == 200


@pytest.mark.parametrize("path", ["/", "/message/" + "a" * 32, "/nowhere", f"/?token={TOKEN}x", "/?token="])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"octoworker_status={TOKEN}"},
        {"Cookie": 'octoworker_status="; x=\x01'},
        {"Cookie": "octoworker_status="},
    ],
    ids=["nothing", "empty", "wrong", "other scheme", "the token as cookie", "broken cookie", "empty cookie"],
)
def test_whoever_has_no_token_sees_nothing(port, path, headers):
    status, told, body = ask(port, path, headers)
    assert status == 401
    assert told["WWW-Authenticate"].startswith("Bearer")
    assert "Lanes" not in body
    assert TOKEN not in body


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(port):
    status, told, _ = ask(port, f"/message/{'a' * 32}?token={TOKEN}&x=1", {})
    assert (status, told["Location"]) == (303, f"/message/{'a' * 32}?x=1")
    name, *flags = told["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(flags)
    assert TOKEN not in told["Set-Cookie"]
    assert ask(port, "/", {"Cookie": f"other=1; {name}"})[0] == 200


def test_behind_https_the_cookie_stays_there(port):
    _, told, _ = ask(port, f"/?token={TOKEN}", {"X-Forwarded-Proto": "https"})
    assert told["Set-Cookie"].endswith("; Secure")


@pytest.mark.parametrize("path", ["//elsewhere.example/", "/\\elsewhere.example/", "///elsewhere.example"])
def test_the_redirect_leads_nowhere_else(port, path):
    assert re.fullmatch(r"/[^/\\].*", ask(port, f"{path}?token={TOKEN}", {})[1].get("Location", "/elsewhere"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_there_is_nothing_but_reading(port, method):
    assert ask(port, method=method)[0] == 405


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(port):
    _, told, body = ask(port)
    policy = told["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "script" not in policy + body
    assert "http" not in re.sub(r"http-equiv|xmlns='http://www.w3.org/2000/svg'", "", body)
    assert not re.search(r"\sstyle=|\son\w+=", body)
    assert (told["Cache-Control"], told["Referrer-Policy"], told["X-Frame-Options"]) == (
        "no-store",
        "no-referrer",
        "DENY",
    )
    assert "Python" not in told["Server"]


def test_what_the_page_shows_of_messages_is_masked(house):
    house.worker()
    secret = {"reference": "MARKERREFERENCE", "idempotency_key": "MARKERIDEMPOTENCY"}
    message_id = house.enqueue(**secret)
    refused = house.enqueue("+33612345679", text="MARKERTEXT soldes", transactional=False)
    waiting = house.enqueue([NUMBER, "+33612345670"], lane="bulk", send_at="2027-05-05T10:00:00+02:00", hold=True)
    for each in (message_id, refused):
        house.ended(each)
    house.ended(waiting, State.SCHEDULED)
    with served(house.redis_url) as port:
        front = ask(port)[2]
        stories = {each: ask(port, f"/message/{each}")[2] for each in (message_id, refused, waiting)}
    for each in (message_id, refused, waiting):
        assert f'href="/message/{each}"' in front
    assert "+336…78" in front
    assert "+336…78 +1" in front
    for state in ("queued", "submitting", "accepted"):
        assert state in stories[message_id]
    assert "STOP" in stories[refused]
    assert "held until due" in stories[waiting]
    for page in (front, *stories.values()):
        for marker in (NUMBER, NUMBER[3:], "+33612345679", "MARKER", TEXT, API_KEY):
            assert marker not in page


def test_a_message_is_found_by_its_id(port):
    wanted = "a" * 32
    status, told, _ = ask(port, f"/?message=%20{wanted.upper()}")
    assert (status, told["Location"]) == (303, f"/message/{wanted}")
    assert ask(port, f"/message/{wanted}")[0] == ask(port, "/?message=%3Cscript%3E")[0] == 404


def test_at_most_fifty_messages_are_listed_latest_first(port, redis_client):
    for n in range(70):
        fields = {"state": "accepted", "lane": "normal", "history": f"{1000 + n}|accepted|"}
        redis_client.hset(f"ow:message:{n:032x}", mapping=fields)
        redis_client.zadd("ow:state:accepted", {f"{n:032x}": 1000 + n})
    listed = re.findall(r'href="/message/(\w+)"', ask(port)[2])
    assert listed == [f"{n:032x}" for n in reversed(range(20, 70))]


def test_what_came_from_outside_is_escaped(port, redis_client):
    fields = {"state": "rejected", "reason": "<script>alert(1)</script>", "history": "1|rejected|<b>x", "ticket": "<i>"}
    redis_client.hset("ow:message:" + "b" * 32, mapping={**fields, "payload": '{"recipients": "<u>12345678"}'})
    redis_client.zadd("ow:state:rejected", {"b" * 32: 1})
    for path in ("/", "/message/" + "b" * 32):
        body = ask(port, path)[2]
        assert "<script" not in body
        assert not re.search(r"<(b|i|u)>(x|<|12)", body)


def test_a_story_of_another_day_tells_the_day_and_when_it_goes_out(port, redis_client):
    moves = "946731600000|submitting|\n946731601000|accepted|\n"
    redis_client.hset(
        "ow:message:" + "c" * 32, mapping={"state": "accepted", "history": moves, "sending_date": "946738800"}
    )
    body = ask(port, "/message/" + "c" * 32)[2]
    assert "2000-01-01 13:00:01" in body
    assert "2000-01-01 15:00:00 UTC" in body


def test_redis_away_is_said(house):
    with served(house.redis_url) as port:
        house.server.kill()
        status, _, body = ask(port)
        assert status == 503
        assert "Redis is away" in body
        house.server.start()
        assert ask(port)[0] == 200


def test_a_user_of_redis_who_may_not_read_records_sees_the_board(house):
    house.worker()
    house.ended(house.enqueue())
    house.redis.execute_command(
        *("ACL", "SETUSER", "viewer", "on", "nopass", "resetkeys", "%R~ow:[^m]*", "%R~ow:m[^e]*", "-@all", "+@read"),
        *("+@connection", "+time"),
    )
    with served(house.redis_url.replace("redis://", "redis://viewer:x@")) as port:
        status, _, body = ask(port)
        assert (status, ask(port, "/message/" + "a" * 32)[0]) == (200, 503)
    assert "may count, and not read records" in body
    assert "Lanes" in body


def test_a_short_token_is_refused_at_the_start(house):
    house.environ["OCTOWORKER_STATUS_TOKEN"] = "short"
    done = house.command("metrics", check=False)
    assert done.returncode == 2
    assert "OCTOWORKER_STATUS_TOKEN" in done.stderr
    assert "short" not in done.stderr.replace("at least", "")
