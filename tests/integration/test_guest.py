"""A good guest: importing octoworker, and sending with it, changes nothing of the process that it is in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import octoworker

HOST = """
import json, logging, os, signal, sys, warnings
import sentry_sdk, structlog
from celery import Celery, current_app, shared_task, signals, _state

logging.basicConfig(level=logging.ERROR)
sentry_sdk.init(dsn="http://key@127.0.0.1:1/1")
host = Celery("host", broker="memory://", backend="cache+memory://", fixups=())
host.set_default()

@shared_task(name="host.greet")
def greet():
    return "hello"

def kept(logger):
    return [logger.level, repr(logger.handlers), repr(logger.filters), logger.propagate]

def facts():
    loggers = {name: each for name, each in logging.root.manager.loggerDict.items() if isinstance(each, logging.Logger)}
    return {
        "current application": current_app.main,
        "default application": _state.default_app.main,
        "tasks": sorted(host.tasks),
        "tasks of the next application": sorted(Celery("next", set_as_current=False, fixups=()).tasks),
        "broker": host.conf.broker_url,
        "results": host.conf.result_backend,
        "root logger": kept(logging.root),
        "loggers": {name: kept(each) for name, each in sorted(loggers.items()) if each.handlers or each.level},
        "Sentry": str(sentry_sdk.get_client().dsn),
        "structlog": structlog.is_configured(),
        "Celery's signals": {name: len(each.receivers or ()) for name, each in vars(signals).items() if hasattr(each, "receivers")},
        "system's signals": [repr(signal.getsignal(each)) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)],
        "path": sys.path,
        "environment": dict(os.environ),
        "hooks": [repr(sys.excepthook), repr(sys.unraisablehook)],
    }

def changed(before):
    after = facts()
    # A library that is loaded may have a logger of its own.
    after["loggers"] = {name: each for name, each in after["loggers"].items() if name in before["loggers"]}
    return [name for name in before if before[name] != after[name]]

def waiting(queue):
    with host.connection_for_read() as connection:
        return connection.default_channel._size(queue)
"""


def in_a_host(script, **environ):
    """What the script prints, as JSON, in a process with a Celery, logging and Sentry of its own."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    theirs = {"DJANGO_SETTINGS_MODULE": "there.is.none", "OCTOWORKER_SENDER": "Octo"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", HOST + script],
            env={**clean, **theirs, **environ},
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_importing_public_names_changes_nothing_of_the_host():
    doors = [f"octoworker:{name}" for name in octoworker.__all__] + [
        "octoworker.app:app",
        "octoworker.celeryconfig:broker_url",
    ]
    assert (
        in_a_host(f"""
from importlib import import_module
before, found = facts(), {{}}
for door in {doors}:
    module, name = door.split(":")
    getattr(import_module(module), name)
    if changed(before):
        found[door], before = changed(before), facts()
print(json.dumps(found))
""")
        == {}
    )


def test_a_host_sends_by_each_door_and_its_own_jobs_stay_its_own(redis_client, redis_server):
    told = in_a_host(
        """
from octoworker import enqueue, enqueue_many, send_sms, status
before = facts()
ids = [enqueue(recipients="+33612345678", text="one", transactional=True)]
ids += enqueue_many([{"recipients": "+33612345678", "text": "two"}])
job = send_sms.delay(recipients="+33612345678", text="three")
greet.delay()
print(json.dumps({
    "taken": [status(each)["state"] for each in ids],
    "job": job.state,
    "theirs": waiting("celery"),
    "changed": changed(before),
}))
""",
        REDIS_URL="redis://127.0.0.1:1/0",
        CELERY_BROKER_URL="memory://",
        CELERY_BROKER_WRITE_URL="memory://",
        CELERY_RESULT_BACKEND="cache+memory://",
        OCTOWORKER_REDIS_URL=redis_server.url,
    )
    assert told == {"taken": ["queued", "queued"], "job": "PENDING", "theirs": 1, "changed": []}
    assert {queue: redis_client.llen(queue) for queue in ("sms.urgent", "sms", "celery")} == {
        "sms.urgent": 1,
        "sms": 2,
        "celery": 0,
    }


def test_a_wrong_setting_of_ours_stops_nothing_but_our_own_doors():
    told = in_a_host(
        """
from octoworker import SettingsError, send_sms
greet.delay()
try:
    send_sms.delay(recipients="+33612345678", text="three")
except SettingsError as error:
    print(json.dumps([error.problems, waiting("celery")]))
""",
        OCTOWORKER_RATE="fast",
    )
    (problem,), theirs = told
    assert "OCTOWORKER_RATE" in problem
    assert theirs == 1
