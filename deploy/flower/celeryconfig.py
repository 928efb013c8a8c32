"""Flower's Celery: where the broker is, from a mounted secret. The user `viewer` may listen and not speak."""

import os
from pathlib import Path

broker_url = Path(os.environ.get("REDIS_URL_FILE", "/run/secrets/redis_url_viewer")).read_text(encoding="utf-8").strip()
broker_connection_retry_on_startup = True
accept_content = ["json"]
