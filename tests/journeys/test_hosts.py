"""Real hosts: web apps with a Celery, a worker, a beat and a logging of their own, which send with octoworker.

The web frameworks are no part of octoworker: `make check-hosts` installs them beside it and runs these tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import redis
from harness import NUMBER, PATIENCE, own_port, until

from octoworker.sms.record import State

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / ".venv" / "web"

pytestmark = pytest.mark.skipif(
    not (WEB / ".ready").is_file(), reason="the frameworks are not installed: make check-hosts"
)

TASKS = """
import os, redis
from celery import shared_task

@shared_task
def greet(name):
    redis.Redis.from_url(os.environ["CELERY_BROKER_URL"]).rpush("greeted", name)

@shared_task
def tick():
    redis.Redis.from_url(os.environ["CELERY_BROKER_URL"]).incr("ticks")
"""

SEND = f"""
from celery import current_app
from octoworker import enqueue, send_sms

def order(name):
    greet.delay(name)
    message = enqueue(recipients="{NUMBER}", text="taken for " + name, transactional=True)
    job = send_sms.delay(recipients="{NUMBER}", text="sent for " + name, transactional=True)
    greet.delay(name)
    return {{"message": message, "job": job.id, "current": current_app.main}}
"""

DJANGO = {
    "shop/__init__.py": "from shop.celery import app\n",
    "shop/celery.py": """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from celery import Celery
app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
""",
    "shop/settings.py": """
import os
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["octoworker", "shop"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
LOGGING = {"version": 1, "disable_existing_loggers": False,
           "formatters": {"plain": {"format": "SHOP %(name)s %(message)s"}},
           "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "plain"}},
           "root": {"handlers": ["err"], "level": "INFO"}}
CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_BEAT_SCHEDULE = {"tick": {"task": "shop.tasks.tick", "schedule": 0.2}}
""",
    "shop/tasks.py": TASKS,
    "shop/sending.py": "from shop.tasks import greet\n" + SEND,
    "shop/urls.py": """
from django.http import JsonResponse
from django.urls import path
from shop.sending import order
urlpatterns = [path("order/<name>", lambda request, name: JsonResponse(order(name)))]
""",
    "shop/wsgi.py": """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
""",
}

PLAIN = {
    "shop/__init__.py": "",
    "shop/celery.py": """
import os
from celery import Celery
app = Celery("shop", broker=os.environ["CELERY_BROKER_URL"], include=["shop.tasks"])
app.conf.task_ignore_result = True
app.conf.beat_schedule = {"tick": {"task": "shop.tasks.tick", "schedule": 0.2}}
app.set_default()
""",
    "shop/tasks.py": TASKS,
    "shop/sending.py": "from shop.celery import app\nfrom shop.tasks import greet\n" + SEND,
}

FLASK = PLAIN | {
    "shop/web.py": """
from flask import Flask
from shop.sending import order
web = Flask("shop")
web.get("/order/<name>")(order)
"""
}

FASTAPI = PLAIN | {
    "shop/web.py": """
from fastapi import FastAPI
from shop.sending import order
web = FastAPI()
web.get("/order/{name}")(order)
"""
}

HOSTS = {
    "Django under gunicorn sync": (DJANGO, "gunicorn shop.wsgi -w 2 -k sync -b 127.0.0.1:{port}"),
    "Django under gunicorn gthread": (DJANGO, "gunicorn shop.wsgi -w 1 -k gthread --threads 4 -b 127.0.0.1:{port}"),
    "Flask under uvicorn": (FLASK, "uvicorn shop.web:web --interface wsgi --port {port}"),
    "FastAPI under uvicorn": (FASTAPI, "uvicorn shop.web:web --port {port}"),
}


class Host:
    """A web app in a folder, its processes, and its own databases of the house's Redis: 1 for jobs, 2 for its cache."""

    def __init__(self, house, files):
        self.folder = house.folder / "host"
        for name, code in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(code)
        database = house.redis_url.rpartition("/")[0]
        self.port = own_port()
        self.environ = {name: house.environ[name] for name in ("PATH", "HOME") if name in house.environ} | {
            "PYTHONPATH": str(WEB),
            "CELERY_BROKER_URL": f"{database}/1",
            "REDIS_URL": f"{database}/2",
            "OCTOWORKER_REDIS_URL": f"{database}/0",
            "OCTOWORKER_SENDER": "Octo",
            "PYTHONUNBUFFERED": "1",
        }
        self.jobs = redis.Redis.from_url(self.environ["CELERY_BROKER_URL"], decode_responses=True)
        self.cache = redis.Redis.from_url(self.environ["REDIS_URL"])
        self._open = ExitStack()

    def start(self, module, **environ):
        """One process of the host's. Returns what its log says by now."""
        path = self.folder / f"{module.split()[0]}-{len(list(self.folder.iterdir()))}.log"
        out = self._open.enter_context(path.open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", *module.split()],
            env={**self.environ, **environ},
            cwd=self.folder,
            stdout=out,
            stderr=out,
        )
        self._open.callback(process.wait, PATIENCE)
        self._open.callback(process.terminate)

        def log():
            assert process.poll() is None, path.read_text()
            return path.read_text()

        return log

    def worker(self, **environ):
        log = self.start("celery -A shop worker -P solo --loglevel INFO", **environ)
        until(lambda: " ready." in log())
        return log

    def order(self, name):
        with urlopen(f"http://127.0.0.1:{self.port}/order/{name}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def close(self):
        self._open.close()
        self.jobs.close()
        self.cache.close()


@contextmanager
def host_of(house, files):
    it = Host(house, files)
    try:
        yield it
    finally:
        it.close()


def answers(host):
    try:
        return host.order("first")
    except URLError:
        return None


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_sends_sms_and_its_own_jobs_go_where_they_went(house, name):
    files, server = HOSTS[name]
    house.worker()
    with host_of(house, files) as host:
        log = host.worker()
        host.start("celery -A shop beat -s schedule --loglevel INFO")
        host.start(server.format(port=host.port))
        told = [until(lambda: answers(host)), *(host.order(f"order{n}") for n in range(5))]
        for each in told:
            assert house.ended(each["message"]).state is State.ACCEPTED
            assert house.ended(each["job"].replace("-", "")).state is State.ACCEPTED
        assert {each["current"] for each in told} == {"shop"}
        assert len(house.texts()) == len(told) * 2
        names = ["first", *(f"order{n}" for n in range(5))]
        until(lambda: host.jobs.llen("greeted") == 2 * len(names))
        assert sorted(set(host.jobs.lrange("greeted", 0, -1))) == sorted(names)
        until(lambda: int(host.jobs.get("ticks") or 0) > 1)
        tasks = log().partition("[tasks]")[2].partition("\n\n")[0]
        assert tasks.split() == [".", "shop.tasks.greet", ".", "shop.tasks.tick"]
        assert not [line for line in log().splitlines() if line.startswith("{")], "its log is not ours to shape"
        assert host.jobs.keys("*sms*") == []
        assert host.cache.dbsize() == 0


def test_a_wrong_setting_of_ours_does_not_stop_a_hosts_worker(house):
    with host_of(house, DJANGO) as host:
        host.worker(OCTOWORKER_RATE="fast", OCTOWORKER_LEASE="soon")
        host.start(HOSTS["Django under gunicorn sync"][1].format(port=host.port))
        until(lambda: answers(host))
        until(lambda: host.jobs.llen("greeted") == 2)
