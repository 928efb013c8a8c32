"""The salon's own Celery: octoworker's workers put what becomes of an SMS into its queue."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salon.settings")

app = Celery("salon", broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
app.conf.task_default_queue = "salon"
app.conf.task_ignore_result = True
app.autodiscover_tasks()
