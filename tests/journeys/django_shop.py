"""A Django project to test with: a folder of its own, SQLite, and code that runs in it as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from harness import NUMBER

FILES = {
    "manage.py": """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
""",
    "shop/__init__.py": "from shop.celery import app\n",
    "shop/settings.py": """
import os
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
                  "django.contrib.sessions", "octoworker.contrib.django", "shop"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages"]}}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3",
                         "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE"}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
OCTOWORKER = {"REGION": "FR"}
""",
    "shop/urls.py": """
from django.contrib import admin
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
""",
    "shop/celery.py": """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from celery import Celery
app = Celery("shop", broker=os.environ.get("SHOP_BROKER", "memory://"))
app.conf.task_default_queue = "shop"
app.autodiscover_tasks()
""",
    "shop/models.py": """
from django.db import models
class Booking(models.Model):
    sms = models.CharField(max_length=32, blank=True)
    state = models.CharField(max_length=20, blank=True)
""",
    "shop/apps.py": """
from django.apps import AppConfig
class ShopConfig(AppConfig):
    name = "shop"
    def ready(self):
        from django.dispatch import receiver
        from octoworker.contrib.django.signals import sms_accepted
        from shop.models import Booking
        @receiver(sms_accepted, weak=False)
        def note(sender, event, **kwargs):
            Booking.objects.filter(sms=event["data"]["message_id"]).update(state=event["type"])
""",
    "shop/migrations/__init__.py": "",
}

BEFORE = """
import json, os, signal
import django
django.setup()
from django.db import connection, transaction
from octoworker.contrib.django import enqueue, enqueue_many
from octoworker.contrib.django.models import OutboxMessage
from shop.models import Booking
answer = None
"""


class Shop:
    """The project, in a folder, with an environment that leads to a Redis."""

    BOOK = f"""
from django.db import connections
def fresh():
    connections.close_all()

def book(text, fate, die):
    with transaction.atomic():
        Booking.objects.create(state=text)
        if fate == "after COMMIT":
            transaction.on_commit(die)
        message = enqueue(recipients="{NUMBER}", text=text, transactional=True)
        Booking.objects.filter(state=text).update(sms=message)
        if fate == "before COMMIT":
            die()
"""
    LOOK = (
        "answer = dict(left=OutboxMessage.objects.count(), texts=list(Booking.objects.values_list('state', flat=True)))"
    )

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = {**environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": str(folder)}
        for name, text in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")

    def add_settings(self, text: str) -> None:
        """A line more in the project's settings."""
        settings = self.folder / "shop" / "settings.py"
        settings.write_text(f"{settings.read_text(encoding='utf-8')}{text}\n", encoding="utf-8")

    def migrate(self) -> None:
        """Make the tables."""
        self.manage("makemigrations", "shop")
        self.manage("migrate")

    def manage(self, *arguments, check=True):
        """`manage.py ...`, to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environ,
            check=check,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def run(self, code: str, *, check=True, **environ):
        """Code in a process of the project. What it puts into `answer` is returned; None when it was killed."""
        done = subprocess.run(
            [sys.executable, "-c", f"{BEFORE}{code}\nprint(json.dumps(answer))"],
            cwd=self.folder,
            env={**self.environ, **environ},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and done.returncode:
            raise AssertionError(done.stderr[-2000:])
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    def relay(self):
        """The relay, as a process."""
        return subprocess.Popen([sys.executable, "manage.py", "octoworker_relay"], cwd=self.folder, env=self.environ)

    def celery(self, log):
        """The project's own worker."""
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "shop", "worker", "-P", "solo", "--without-gossip"],
            cwd=self.folder,
            env=self.environ,
            stdout=log,
            stderr=log,
        )


def environment(house) -> dict[str, str]:
    """What the project's processes get: the Redis of the house, and nothing of the account."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OCTO", "CELERY_"))},
        "OCTOWORKER_REDIS_URL": house.environ["REDIS_URL"],
        "SHOP_BROKER": house.environ["REDIS_URL"],
    }
