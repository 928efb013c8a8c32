"""Flower shows and does nothing. Without the password it shows nothing either."""

import os
from pathlib import Path

import gauges as _gauges

import celeryconfig as _celery

_password = (
    Path(os.environ.get("FLOWER_PASSWORD_FILE", "/run/secrets/flower_password")).read_text(encoding="utf-8").strip()
)

port = int(os.environ.get("FLOWER_PORT", "5555"))
basic_auth = [f"flower:{_password}"]
# No button that stops a worker or revokes a job; Redis would refuse the viewer's orders as well.
read_only = True
# Workers run with -E: telling them to is an order too.
enable_events = False
# What is not in memory is in the records: `octoworker list`.
persistent = False
max_tasks = 10000

_gauges.register(_celery.broker_url)
