"""What each user of deploy/redis.conf may do: the file is started as it is, with a port of the test's.

On the first `redis-server` of the PATH, else on the Valkey that the tests bring: put another server in front of the PATH to try it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import redis
from harness import API_KEY, LOGIN, NUMBER, TEXT, House, own_port, patient, until
from store_kit import open_store

from octoworker import EnqueueError
from octoworker.sandbox import Sandbox
from octoworker.sms.record import State
from octoworker.store import embedded, functions, keys
from octoworker.store.inbox import Arrival
from octoworker.store.server import COMPACT_UP_TO

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORDS = {name: f"{name}-s-password" for name in ("worker", "producer", "receiver", "viewer", "scaler", "admin")}


class Guarded:
    """A Redis with the users of redis.conf."""

    def __init__(self, folder):
        for name, password in PASSWORDS.items():
            (folder / f"redis_{name}").write_text(password + "\n")
        conf = folder / "redis.conf"
        conf.write_bytes(
            subprocess.run(
                ["sh", DEPLOY / "redis" / "with-passwords.sh", DEPLOY / "redis.conf", folder],
                check=True,
                capture_output=True,
                env={**os.environ, "REDIS_SERVER": embedded.binary()},
            ).stdout
        )
        self.conf = conf.read_text()
        self.port = own_port()
        self._process = subprocess.Popen(
            [embedded.binary(), str(conf), "--port", str(self.port), "--dir", str(folder)], stdout=subprocess.DEVNULL
        )
        until(self._answers)
        with redis.Redis.from_url(self.url("admin"), decode_responses=True) as admin:
            functions.load(admin)

    def _answers(self):
        assert self._process.poll() is None
        with redis.Redis(port=self.port) as client:
            try:
                return client.ping()
            except redis.ConnectionError:
                return False

    def url(self, user):
        return f"redis://{user}:{PASSWORDS[user]}@127.0.0.1:{self.port}/0"

    def close(self):
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    it = Guarded(tmp_path_factory.mktemp("redis"))
    yield it
    it.close()


@pytest.fixture
def as_user(guarded):
    clients = {name: redis.Redis.from_url(guarded.url(name), decode_responses=True) for name in PASSWORDS}
    clients["admin"].flushall()
    clients["admin"].acl_log_reset()
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def house(guarded, as_user, tmp_path):
    """Workers log in as worker, the web app as producer."""
    with Sandbox(user_login=LOGIN, api_key=API_KEY) as sandbox:
        it = House(guarded.url("worker"), sandbox, tmp_path)
        it.client.close()
        it.client = patient({**it.environ, "REDIS_URL": guarded.url("producer")})
        yield it
        it.close()


def denied(client, *command):
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)
    return True


def test_a_message_goes_all_the_way_and_nobody_is_refused_anything(house, as_user):
    house.worker("-E")
    first = house.enqueue()
    assert house.ended(first).state is State.ACCEPTED
    held = house.enqueue(text="later", send_at="2027-01-04T10:00:00+01:00", hold=True)
    until(lambda: house.record(held).state is State.SCHEDULED)
    producer = house.client.store
    assert producer.cancel(held).state is State.CANCELLED
    assert producer.get(first).state is State.ACCEPTED
    assert house.texts() == [TEXT]
    refused = [(entry["username"], entry["object"]) for entry in as_user["admin"].acl_log()]
    assert refused == []


def test_a_web_app_that_has_octoworker_publishes_a_plain_job_by_its_own_user(house, guarded, as_user, tmp_path):
    """`send_sms.delay()`, with Celery's own way of publishing."""
    house.worker()
    environ = {**house.environ, "REDIS_URL": guarded.url("producer")}
    code = f"from octoworker import send_sms; print(send_sms.delay(recipients={NUMBER!r}, text={TEXT!r}, transactional=True).id)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert house.ended(done.stdout.strip().replace("-", "")).state is State.ACCEPTED
    assert house.texts() == [TEXT]
    refused = {entry["object"] for entry in as_user["admin"].acl_log()}
    assert refused <= {"subscribe", "unsubscribe"}, "Celery would listen for the result, which is not for this user"


