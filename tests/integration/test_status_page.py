"""The status page: only for whoever has the token, read-only, masked, and nothing from elsewhere."""

from __future__ import annotations

import http.client
import json
import re
from base64 import b64encode
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlencode

import pytest
from harness import API_KEY, NUMBER, TEXT

from octoworker.sms import terms
from octoworker.sms.record import State
from octoworker.store import ClaimRequest, Store, connect
from octoworker.web.frame import SCRIPT
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


def ask(port, path="/", headers=BEARER, method="GET", body=None):
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        caller.request(method, path, body, headers=headers)
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


def log_in(port, token=TOKEN, place="/", **headers):
    body = urlencode({"token": token, "place": place})
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return ask(port, "/login", headers, method="POST", body=body)


def test_the_token_comes_in_a_form_and_becomes_a_cookie(port):
    place = f"/message/{'a' * 32}"
    assert f'name="place" value="{place}"' in ask(port, place, {})[2]
    status, told, _ = log_in(port, place=place)
    assert (status, told["Location"]) == (303, place)
    name, *flags = told["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(flags)
    assert TOKEN not in told["Set-Cookie"]
    assert ask(port, "/", {"Cookie": f"other=1; {name}"})[0] == 200


def test_a_token_in_an_address_opens_nothing(port):
    status, told, body = ask(port, f"/?token={TOKEN}", {})
    assert (status, told["Set-Cookie"]) == (401, None)
    assert TOKEN not in body


@pytest.mark.parametrize("token", ["", "x", TOKEN + "x", "<script>"])
def test_a_wrong_token_is_told_and_opens_nothing(port, token):
    status, told, body = log_in(port, token)
    assert (status, told["Set-Cookie"]) == (401, None)
    assert "That is not the token." in body
    assert "<script>" not in body.replace(f"<script>{SCRIPT}</script>", "")


def test_a_form_of_another_site_is_refused(port):
    assert log_in(port, Origin="https://elsewhere.example")[0] == 403
    assert log_in(port, Origin="null")[0] == 403
    assert log_in(port, Origin=f"http://127.0.0.1:{port}")[0] == 303


def test_behind_https_the_cookie_stays_there(port):
    assert log_in(port, **{"X-Forwarded-Proto": "https"})[1]["Set-Cookie"].endswith("; Secure")


@pytest.mark.parametrize(
    "place", ["//elsewhere.example/", "/\\elsewhere.example/", "https://elsewhere.example", "/metrics", ""]
)
def test_the_redirect_leads_nowhere_else(port, place):
    assert log_in(port, place=place)[1]["Location"] == "/"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_there_is_nothing_but_reading(port, method):
    assert ask(port, method=method)[0] == 405


def test_a_state_shows_its_messages_alone(port, redis_client):
    for n, state in enumerate(("accepted", "rejected", "rejected")):
        redis_client.hset(
            f"ow:message:{n:032x}", mapping={"state": state, "lane": "normal", "history": f"{n}|{state}|"}
        )
        redis_client.zadd(f"ow:state:{state}", {f"{n:032x}": n})
    for query, shown in (
        ("", {0, 1, 2}),
        ("?state=rejected", {1, 2}),
        ("?state=accepted", {0}),
        ("?state=nothing", {0, 1, 2}),
    ):
        listed = re.findall(r'href="/message/(\w+)"', ask(port, f"/{query}")[2])
        assert {int(each, 16) for each in listed} == shown
    body = ask(port, "/?state=rejected")[2]
    assert 'href="/" aria-current="true">rejected' in body
    assert 'href="/?state=accepted">accepted' in body


def test_every_time_names_its_zone_and_every_head_its_column(port, redis_client):
    redis_client.hset("ow:message:" + "d" * 32, mapping={"state": "rejected", "history": "946731601000|rejected|x\n"})
    redis_client.zadd("ow:state:rejected", {"d" * 32: 1})
    for path in ("/", "/message/" + "d" * 32):
        body = ask(port, path)[2]
        times = re.findall(r"<time([^>]*)>([^<]*)</time>", body)
        assert times
        assert all(
            re.search(r'datetime="[^"]+\+00:00"', attributes) and shown.endswith(" UTC") for attributes, shown in times
        )
        assert "<th>" not in body


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(port):
    _, told, body = ask(port)
    policy = told["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    (script,) = re.findall(r"<script>(.*?)</script>", body, re.DOTALL)
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}';" in policy
    assert body.count("<script") == 1
    assert "http" not in re.sub(r"xmlns='http://www.w3.org/2000/svg'", "", body)
    assert not re.search(r"\sstyle=|\son\w+=", body)
    assert (told["Cache-Control"], told["Referrer-Policy"], told["X-Frame-Options"]) == (
        "no-store",
        "same-origin",
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
        assert "<script>alert" not in body
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


def search(port, headers=BEARER, **form):
    body = urlencode(form)
    return ask(
        port, "/find", {"Content-Type": "application/x-www-form-urlencoded", **headers}, method="POST", body=body
    )


@pytest.fixture
def refused_one(redis_client):
    store = Store(redis_client, **KEEP)
    asked = json.dumps({"recipients": NUMBER, "text": TEXT, "reference": "order 4711"})
    found_by = terms.of_message([NUMBER], "order 4711", ())
    store.reject(ClaimRequest("a" * 32, "print", "normal", asked, found_by=found_by), "why not", "164")
    return "a" * 32


@pytest.mark.parametrize(
    "form",
    [
        {"number": "06 12 34 56 78"},
        {"reference": "order 4711"},
        {"state": "rejected"},
        {"reason": "164", "number": NUMBER},
    ],
)
def test_a_message_is_found_on_the_page_and_no_number_is_shown(port, refused_one, form):
    status, told, body = search(port, **form)
    assert (status, f"/message/{refused_one}" in body, told["Cache-Control"]) == (200, True, "no-store")
    assert [each for each in (NUMBER[3:], "06 12", TEXT) if each in body] == []


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"number": "+33612345670"}, "No message that is kept"),
        ({"number": "12"}, "give the whole number"),
        ({"reference": "x" * 300}, "at most 200 characters"),
        ({}, "Give something that is known"),
        ({"state": "<script>"}, "Give something that is known"),
    ],
)
def test_what_finds_nothing_says_why(port, refused_one, form, says):
    status, _, body = search(port, **form)
    assert (status, says in body, refused_one in body) == (200, True, False)


def test_nobody_searches_without_the_token_from_another_site_or_by_an_address(port, refused_one):
    assert search(port, {}, state="rejected")[0] == 401
    assert search(port, {**BEARER, "Origin": "https://elsewhere.example"}, state="rejected")[0] == 403
    assert refused_one not in ask(port, "/find?state=rejected")[2]
