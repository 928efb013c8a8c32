"""The examples and the Django tutorial, each in an environment of its own with the built wheel: their own tests, and a run against
a real worker, sandbox and receiver.

`make check-tutorial` makes the environments and runs this.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import ExitStack
from datetime import datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from shutil import copytree, ignore_patterns
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen
from zoneinfo import ZoneInfo

import pytest
from harness import NUMBER, own_port, until
from test_tutorial import listens

from octoworker.sms.record import State

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv" / "examples"
EXAMPLES = sorted(each.name for each in (ROOT / "examples").iterdir() if each.is_dir())
TUTORIAL = (ROOT / "docs" / "django-tutorial.md").read_text(encoding="utf-8")
TOKEN = "a-token-of-thirty-letters-for-tests"
OWN_TESTS = {"django": "python manage.py test"}

pytestmark = pytest.mark.skipif(
    not all((ENVIRONMENTS / each / ".ready").is_file() for each in EXAMPLES),
    reason="the examples have no environments: make check-tutorial",
)


def environ_of(example, **more):
    """Its environment, and nothing of this checkout."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "OCTO", "CELERY", "REDIS", "VIRTUAL_ENV", "DJANGO"))
    }
    path = f"{ENVIRONMENTS / example / 'bin'}{os.pathsep}{clean['PATH']}"
    return {**clean, "PATH": path, "PYTHONUNBUFFERED": "1", **more}


