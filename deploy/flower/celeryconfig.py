"""Flower's Celery: where the broker is, from a mounted secret, and an exchange for its orders that no worker hears."""

import os
from pathlib import Path

broker_url = Path(os.environ.get("REDIS_URL_FILE", "/run/secrets/redis_url_viewer")).read_text(encoding="utf-8").strip()
broker_connection_retry_on_startup = True
accept_content = ["json"]

# Flower cannot be told not to speak to the workers: it asks them for a heartbeat before it listens. Redis' user `viewer`
# may publish to this exchange and not to the workers', so "read only" does not rest on Flower alone.
control_exchange = "unheard"

# Celery keeps the binding of a queue that expires by a script, and `viewer` may run none. Queues that do not expire are
# bound without; they go with the connection.
event_queue_expires = None
control_queue_expires = None
