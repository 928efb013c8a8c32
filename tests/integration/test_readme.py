"""Every command and every piece of code in the README works as it stands there."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import harness
import pytest
from harness import NUMBER, TEXT, until

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
MAKE = re.findall(r"^make (\w+)$", README, re.MULTILINE)
COMMANDS = re.findall(r"^octoworker (.+)$", README, re.MULTILINE)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

LONG_RUNNING = ("worker", "sandbox")
SOME_ID = "0123456789abcdef0123456789abcdef"
SOME_CAMPAIGN = "4f1c0a9be2d7"


def words(command, message_id):
    import shlex  # noqa: PLC0415 - used here only

    return [message_id if word == SOME_ID else word for word in shlex.split(command.partition(" > ")[0])]


def test_the_readme_has_commands_to_test():
    assert {"demo", "test"} <= set(MAKE)
    assert len(COMMANDS) > 8
    assert len(PYTHON) == 5


@pytest.mark.parametrize("target", MAKE)
def test_every_make_target_exists(target):
    subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


def test_ci_runs_exactly_the_test_command():
    assert (ROOT / ".ci" / "run").read_text().strip().splitlines()[-1] == "make test"


@pytest.fixture(scope="module")
def open_house(tmp_path_factory):
    """One house with one worker for all the commands: each would take a second or two to make its own."""
    with harness.house(tmp_path_factory.mktemp("house")) as it:
        it.worker()
        until(lambda: it.command("health", check=False).returncode == 0)
        it.client.store.campaigns.open(SOME_CAMPAIGN, "people.csv")
        yield it


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.split()[0] not in LONG_RUNNING])
def test_every_command_runs(open_house, command):
    house = open_house
    house.store.flow_control.resume("all")  # what the command before this one has paused
    message_id = house.enqueue(text="Soldes !", transactional=False)  # no STOP mention: rejected, so it can be replayed
    house.ended(message_id)
    (house.folder / "people.csv").write_text("Téléphone;Prénom\n06 12 34 56 78;Zoé\n")
    done = house.command(*words(command, message_id), check=False)
    # Of `forget` 1 is an answer: a command before it holds a message to that number.
    assert done.returncode in ((0, 1) if command.startswith("forget") else (0,)), done.stdout + done.stderr


def test_the_worker_command_starts_a_worker(house):
    assert "worker" in COMMANDS
    assert house.worker().process.poll() is None


def test_the_sandbox_command_serves_its_page(house):
    assert "sandbox" in COMMANDS
    log = house.folder / "sandbox.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "octoworker", "sandbox", "--port", "0"]
        process = subprocess.Popen(command, env=house.environ, stdout=out, stderr=out)
        try:
            until(lambda: "http://127.0.0.1:" in log.read_text())
        finally:
            process.terminate()
            process.wait(10)


def test_the_first_example_sends(house, monkeypatch, tmp_path):
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)
    house.worker()
    example = tmp_path / "example.py"
    example.write_text(PYTHON[0])
    message_id = runpy.run_path(str(example))["message_id"]
    house.ended(message_id)
    assert house.texts() == ["Votre code est 4711"]
    from octoworker.client.client import client  # noqa: PLC0415 - made by the example

    client().close()


@pytest.mark.parametrize("code", PYTHON[1:], ids=["django", "flask", "fastapi", "check"])
def test_every_web_example_is_valid_python(code):
    compile(code, "README.md", "exec")


def test_a_plain_send_task_as_the_readme_says(house):
    (call,) = re.findall(r"`(celery\.send_task\(.+?\))`", README)
    assert '"octoworker.send_sms"' in call
    assert 'queue="sms"' in call
    house.worker()
    assert house.ended(house.enqueue(NUMBER, TEXT)).ticket