class Site:
    """A folder with an example in it, and its processes."""

    def __init__(self, house, folder, example, **more):
        self.house, self.folder, self.port = house, folder, own_port()
        self.environ = environ_of(example, REDIS_URL=house.redis_url, OCTOWORKER_INBOUND_TOKEN=TOKEN, **more)
        self.open = ExitStack()
        self.logs = []

    def start(self, command):
        log = self.folder.parent / f"{len(self.logs)}.log"
        self.logs.append(log)
        out = self.open.enter_context(log.open("wb"))
        process = subprocess.Popen(command.split(), env=self.environ, cwd=self.folder, stdout=out, stderr=out)
        self.open.callback(process.wait, 60)
        self.open.callback(process.terminate)
        return process

    def serve(self, command):
        """A server on the site's port, once it listens."""
        process = self.start(command)
        until(lambda: listens(self.port) or process.poll() is not None)
        assert process.poll() is None, self.logs[-1].read_text()

    def receive(self):
        """The receiver, and a sandbox that calls it."""
        port = own_port()
        process = self.start(f"octoworker receive --host 127.0.0.1 --port {port}")
        until(lambda: listens(port) or process.poll() is not None)
        self.house.sandbox.settings(callback_url=f"http://127.0.0.1:{port}/octopush/{TOKEN}", receipt_delay=0)

    def run(self, command, **more):
        done = subprocess.run(
            command,
            shell=True,
            env={**self.environ, **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


class Browser:
    """Somebody at a website, with cookies."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"
        self.cookies = CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.cookies))

    def get(self, path):
        with self.opener.open(self.base + path, timeout=60) as answer:
            return answer.read().decode()

    def post(self, path, **fields):
        token = next((each.value for each in self.cookies if each.name == "csrftoken"), "")
        body = urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        with self.opener.open(self.base + path, body, timeout=60) as answer:
            return answer.read().decode()


def code_on(house, number=NUMBER):
    """The code of the SMS that came last, once there is one."""
    text = until(lambda: house.texts(number))[-1]
    return re.search(r"@\w+\.example\.com #(\d{6})$", text)[1]


@pytest.fixture
def site(house, tmp_path, request):
    """An example in a folder of its own, as somebody copies it."""
    name = request.param
    folder = tmp_path / "site"
    copytree(ROOT / "examples" / name, folder, ignore=ignore_patterns("*.sqlite3", "__pycache__", ".*"))
    it = Site(house, folder, name)
    with it.open:
        yield it


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_tests_of_an_example_pass_without_redis(example, tmp_path):
    folder = tmp_path / "site"
    copytree(ROOT / "examples" / example, folder, ignore=ignore_patterns("*.sqlite3", "__pycache__", ".*"))
    environ = environ_of(example, REDIS_URL="redis://127.0.0.1:1/0")
    command = OWN_TESTS.get(example, "python -m pytest -q -p no:cacheprovider")
    done = subprocess.run(
        command.split(), cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("site", ["django"], indirect=True)
def test_the_django_example_from_the_login_to_a_reminder_that_arrived(house, site):
    house.worker(
        settings={
            "OCTOWORKER_EVENT_TASK": "octoworker.contrib.django.event",
            "OCTOWORKER_EVENT_QUEUE": "salon",
            "OCTOWORKER_SENDER": "Salon",
        }
    )
    site.receive()
    site.run("python manage.py migrate")
    site.run(
        "python manage.py createsuperuser --noinput --username boss --email boss@example.com",
        DJANGO_SUPERUSER_PASSWORD="boss",
    )
    site.start("python manage.py octoworker_relay")
    site.start("celery -A salon worker -P solo --without-gossip --without-mingle")
    site.serve(f"python manage.py runserver --noreload {site.port}")
    customer = Browser(site.port)
    assert 'autocomplete="tel"' in customer.get("/login/")
    assert 'autocomplete="one-time-code"' in customer.post("/login/", phone="06 12 34 56 78")
    assert "pas le bon code" in customer.post("/login/code/", code="0")
    assert "Aucun rendez-vous" in customer.post("/login/code/", code=code_on(house))

    paris = datetime.now(ZoneInfo("Europe/Paris"))
    for days in (3, 4):
        assert "Annuler" in customer.post("/", at=local(paris + timedelta(days=days)))
    cancelled, moved = appointments(site)
    house.ended(moved["sms"], State.SCHEDULED)
    customer.post(f"/{cancelled['pk']}/cancel/")
    customer.post(
        f"/{moved['pk']}/move/", at=local(datetime.now(ZoneInfo("Europe/Paris")) + timedelta(days=1, seconds=2))
    )
    house.ended(moved["sms"])
    until(lambda: "rappel reçu" in customer.get("/"))
    assert house.record(cancelled["sms"]).state == "cancelled"
    assert house.texts()[1:] == ["Rappel : votre rendez-vous au salon est demain."]

    house.client.enqueue({"recipients": NUMBER, "text": "Soldes STOP au XXXXX", "lane": "normal"})
    house.sandbox.type(NUMBER, "STOP")
    until(lambda: "Vous avez répondu STOP" in customer.get("/"))
    boss = logged_in(site.port, "boss", "boss")
    assert "delivered" in boss.get("/admin/bookings/appointment/")
    assert moved["sms"] in boss.get("/admin/octoworker/sms/?state=delivered")


EVENT_SECRET = "whsec_b2N0b3dvcmtlci10ZXN0LXNlY3JldC0wMDE="


def started(house, site, command):
    """The example with SQLAlchemy, its relay, the receiver, and a worker that posts events to it."""
    site.environ |= {
        "EVENT_SECRET": EVENT_SECRET,
        "OCTOWORKER_CODE_KEYS": "a secret of tests for codes that go to a sandbox",
        "DATABASE_URL": f"sqlite:///{site.folder / 'site.sqlite3'}",
    }
    address = f"http://127.0.0.1:{site.port}/sms-events"
    house.worker(settings={"OCTOWORKER_EVENT_URL": address, "OCTOWORKER_EVENT_SECRET": EVENT_SECRET})
    site.receive()
    site.serve(f"{command} {site.port}")
    site.start("python -m octoworker.contrib.sqlalchemy")


@pytest.mark.parametrize("site", ["flask"], indirect=True)
def test_the_flask_example_from_the_login_to_a_reminder_that_arrived(house, site):
    started(house, site, "flask run --port")
    customer = Browser(site.port)
    assert 'autocomplete="one-time-code"' in customer.post("/login", phone="06 12 34 56 78")
    assert "Aucun rendez-vous" in customer.post("/code", code=code_on(house))
    paris = datetime.now(ZoneInfo("Europe/Paris"))
    for days in (3, 4):
        assert "Annuler" in customer.post("/", at=local(paris + timedelta(days=days)))
    until(lambda: len(list(house.store.list(State.SCHEDULED, 2))) == 2)
    customer.post("/1/cancel")
    customer.post("/2/move", at=local(datetime.now(ZoneInfo("Europe/Paris")) + timedelta(days=1, seconds=2)))
    until(lambda: "rappel reçu" in customer.get("/"))
    assert house.texts()[1:] == ["Rappel : votre voiture est attendue demain."]


@pytest.mark.parametrize("site", ["fastapi"], indirect=True)
def test_the_fastapi_example_from_the_login_to_a_reminder_that_arrived(house, site):
    started(house, site, "uvicorn app:app --port")

    def ask(path, method="POST", **body):
        sent = json.dumps(body).encode() if body else None
        asked = Request(
            f"http://127.0.0.1:{site.port}{path}", sent, {"Content-Type": "application/json"}, method=method
        )
        with urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    verification = ask("/codes", phone="06 12 34 56 78")["verification"]
    text = until(house.texts)[0]
    assert ask("/codes/check", verification=verification, code=text[-6:])["outcome"] == "ok"
    now = datetime.now(ZoneInfo("Europe/Paris")).replace(microsecond=0)
    first, second = (ask("/appointments", phone=NUMBER, at=(now + timedelta(days=3)).isoformat()) for _ in range(2))
    house.ended(second["sms"], State.SCHEDULED)
    ask(f"/appointments/{first['id']}", "DELETE")
    soon = datetime.now(ZoneInfo("Europe/Paris")) + timedelta(days=1, seconds=2)
    ask(f"/appointments/{second['id']}", "PATCH", at=soon.isoformat())
    until(lambda: ask(f"/appointments/{second['id']}", "GET")["reminder"] == "delivered")
    assert house.texts()[1:] == ["Rappel : votre rendez-vous au cabinet est demain."]


def local(at):
    """As a field of a browser gives it."""
    return at.replace(microsecond=0, tzinfo=None).isoformat()


def appointments(site):
    code = (
        "import json; from bookings.models import Appointment; "
        "print(json.dumps(list(Appointment.objects.values('pk', 'sms'))))"
    )
    return json.loads(site.run(f'python manage.py shell -v 0 -c "{code}"').splitlines()[-1])


def logged_in(port, name, password):
    boss = Browser(port)
    boss.get("/admin/login/")
    boss.post("/admin/login/?next=/admin/", username=name, password=password)
    return boss


# --- the tutorial

FILES = dict(re.findall(r"```(?:python\n# |html\n<!-- )([\w/.]+)[^\n]*\n(.*?)```", TUTORIAL, re.DOTALL))
STEPS = [
    step.partition("\n")[::2]
    for block in re.findall(r"```console\n(.*?)```", TUTORIAL, re.DOTALL)
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
]
SETTINGS = "salon/settings.py"
DONE = ("mkdir ", "python3 -m venv", "pip install", "$(python", "octoworker sandbox", "export ", "octoworker receive")
"""What the environment, the house and the site of a test have done already."""
LASTING = ("python manage.py runserver", "python manage.py octoworker_relay", "python manage.py octoworker worker")


def shows(said, shown):
    """Whether the lines of the page came, in this order."""
    lines = iter(line.strip() for line in said.splitlines())
    return all(any(line == wanted.strip() for line in lines) for wanted in shown.splitlines() if wanted.strip())


def test_the_django_tutorial_as_it_stands(house, tmp_path):
    folder = tmp_path / "my-salon"
    folder.mkdir()
    site = Site(
        house,
        folder,
        "django",
        OCTOPUSH_URL=house.sandbox.url,
        OCTOPUSH_USER_LOGIN=house.environ["OCTOPUSH_USER_LOGIN"],
        OCTOPUSH_API_KEY=house.environ["OCTOPUSH_API_KEY"],
    )
    with site.open:
        site.receive()
        for command, shown in STEPS:
            follow(site, command, shown)


def follow(site, command, shown):
    """One command of the page, at its place; the files once there is a project to write them into."""
    if command.startswith(DONE):
        return
    command = command.replace("http://127.0.0.1:8025/", f"http://127.0.0.1:{site.house.sandbox.port}/")
    if "_sandbox/settings" in command:
        return  # site.receive() has said it, with the port of this run
    if command.startswith("python manage.py runserver"):
        site.serve(f"python manage.py runserver --noreload {site.port}")
        log_in(site)
        return
    if command.startswith(LASTING):
        site.start(command)
        return
    said = site.run(command)
    assert shows(said, shown), f"$ {command}\n{said}\nbut the page shows\n{shown}"
    if "startapp" in command:
        for name, text in FILES.items():
            path = site.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text(encoding="utf-8") if name == SETTINGS else ""
            path.write_text(before + text, encoding="utf-8")


def log_in(site):
    """What the page says between two commands: a browser, a handset, and the admin."""
    customer = Browser(site.port)
    customer.get("/login/")
    assert 'autocomplete="one-time-code"' in customer.post("/login/", phone="06 12 34 56 78")
    assert "Hello 06 12 34 56 78" in customer.post("/code/", code=code_on(site.house))
    boss = logged_in(site.port, "boss", "tutorial")
    until(lambda: "+336…78" in boss.get("/admin/octoworker/sms/?state=delivered"))
