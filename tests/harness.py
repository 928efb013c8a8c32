"""Real things to test against: a private Redis, the sandbox, and worker processes that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from octoworker import environment
from octoworker.client.client import Client
from octoworker.gateway import dialects
from octoworker.sandbox import Sandbox
from octoworker.store import SOCKET_TIMEOUT, Store, connect, embedded

LOGIN, API_KEY = "tests@example.com", "MARKERKEY4711"
NUMBER, TEXT = "+33612345678", "MARKERTEXT votre code est 4711"

FAST = {
    # Small timings, in the proportions of the real ones, so that a fault heals in seconds and not in a minute. Not smaller:
    # on a busy machine the sandbox or a worker stands still for a second now and then, and that is no fault.
    "OCTOWORKER_HTTP_TIMEOUT": "2",
    "OCTOWORKER_LEASE": "5",
    "OCTOWORKER_VISIBILITY_TIMEOUT": "8",
    "OCTOWORKER_ETA_HORIZON": "1",
    "OCTOWORKER_RETRY_BASE": "0.1",
    "OCTOWORKER_RETRY_CAP": "0.5",
    "OCTOWORKER_SWEEP_EVERY": "0.1",
    "OCTOWORKER_REQUEUE_AFTER": "1",
    "OCTOWORKER_ACCOUNT_RETRY": "0.3",
    "OCTOWORKER_CONCURRENCY": "4",
    # One, but where a test says otherwise: a second costs its start.
    "OCTOWORKER_PROCESSES": "1",
    "OCTOWORKER_SENDER": "Octo",
    "OCTOWORKER_LOG_FORMAT": "json",
}

STEADY = {
    # For a worker whose call stands at a gate until the test opens it, however long the test takes to get there.
    "OCTOWORKER_HTTP_TIMEOUT": "20",
    "OCTOWORKER_LEASE": "40",
    "OCTOWORKER_VISIBILITY_TIMEOUT": "80",
}


PATIENCE = 120.0
"""Seconds in which what must become true does, however busy the machine is. Whoever waits so long for nothing has failed anyway."""


def until(fact, timeout=PATIENCE, every=0.02):
    """The first true value of `fact()`. Fails when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        if value := fact():
            return value
        assert time.monotonic() < deadline, f"not true within {timeout} s: {getattr(fact, '__name__', fact)}"
        time.sleep(every)


def everything(client, match="*"):
    """Every key of a Redis whose name is like `match`, with its value as text."""
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1),
        "stream": client.xrange,
        "none": lambda _: "",  # it went while we looked
    }
    return {key: str(read[client.type(key)](key)) for key in client.scan_iter(match)}


_kept = []


def own_port():
    """A loopback port for a server that is still to be started. It stays ours, so that nobody else is given it before."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    if sys.platform == "linux":
        _kept.append(held)
    else:
        held.close()  # elsewhere the server could not listen there
    return port


def patient(environ):
    """A web app's client that waits for Redis as long as a worker does. A real one gives up after 0.4 s, and a busy
    machine is slower now and then: what that means for a web app is tested with a real one."""
    return Client(environ, timeout=SOCKET_TIMEOUT)


@contextmanager
def listening(app, admin):
    """Every event of Celery's from here on, as Flower would get it. `admin`: a client of the same Redis."""
    seen, failed = [], []
    patterns = admin.pubsub_numpat()
    receiver = app.events.Receiver(app.connection(), handlers={"*": seen.append})

    def listen():
        try:
            receiver.capture(limit=None, timeout=None, wakeup=False)
        except Exception as error:  # noqa: BLE001 - the test shall hear of it
            failed.append(error)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        # It subscribes when it begins to listen, and what came before that is lost.
        until(lambda: admin.pubsub_numpat() > patterns or failed)
        yield seen
    finally:
        receiver.should_stop = True
        thread.join()
        receiver.connection.release()
    assert failed == []


