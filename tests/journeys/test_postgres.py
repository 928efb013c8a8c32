"""Both outboxes on a real PostgreSQL, where relays share the work: skipped where there is no PostgreSQL, or its driver is not installed.

`make check-hosts` installs the driver; PostgreSQL itself is a package of the system.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from django_shop import Shop, environment
from harness import NUMBER, own_port, until
from sqlalchemy_shop import SqlShop

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / ".venv" / "web"
PLACES = [os.environ["PATH"], *(str(each) for each in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
INITDB, POSTGRES = (shutil.which(name, path=os.pathsep.join(PLACES)) for name in ("initdb", "postgres"))

pytestmark = pytest.mark.skipif(
    not (WEB / "psycopg").is_dir() or not INITDB or not POSTGRES, reason="no PostgreSQL, or no driver: make check-hosts"
)

MANY = f"""
with transaction.atomic():
    enqueue_many([dict(recipients="{NUMBER}", text=f"nr {{n}}", transactional=True) for n in range(500)])
answer = OutboxMessage.objects.count()
"""
SQL_MANY = f"""
from octoworker.contrib.sqlalchemy import enqueue_many
with Session(engine) as session, session.begin():
    enqueue_many(session, [dict(recipients="{NUMBER}", text=f"nr {{n}}", transactional=True) for n in range(500)],
                 publish_on_commit=False)
    answer = session.scalar(select(func.count()).select_from(OUTBOX))
"""
ROLLED_BACK = f"""
try:
    with transaction.atomic():
        enqueue(recipients="{NUMBER}", text="nothing", transactional=True)
        raise ZeroDivisionError
except ZeroDivisionError:
    answer = OutboxMessage.objects.count()
"""
TWO_AT_ONCE = """
from octoworker.contrib.django.relay import Relay
first = Relay("default")
with transaction.atomic():
    mine = [row.pk for row in first._next()]
    import threading
    found = []
    def second():
        with transaction.atomic():
            found.extend(row.pk for row in Relay("default")._next())
        connection.close()
    thread = threading.Thread(target=second)
    thread.start()
    thread.join(60)
answer = [len(mine), len(found), len(set(mine) & set(found))]
"""


@contextmanager
def postgres(folder):
    """A server of its own, on loopback. As root it must be another user's."""
    as_root = os.geteuid() == 0
    port, data = own_port(), folder / "data"
    data.mkdir()
    folder.chmod(0o755)
    user = {"user": "postgres", "group": "postgres"} if as_root else {}
    if as_root:
        shutil.chown(data, "postgres", "postgres")
    options = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **user}
    subprocess.run([INITDB, "-D", data, "-U", "shop", "-A", "trust", "--no-sync"], check=True, **options)
    settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    server = subprocess.Popen([POSTGRES, "-D", data, "-p", str(port), *settings], **options)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    # Not below pytest's own folder, which only its user may enter.
    import tempfile  # noqa: PLC0415 - used here only

    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as found:
        until(lambda: answers(found))
        yield found


def answers(address):
    code = f"import psycopg; psycopg.connect('postgresql://shop@{address}/postgres').close()"
    return (
        subprocess.run([sys.executable, "-c", code], env=with_web({}), capture_output=True, check=False).returncode == 0
    )


def with_web(environ):
    """The driver beside what is here; Django is the one of this environment."""
    return {
        **environ,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([environ.get("PYTHONPATH", ""), str(WEB)]),
    }


def test_relays_of_the_django_outbox_share_the_work_on_postgresql(house, tmp_path, address):
    shop = Shop(tmp_path, environment(house))
    host, port = address.split(":")
    shop.add_settings(
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'postgres', 'USER': 'shop', "
        f"'HOST': '{host}', 'PORT': {port}}}}}\nOCTOWORKER = {{'PUBLISH_ON_COMMIT': False}}"
    )
    shop.environ = with_web(shop.environ)
    shop.migrate()
    assert shop.run(ROLLED_BACK) == 0
    assert shop.run(MANY) == 500
    assert shop.run(TWO_AT_ONCE) == [100, 100, 0]
    relays = [shop.relay() for _ in range(2)]
    try:
        until(lambda: shop.run("answer = OutboxMessage.objects.count()") == 0, every=0.5)
    finally:
        for each in relays:
            each.terminate()
            each.wait(60)
    assert len(list(house.store.latest(1000))) == 500


def test_relays_of_the_sqlalchemy_outbox_share_the_work_on_postgresql(house, tmp_path, address):
    shop = SqlShop(tmp_path, environment(house))
    shop.environ = with_web(shop.environ) | {"DATABASE_URL": f"postgresql+psycopg://shop@{address}/postgres"}
    shop.run("metadata.create_all(create_engine(os.environ['DATABASE_URL']))")
    assert shop.run(SQL_MANY) == 500
    relays = [shop.relay() for _ in range(2)]
    try:
        until(lambda: shop.run(SQL_LEFT) == 0, every=0.5)
    finally:
        for each in relays:
            each.terminate()
            each.wait(60)
    assert len(list(house.store.latest(1000))) == 500


SQL_LEFT = """
with Session(engine) as session:
    answer = session.scalar(select(func.count()).select_from(OUTBOX))
"""
