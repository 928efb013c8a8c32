"""Every command and every file of the tutorial works as it stands there, and says what the tutorial shows.

The web frameworks are no part of octoworker: `make check-tutorial` installs them beside it and runs these tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import own_port, until

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
WEB = ROOT / ".venv" / "web"
"""The frameworks, in a folder of their own."""

FILES = dict(re.findall(r"```python\n# ([\w/.]+)[^\n]*\n(.*?)```", TUTORIAL, re.DOTALL))
ID = re.compile(r"\b[0-9a-f]{32}\b")

DAY = "2026-12-01T10:00:00+01:00"
"""A day that lay ahead when the page was written."""

PREPARED = ("make ", ". .venv", "$(python", "octoworker sandbox", "octoworker worker", "export ", "mkdir ")
"""What the house of a test has done already."""

SERVERS = {"flask": "python -m flask", "fastapi": "python -m uvicorn", "django": "python manage.py runserver"}


@dataclass
class Step:
    """A command, and what it is said to print."""

    command: str
    shown: str


def steps(begin, end):
    """The commands between two headings."""
    part = TUTORIAL[TUTORIAL.index(begin) : TUTORIAL.index(end)]
    for block in re.findall(r"```console\n(.*?)```", part, re.DOTALL):
        for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = each.partition("\n")
            yield Step(command, shown)


ALONE = [*steps("## 2.", "## 7.")]
TRIED = [*steps("### Try it", "## 8.")]
ARRIVED = [*steps("## 8.", "## 9.")]


class Reader:
    """Types the commands, with the ids of this run in place of those on the page, and compares what comes."""

    def __init__(self, house, **more):
        self.house, self.ids = house, {}
        (name,) = re.findall(r"^\$ mkdir ([\w-]+) && cd \1$", TUTORIAL, re.MULTILINE)
        self.folder = house.folder / name
        self.folder.mkdir()
        for name, code in FILES.items():
            if "/" not in name:
                (self.folder / name).write_text(code)
        self.environ = {
            # What a reader has at terminal 4, and nothing of ours. The folder above is importable, as the checkout is.
            "REDIS_URL": house.redis_url,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{WEB}{os.pathsep}{house.folder}",
            **more,
        }

    def here(self, command):
        """The command with the addresses and the ids of this run."""
        command = command.replace("http://127.0.0.1:8025/api", self.house.sandbox.url)
        command = command.replace("127.0.0.1:8025", f"127.0.0.1:{self.house.sandbox.port}")
        command = command.replace("127.0.0.1:8026", f"127.0.0.1:{self.environ.get('RECEIVER')}")
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{self.environ.get('PORT')}")
        command = command.replace(DAY, (datetime.now(UTC) + timedelta(days=7)).isoformat(timespec="seconds"))
        return ID.sub(lambda found: self.ids.get(found[0], found[0]), command)

    def follows(self, step):
        """Run it. Once more until it says what is shown: a reader takes a second between two commands, a test does not."""
        command = self.here(step.command)
        looks = (
            step.command.startswith("octoworker status")
            or "/messages/" in step.command
            or "shop_events" in step.command
        )

        def said():
            done = subprocess.run(
                command,
                shell=True,
                env=self.environ,
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            text = done.stdout + done.stderr
            return text if not looks or alike(text, step.shown) else None

        text = until(said) if looks else said()
        assert alike(text, step.shown), f"$ {step.command}\n{text}\nbut the page shows\n{step.shown}"
        self.ids.update(zip(ID.findall(step.shown), ID.findall(text), strict=False))


def alike(text, shown):
    """The same, but for ids, times, tickets and blanks. Of an error the last line counts."""
    said, wanted = plain(text), plain(shown)
    return said[-len(wanted) :] == wanted if wanted else not said


def plain(text):
    try:
        document = json.loads(text)
    except ValueError:
        pass
    else:
        if isinstance(document, dict):
            text = json.dumps(document, sort_keys=True)
    for odd, word in (
        (ID, "ID"),
        (re.compile(r"api\d{12}"), "TICKET"),
        (re.compile(r"legacy-[0-9a-f]{8}"), "ACCOUNT"),
        (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00"), "INSTANT"),
        (re.compile(r"\d\d:\d\d:\d\d\.\d{3}"), "TIME"),
        (re.compile(r"\bby \S+ on \S+$", re.MULTILINE), "by SOMEBODY"),
    ):
        text = odd.sub(word, text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_tutorial_has_files_and_commands_to_test():
    assert set(FILES) == {
        "messages.py",
        "tomorrow.py",
        "shop_flask.py",
        "shop_fastapi.py",
        "shop_events.py",
        "shop/sms.py",
        "shop/urls.py",
    }
    assert len(ALONE) > 8
    assert len(TRIED) == 6
    every = [step.command for step in steps("# Tutorial", "## 2.")]
    assert all(command.startswith(PREPARED) for command in every), "a command that nobody tests"


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_valid_python(name):
    compile(FILES[name], name, "exec")


def test_every_command_says_what_the_page_shows(house):
    house.worker(settings={"OCTOWORKER_SENDER": "MyShop"})
    reader = Reader(house)
    for step in ALONE:
        if not step.command.startswith(PREPARED):
            reader.follows(step)


@pytest.mark.skipif(not (WEB / ".ready").is_file(), reason="the frameworks are not installed: make check-tutorial")
@pytest.mark.parametrize("framework", SERVERS)
def test_every_web_app_answers_as_the_page_shows(house, framework):
    house.worker(settings={"OCTOWORKER_SENDER": "MyShop"})
    reader = Reader(house, PORT=str(own_port()))
    if framework == "django":
        reader.follows(next(step for step in steps("### Django", "### Try it") if "startproject" in step.command))
        for name, code in FILES.items():
            if "/" in name:
                (reader.folder / name).write_text(code)
    start = next(
        step.command for step in steps("### Flask", "### Try it") if step.command.startswith(SERVERS[framework])
    )
    command = start.replace("8000", reader.environ["PORT"]) + (" --noreload" if framework == "django" else "")
    log = house.folder / "web.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command.split(), env=reader.environ, cwd=reader.folder, stdout=out, stderr=out)
        try:
            until(lambda: listens(reader.environ["PORT"]) or server.poll() is not None)
            assert server.poll() is None, log.read_text()
            for step in TRIED:
                reader.follows(step)
        finally:
            server.terminate()
            server.wait(30)


def exported(begin, end):
    """The variables that are exported between two headings."""
    words = " ".join(step.command for step in steps(begin, end) if step.command.startswith("export ")).split()
    return dict(word.split("=", 1) for word in words if "=" in word)


def test_a_message_arrives_in_the_shops_own_database(house):
    settings = exported("## 8.", "## 9.")
    house.worker(settings={"OCTOWORKER_SENDER": "MyShop", **settings})
    reader = Reader(house, RECEIVER=str(own_port()))
    receive = ["octoworker", "receive", "--host", "127.0.0.1", "--port", reader.environ["RECEIVER"]]
    shops = next(step.command for step in ARRIVED if step.command.startswith("celery ")).split()
    with running(receive, {**reader.environ, **settings}, reader.folder), running(shops, reader.environ, reader.folder):
        until(lambda: listens(reader.environ["RECEIVER"]))
        for step in ARRIVED:
            if not step.command.startswith((*PREPARED, "octoworker receive", "celery ")):
                reader.follows(step)


@contextmanager
def running(command, environ, folder):
    """A server of the page's, for as long as a test looks."""
    with (folder / f"{command[0]}.log").open("wb") as out:
        server = subprocess.Popen(command, env=environ, cwd=folder, stdout=out, stderr=out)
        try:
            yield
        finally:
            server.terminate()
            server.wait(60)


def listens(port):
    import socket  # noqa: PLC0415 - used here only

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0
