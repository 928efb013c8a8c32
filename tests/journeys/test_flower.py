"""Flower, with the lock and the settings of deploy/, beside a real worker: it shows every job, and nothing of its message.

`make check-flower` makes the environment it runs in.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery
from harness import API_KEY, LOGIN, NUMBER, TEXT, own_port, until

from octoworker.sms.record import State

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "deploy" / "flower"
CELERY = ROOT / ".venv" / "flower" / "bin" / "celery"
PASSWORD = "flowers-own-password"

pytestmark = pytest.mark.skipif(
    not CELERY.exists(), reason="Flower is not here: `make check-flower` installs and tries it"
)

REFUSED, LATER, PLAIN = "+33612345679", "+33612345670", "+33612345671"
MARKERS = (*(number[3:] for number in (NUMBER, REFUSED, LATER, PLAIN)), "MARKER", API_KEY, LOGIN, TEXT)


class Flower:
    """Flower in a process of its own."""

    def __init__(self, port, log_path):
        self.port, self._log_path = port, log_path

    def get(self, path, method="GET", password=PASSWORD):
        """Status and text of a page."""
        login = base64.b64encode(f"flower:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"} if password else {}
        wanted = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(wanted, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def tasks(self):
        """What the API knows of each job, by id."""
        return json.loads(self.get("/api/tasks?limit=1000")[1])

    def up(self):
        try:
            return self.get("/healthcheck")[0] == 200
        except urllib.error.URLError:
            return False

    def log(self):
        return self._log_path.read_text(errors="replace")


@pytest.fixture
def flower(house, tmp_path):
    (tmp_path / "redis_url").write_text(house.redis_url)
    (tmp_path / "password").write_text(PASSWORD)
    it = Flower(own_port(), tmp_path / "flower.log")
    environ = {
        "PATH": str(CELERY.parent),
        "PYTHONPATH": f"{SETTINGS}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "REDIS_URL_FILE": str(tmp_path / "redis_url"),
        "FLOWER_PASSWORD_FILE": str(tmp_path / "password"),
        "FLOWER_PORT": str(it.port),
    }
    command = [CELERY, "--config", "celeryconfig", "flower", f"--conf={SETTINGS / 'flowerconfig.py'}"]
    with (tmp_path / "flower.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=tmp_path)
    try:
        until(lambda: it.up() or process.poll() is not None)
        assert process.poll() is None, it.log()
        yield it
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def plain_producer(redis_url):
    """A web app that does not have octoworker."""
    app = Celery("web", broker=redis_url, set_as_current=False)
    yield app
    app.close()


def test_flower_shows_every_job_and_nothing_of_its_message(house, flower):
    house.worker("-E", settings={"OCTOWORKER_CONCURRENCY": "2"})
    until(lambda: "celery@" in flower.get("/api/workers")[1] or "celery@" in flower.get("/workers")[1])
    house.sandbox.fault(fault="code", code="153", times=1, recipient=LATER)
    sent = house.enqueue(reference="MARKERREFERENCE", idempotency_key="MARKERIDEMPOTENCY")
    later = house.enqueue(LATER)
    refused = house.enqueue(REFUSED, text="MARKERTEXT soldes", transactional=False)
    with plain_producer(house.redis_url) as app:
        arguments = {"recipients": PLAIN, "text": TEXT, "transactional": True}
        plain = app.send_task("octoworker.send_sms", kwargs=arguments, queue="sms").id
        wrong = app.send_task("octoworker.send_sms", args=[NUMBER, TEXT], kwargs=arguments, queue="sms").id
    assert [house.ended(each).state for each in (sent, later, refused)] == [
        State.ACCEPTED,
        State.ACCEPTED,
        State.REJECTED,
    ]
    wanted = {sent: "SUCCESS", later: "SUCCESS", refused: "FAILURE", plain: "SUCCESS", wrong: "FAILURE"}
    until(lambda: {each: task["state"] for each, task in flower.tasks().items() if each in wanted} == wanted)

    pages = {path: flower.get(path) for path in (*PAGES, *(f"/task/{each}" for each in wanted))}
    pages |= {path: flower.get(path) for each in wanted for path in (f"/api/task/info/{each}",)}
    assert {path: status for path, (status, _) in pages.items() if status != 200} == {}
    assert "***" in pages[f"/task/{sent}"][1]
    for path, (_, text) in pages.items():
        assert [marker for marker in MARKERS if marker in text] == [], path
    assert [marker for marker in MARKERS if marker in flower.log()] == []


PAGES = ("/", "/workers", "/tasks", "/broker", "/api/tasks?limit=1000", "/api/task/types", "/metrics")


def test_its_metrics_hold_ours(house, flower):
    house.enqueue()
    told = flower.get("/metrics")[1]
    assert "octoworker_redis_up 1.0" in told
    assert 'octoworker_queue_depth{lane="urgent"} 1.0' in told
    house.server.kill()
    assert "octoworker_redis_up 0.0" in flower.get("/metrics")[1]
    house.server.start()  # Flower does not end while it looks for its broker


def test_nobody_comes_in_without_the_password_and_nobody_gives_orders(house, flower):
    worker = house.worker("-E")
    message_id = house.enqueue()
    until(lambda: message_id in flower.tasks())
    for path in ("/", "/tasks", f"/task/{message_id}", "/api/tasks"):
        assert flower.get(path, password="")[0] == flower.get(path, password="wrong")[0] == 401
    name = until(lambda: flower.tasks()[message_id].get("worker"))
    for path in (
        f"/api/worker/shutdown/{name}",
        f"/api/worker/pool/restart/{name}",
        f"/api/task/revoke/{message_id}?terminate=true",
        "/api/task/async-apply/octoworker.send_sms",
        "/api/task/send-task/octoworker.send_sms",
    ):
        assert flower.get(path, method="POST")[0] in (401, 403, 404, 405), path
    assert house.ended(house.enqueue(text="still here")).state is State.ACCEPTED
    assert worker.process.poll() is None
