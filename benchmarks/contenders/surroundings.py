"""What would make every figure wrong without a word: an environment that is not the one that was locked."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from redis.utils import HIREDIS_AVAILABLE

PACKAGES = (
    *("celery", "kombu", "redis", "hiredis", "requests", "urllib3"),
    *("huey", "dramatiq", "rq", "taskiq", "taskiq-redis", "saq", "gevent"),
)
MEDDLERS = ("niquests", "urllib3-future")
"""They put another urllib3 in the place of urllib3."""


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def refuse_the_wrong_one():
    """SystemExit when what is measured here would not be what is shipped."""
    problems = [f"{name} is installed: it slows requests" for name in MEDDLERS if installed(name)]
    if not HIREDIS_AVAILABLE:
        problems.append("hiredis is missing: redis-py parses in Python, which all contenders pay for")
    if problems:
        raise SystemExit("; ".join(problems) + ". Remove .venv-bench and make it again.")


def described():
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
        "packages": {name: installed(name) for name in PACKAGES},
    }