def test_a_worker_that_died_gives_its_job_back_as_this_user(house):
    house.sandbox.fault(fault="gate", name="door", when="before")
    worker = house.worker()
    message_id = house.enqueue()
    house.sandbox.gate_reached("door")
    worker.kill()
    house.sandbox.open_gate("door")
    house.worker()
    assert house.ended(message_id).state is State.ACCEPTED


def test_a_producer_reads_no_line_no_result_and_breaks_nothing(house, as_user):
    house.worker()
    with_results = patient({**house.environ, "OCTOWORKER_JOB_RESULTS": "true"})
    message_id = with_results.enqueue({"recipients": NUMBER, "text": TEXT, "transactional": True})
    assert house.ended(message_id).state is State.ACCEPTED
    until(lambda: as_user["worker"].exists(f"celery-task-meta-{message_id}"))
    producer = as_user["producer"]
    for command in (
        ("GET", f"celery-task-meta-{message_id}"),
        ("LRANGE", "sms", "0", "-1"),
        ("LINDEX", "sms.urgent", "-1"),
        ("RPOP", "sms"),
        ("HGETALL", "unacked"),
        ("LPUSH", "celery", "x"),
        ("PUBLISH", "/0.celery.pidbox", "{}"),
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("KEYS", "*"),
        ("CONFIG", "GET", "*"),
        ("SHUTDOWN",),
    ):
        assert denied(producer, *command), command
    assert producer.hgetall(f"ow:message:{message_id}"), "but it reads each record: Redis does not know whose it is"


ENDLESS = "while true do end"
WITHOUT_SCRIPTS = ("producer", "receiver", "viewer")


@pytest.mark.parametrize("user", WITHOUT_SCRIPTS)
@pytest.mark.parametrize(
    "command",
    [
        ("EVAL", ENDLESS, "0"),
        ("EVAL_RO", ENDLESS, "0"),
        ("EVALSHA", "0" * 40, "0"),
        ("SCRIPT", "LOAD", ENDLESS),
        ("SCRIPT", "FLUSH"),
        (
            "FUNCTION",
            "LOAD",
            "REPLACE",
            f"#!lua name=octoworker\nredis.register_function('x', function() {ENDLESS} end)",
        ),
        ("FUNCTION", "FLUSH"),
        ("FUNCTION", "DELETE", "octoworker"),
        ("FCALL", "octoworker_claim", "0"),
        ("FCALL", "octoworker_settle", "0"),
        ("FCALL_RO", "octoworker_create", "0"),
    ],
    ids=lambda command: " ".join(command[:2])[:24],
)
def test_whoever_is_no_worker_runs_no_script_of_its_own_making(as_user, user, command):
    assert denied(as_user[user], *command)


@pytest.mark.parametrize("user", [*WITHOUT_SCRIPTS, "scaler"])
def test_a_key_that_is_new_is_unreadable_until_it_is_listed(as_user, user):
    as_user["worker"].hset("ow:new-key", "number", NUMBER)
    for command in (("HGETALL", "ow:new-key"), ("HGET", "ow:new-key", "number"), ("SCAN", "0"), ("KEYS", "*")):
        assert denied(as_user[user], *command), command


PERSONAL = (
    keys.RECORD_PREFIX + "a" * 32,
    keys.OPT_OUTS,
    keys.INBOX,
    keys.UNREADABLE,
    keys.CAP_PREFIX + "to:x",
    keys.CAMPAIGN_PREFIX + "x",
    "celery-task-meta-x",
    "unacked",
)


@pytest.mark.parametrize("key", PERSONAL)
def test_a_viewer_reads_no_key_with_somebodys_number_or_text(as_user, key):
    for command in (
        ("HGETALL", key),
        ("HGET", key, "x"),
        ("GET", key),
        ("XRANGE", key, "-", "+"),
        ("ZRANGE", key, "0", "-1"),
    ):
        assert denied(as_user["viewer"], *command), command


