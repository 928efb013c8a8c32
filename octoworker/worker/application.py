"""The Celery application: its settings, and the queue of each job. What only a worker needs is added in `app`.

Importing it reads no setting: a wrong one stops whoever sends or starts a worker, and not a host that imports us.
"""

from __future__ import annotations

from octoworker.client.own_celery import OwnCelery
from octoworker.worker import results

app = OwnCelery("octoworker", source="octoworker.worker.celeryconfig", log="octoworker.worker.logs:Logs")
app.loader.override_backends = results.PATHS