class Worker:
    """One worker process, with its log in a file."""

    def __init__(self, environ, log_path, *arguments, app="octoworker.app", pool="threads"):
        self.log_path = log_path
        self._log = log_path.open("ab")
        command = [sys.executable, "-m", "octoworker", "worker", "-P", pool, *arguments]
        if app != "octoworker.app":
            command = [
                *(
                    sys.executable,
                    "-m",
                    "celery",
                    "-A",
                    app,
                    "worker",
                    "-P",
                    pool,
                    "-c",
                    environ["OCTOWORKER_CONCURRENCY"],
                ),
                *("--without-gossip", "--without-mingle", "--loglevel", "INFO", *arguments),
            ]
        self.process = subprocess.Popen(
            command, env=environ, stdout=self._log, stderr=self._log, start_new_session=True, cwd=Path(__file__).parent
        )

    def ready(self):
        until(lambda: self._says_ready() or self.process.poll() is not None)
        # It may be gone since: a doomed one dies at its first message, and where one waits, before it says so.
        assert self._says_ready() or self.process.poll() == -signal.SIGKILL, self.log()
        return self

    def _says_ready(self):
        return " ready." in self.log()

    def children(self):
        """The processes of its pool, as the kernel tells it."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]

    def log(self):
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As the kernel would: the whole process group, without a word."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.wait()

    def wait(self, timeout=PATIENCE):
        code = self.process.wait(timeout)
        self._log.close()
        return code

    def stop(self):
        """Gently, then not."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                return self.wait()
            except subprocess.TimeoutExpired:
                return self.kill()
        self._log.close()
        return self.process.returncode


EITHER_API = pytest.mark.parametrize(
    "house", [{"OCTOPUSH_API": api} for api in dialects.DIALECTS], indirect=True, ids=dialects.DIALECTS
)
"""A test of a promise, which holds whichever generation of the API is spoken."""


spoken = next(iter(dialects.DIALECTS))
"""The API of every house that names none: `--api` of pytest sets it (tests/conftest.py)."""


class House:
    """A Redis, a sandbox, and the workers a test starts: all ended with the test."""

    def __init__(self, redis_url, sandbox, folder, settings=None):
        self.sandbox, self.folder, self.redis_url = sandbox, folder, redis_url
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OCTO", "CELERY", "REDIS", "SENTRY"))
        }
        self.api = (settings or {}).get("OCTOPUSH_API", spoken)
        self.environ = {
            **clean,
            **FAST,
            "REDIS_URL": redis_url,
            "OCTOPUSH_API": self.api,
            "OCTOPUSH_URL": sandbox.urls[self.api],
            "OCTOPUSH_USER_LOGIN": LOGIN,
            "OCTOPUSH_API_KEY": API_KEY,
            "OCTOWORKER_HEALTH_DIR": str(folder / "health"),
            "PYTHONUNBUFFERED": "1",
            **(settings or {}),
        }
        self.client = patient(self.environ)
        shared = environment.load(self.environ)
        # To look with, also where the workers and the web app are given another address.
        self.store = Store(
            connect(redis_url),
            keep_for=shared.keep_for,
            requeue_after=shared.requeue_after,
        )
        self.redis = redis.Redis.from_url(redis_url, decode_responses=True)
        self.workers = []

    def worker(self, *arguments, settings=None, **options):
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = Worker({**self.environ, **(settings or {})}, log, *arguments, **options)
        self.workers.append(worker)
        return worker.ready()

    def enqueue(self, recipients=NUMBER, text=TEXT, *, transactional=True, **more):
        return self.client.enqueue({"recipients": recipients, "text": text, "transactional": transactional, **more})

    def record(self, message_id):
        return self.store.get(message_id)

    def ended(self, message_id, *states, timeout=PATIENCE):
        """The record once it is in one of the states (default: any final one)."""

        def there():
            record = self.record(message_id)
            return record if record and (record.state in states if states else record.final) else None

        try:
            return until(there, timeout)
        except AssertionError as late:
            record = self.record(message_id)
            story = [(move.state.value, move.reason) for move in record.history] if record else "no record"
            raise AssertionError(f"{late}; {story}") from None

    def texts(self, number=NUMBER):
        """What the handset shows."""
        return [message["text"] for message in self.sandbox.handsets().get(number, [])]

    def command(self, *arguments, check=True, timeout=PATIENCE, **options):
        """The command line, as a person would run it."""
        done = subprocess.run(
            [sys.executable, "-m", "octoworker", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.folder,
            **options,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def logs(self):
        return "\n".join(worker.log() for worker in self.workers)

    def times_told(self, event):
        """How often the workers' logs have this event, once it is there: a line comes after what it tells."""
        return until(lambda: self.logs().count(event))

    def close(self):
        for worker in self.workers:
            worker.kill()
        self.client.close()
        self.store.close()
        self.redis.close()


@contextmanager
def house(folder, settings=None, **redis_flags):
    """A house of its own, with its own Redis."""
    with embedded.Server(**redis_flags) as server, Sandbox(user_login=LOGIN, api_key=API_KEY) as sandbox:
        it = House(server.url, sandbox, folder, settings)
        it.server = server
        try:
            yield it
        finally:
            it.close()