@pytest.mark.parametrize("user", ["producer", "viewer", "receiver", "scaler"])
@pytest.mark.parametrize("key", [keys.FOUND_PREFIX + "0000", keys.AUDIT])
def test_whoever_is_no_worker_looks_for_no_person_and_reads_no_audit(as_user, user, key):
    for command in (
        ("ZRANGE", key, "0", "-1"),
        ("ZSCORE", key, "x"),
        ("XREVRANGE", key, "+", "-"),
        ("XDEL", key, "1-1"),
    ):
        assert denied(as_user[user], *command), command


def test_what_a_web_app_cancels_by_its_own_user_is_in_the_audit(house, as_user):
    held = house.enqueue(send_at="2027-01-04T10:00:00+01:00", hold=True)
    house.client.store.cancel(held)
    (entry,) = [fields for _, fields in as_user["worker"].xrange(keys.AUDIT)]
    assert (entry["act"], entry["what"]) == ("cancel", held)
    assert as_user["worker"].pttl(keys.AUDIT) > 0
    assert as_user["admin"].acl_log() == []


def test_a_scaler_asks_how_long_a_line_is_and_no_more(house, as_user):
    house.enqueue()
    scaler = as_user["scaler"]
    asked = "local cmd = {list = 'llen', none = 'llen'} return redis.call(cmd[redis.call('type', KEYS[1]).ok], KEYS[1])"
    assert scaler.eval(asked, 1, "sms.urgent") == 1
    for command in (("LRANGE", "sms.urgent", "0", "-1"), ("LPUSH", "sms", "x"), ("HGETALL", keys.FLOW_CONTROL)):
        assert denied(scaler, *command), command


def test_a_web_app_without_the_functions_of_its_release_is_told_who_has_to_do_what(house, guarded, as_user):
    as_user["admin"].function_delete("octoworker")
    try:
        with pytest.raises(EnqueueError, match="octoworker functions load"):
            house.enqueue()
        house.environ["OCTOWORKER_REDIS_URL"] = guarded.url("admin")
        assert "loaded" in house.command("functions", "load").stdout
        assert house.enqueue(), "and needs no restart"
    finally:
        functions.load(as_user["admin"])


def test_a_web_app_by_its_own_user_takes_campaigns_and_moves_messages(house, as_user):
    producer = house.client.store
    held = house.enqueue(send_at="2027-01-04T10:00:00+01:00", hold=True)
    house.worker()
    until(lambda: house.record(held).state is State.SCHEDULED)
    ids = house.client.enqueue_many([{"recipients": NUMBER, "text": str(n)} for n in range(3)])
    assert [producer.get(each) is not None for each in ids] == [True] * 3
    opened = producer.campaigns.open("c" * 32, "spring", place="p", content="d")
    assert producer.campaigns.get(opened.id).name == "spring"
    refused = [(entry["username"], entry["object"]) for entry in as_user["admin"].acl_log()]
    assert refused == []


def test_a_receiver_stores_what_came_and_reads_nothing(as_user, guarded):
    with closing(open_store(as_user["receiver"], by_function=True)) as store:
        entry = {"hashes": ["h1", "h2"], "entry": {"source": "stop", "scope": "marketing"}}
        store.inbox.put([Arrival("{}", "e1", "stop", opt_out=entry), Arrival("hello", reason="no callback")])
    assert as_user["worker"].xlen("ow:inbox") == 1
    assert as_user["worker"].hexists("ow:opt-outs", "h1")
    assert [each["object"] for each in as_user["admin"].acl_log() if each["username"] == "receiver"] == []
    for command in (
        ("XRANGE", "ow:inbox", "-", "+"),
        ("XDEL", "ow:inbox", "1-1"),
        ("HGETALL", "ow:opt-outs"),
        ("HDEL", "ow:opt-outs", "h1"),
        ("HGETALL", "ow:message:1"),
        ("LRANGE", "sms", "0", "-1"),
        ("DEL", "ow:inbox"),
        ("FLUSHALL",),
    ):
        assert denied(as_user["receiver"], *command), command


def test_a_worker_cannot_empty_or_reconfigure_redis(as_user):
    for command in (
        ("FLUSHALL",),
        ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
        ("KEYS", "*"),
        ("GET", "session:1"),
    ):
        assert denied(as_user["worker"], *command), command


def test_a_viewer_counts_and_sees_no_number_or_text(house, as_user):
    message_id = house.enqueue()
    viewer = as_user["viewer"]
    assert viewer.llen("sms.urgent") == 1
    assert viewer.zcard("ow:due") == 1
    assert viewer.hgetall("ow:consumed-until") == {}
    for command in (
        ("HGETALL", f"ow:message:{message_id}"),
        ("LRANGE", "sms.urgent", "0", "-1"),
        ("XRANGE", "ow:inbox", "-", "+"),
        ("XRANGE", "ow:unreadable", "-", "+"),
        ("LRANGE", "ow:early:api1", "0", "-1"),
        ("ZADD", "ow:due", "1", "x"),
        ("DEL", "sms.urgent"),
        ("PUBLISH", "/0.celery.pidbox", "{}"),
        ("SUBSCRIBE", "celery-task-meta-1"),
        ("GET", "celery-task-meta-1"),
        ("FLUSHALL",),
    ):
        assert denied(viewer, *command), command


def listens(admin, user):
    return any(each["user"] == user and int(each["psub"]) for each in admin.client_list(_type="pubsub"))


def test_flowers_settings_let_a_viewer_hear_events_and_give_no_orders(house, guarded, as_user, tmp_path):
    """What Flower does, with Flower's own configuration: ask for heartbeats, listen, and try to stop a worker."""
    (tmp_path / "url").write_text(guarded.url("viewer"))
    environ = {**house.environ, "REDIS_URL_FILE": str(tmp_path / "url"), "PYTHONPATH": str(DEPLOY / "flower")}
    command = [sys.executable, "-c", LISTENER]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as listener:
        assert listener.stdout.readline() == "listening\n"
        until(lambda: listens(as_user["admin"], "viewer"))
        worker = house.worker("-E")
        message_id = house.enqueue()
        heard = listener.stdout.readline()
    assert message_id in heard
    assert NUMBER not in heard
    assert TEXT not in heard
    assert house.ended(house.enqueue(text="still here")).state is State.ACCEPTED
    assert worker.process.poll() is None


LISTENER = """
import celery
app = celery.Celery()
app.config_from_object("celeryconfig")
app.control.broadcast("shutdown")
def heard(event):
    print(event, flush=True)
    raise SystemExit
with app.connection_for_read() as connection:
    receiver = app.events.Receiver(connection, handlers={"task-succeeded": heard})
    captured = receiver.itercapture(timeout=30)
    next(captured)
    print("listening", flush=True)
    list(captured)
"""


def test_without_a_password_there_is_ping_and_nothing_else(guarded):
    with redis.Redis(port=guarded.port) as nobody:
        assert nobody.ping()
        assert denied(nobody, "GET", "sms")


def test_the_started_configuration_holds_no_password(guarded):
    assert not [password for password in PASSWORDS.values() if password in guarded.conf]


def test_redis_keeps_its_data_and_never_evicts(as_user):
    config = as_user["admin"].config_get()
    assert (config["appendonly"], config["maxmemory-policy"]) == ("yes", "noeviction")
    assert int(config["hash-max-listpack-value"]) == COMPACT_UP_TO
    assert int(config["maxmemory"]) > 0


# Nobody looks around as the receiver, which reads nothing.
@pytest.mark.parametrize("user", sorted({*PASSWORDS} - {"receiver", "scaler"}))
def test_the_doctor_says_what_a_user_may_not_ask_and_goes_on(house, guarded, user):
    house.worker()
    house.environ["REDIS_URL"] = guarded.url(user)

    def told():
        """The doctor gives a worker half a second to answer: who was busy is asked again."""
        done = house.command("doctor", check=False)
        return done if "no worker answers" not in done.stdout else None

    done = until(told)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_who_works_as_worker_can_forget_a_person(house):
    house.worker()
    message_id = house.enqueue()
    house.ended(message_id)
    house.command("forget", NUMBER)
    assert house.record(message_id).forgotten_at is not None
