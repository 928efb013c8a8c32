"""octoworker.contrib.django in a real project: a message goes when its transaction is committed, and only then, and once."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import pytest
from django_shop import Shop, environment
from harness import NUMBER, TEXT, until

from octoworker.sms.record import State

SEND = f'enqueue(recipients="{NUMBER}", text="{TEXT}", transactional=True'
IN_A_TRANSACTION = f"""
with transaction.atomic():
    answer = {SEND})
    Booking.objects.create(sms=answer)
"""
WAITING = "answer = list(OutboxMessage.objects.values_list('message_id', 'problem'))"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The database of a project, migrated once."""
    shop = Shop(tmp_path_factory.mktemp("shop"), {})
    shop.environ["OCTOWORKER_REDIS_URL"] = "redis://127.0.0.1:1/0"
    shop.manage("makemigrations", "shop")
    shop.manage("migrate")
    return shop.folder


@pytest.fixture
def shop(house, tmp_path, empty):
    """A project with an empty outbox and the Redis of the house."""
    folder = tmp_path / "shop"
    folder.mkdir()
    found = Shop(folder, environment(house))
    (folder / "shop.sqlite3").write_bytes((empty / "shop.sqlite3").read_bytes())
    for each in (empty / "shop" / "migrations").glob("0*.py"):
        (folder / "shop" / "migrations" / each.name).write_bytes(each.read_bytes())
    return found


@contextmanager
def running(process):
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(60) in {0, -signal.SIGTERM}


def test_a_message_of_a_transaction_that_is_rolled_back_was_never_there(shop, house):
    answer = shop.run(f"""
try:
    with transaction.atomic():
        answer = {SEND})
        raise ValueError
except ValueError:
    pass
""")
    assert len(answer) == 32
    shop.manage("octoworker_relay", "--once")
    assert house.store.get(answer) is None


def test_a_message_of_a_committed_transaction_goes_once_and_leaves_the_outbox(shop, house):
    house.worker()
    message_id = shop.run(IN_A_TRANSACTION)
    house.ended(message_id, State.ACCEPTED)
    assert shop.run(WAITING) == [[message_id, ""]]
    shop.manage("octoworker_relay", "--once")
    assert shop.run(WAITING) == []
    assert house.store.get(message_id).attempts == 1
    assert house.texts() == [TEXT]


def test_a_process_that_is_killed_between_commit_and_hand_over_loses_nothing(shop, house):
    house.worker()
    shop.run(
        f"transaction.on_commit(lambda: None)\n{IN_A_TRANSACTION.replace('answer =', 'transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL)); answer =')}",
        check=False,
    )
    ((message_id, _),) = shop.run(WAITING)
    assert house.store.get(message_id) is None
    with running(shop.relay()):
        house.ended(message_id, State.ACCEPTED)
        until(lambda: shop.run(WAITING) == [])
    assert house.texts() == [TEXT]


def test_a_redis_that_is_away_at_commit_is_waited_for_by_the_relay(shop, house):
    message_id = shop.run(IN_A_TRANSACTION, OCTOWORKER_REDIS_URL="redis://127.0.0.1:1/0")
    assert house.store.get(message_id) is None
    shop.environ["OCTOWORKER_KEEP_FOR"] = "43200"
    shop.manage("octoworker_relay", "--once")
    assert house.store.get(message_id).state is State.QUEUED


def test_a_message_costs_its_transaction_one_query(shop):
    assert shop.run(f"""
from django.test.utils import CaptureQueriesContext
def queries(send):
    with CaptureQueriesContext(connection) as seen, transaction.atomic():
        Booking.objects.create()
        send()
    return len(seen)
many = [dict(recipients="{NUMBER}", text=f"nr {{n}}", transactional=True, idempotency_key=f"k{{n}}") for n in range(20)]
answer = [queries(send) - queries(int) for send in (lambda: {SEND}), lambda: enqueue_many(many))]
""") == [1, 1]


def test_outside_of_a_transaction_it_is_taken_at_once(shop, house):
    message_id = shop.run(f"answer = {SEND})")
    assert house.store.get(message_id).state is State.QUEUED
    assert shop.run(WAITING) == []


def test_a_key_that_is_used_twice_is_one_message_and_with_other_content_stays_in_sight(shop, house):
    ids = shop.run(f"""
with transaction.atomic():
    answer = [{SEND}, idempotency_key="order 1"), {SEND}, idempotency_key="order 1")]
    enqueue(recipients="{NUMBER}", text="something else", transactional=True, idempotency_key="order 1")
""")
    assert len(set(ids)) == 1
    assert shop.manage("octoworker_relay", "--once", check=False).returncode == 1
    assert shop.run(WAITING) == [[ids[0], "its idempotency key belongs to a message with other content"]]
    assert "1 SMS of the outbox cannot be taken" in shop.manage("check", "--database", "default").stderr
    assert house.store.get(ids[0]).arguments["text"] == TEXT


def test_a_row_that_is_as_old_as_its_record_may_be_is_not_sent_again(shop, house):
    message_id = shop.run(IN_A_TRANSACTION, OCTOWORKER_REDIS_URL="redis://127.0.0.1:1/0")
    shop.run("""
from datetime import timedelta
from django.utils import timezone
OutboxMessage.objects.update(created=timezone.now() - timedelta(days=29, hours=1))
""")
    assert "no relay takes them" in shop.manage("check", "--database", "default").stderr
    shop.manage("octoworker_relay", "--once", check=False)
    ((_, problem),) = shop.run(WAITING)
    assert problem.startswith("too old")
    assert house.store.get(message_id) is None


def test_a_row_that_somebody_has_written_to_stays_in_sight_and_keeps_no_other_back(shop, house):
    shop.run(
        f"""
odd = [dict(message_id="[red]"), dict(lane="fast"), dict(payload="[" * 9000), dict(payload="[]"), dict(fingerprint=""), dict(people=0)]
with transaction.atomic():
    ids = [{SEND}, idempotency_key=f"k{{n}}") for n in range(len(odd))]
    for each, fields in zip(ids, odd):
        OutboxMessage.objects.filter(message_id=each).update(**fields)
""",
        OCTOWORKER_REDIS_URL="redis://127.0.0.1:1/0",
    )
    good = shop.run(IN_A_TRANSACTION, OCTOWORKER_REDIS_URL="redis://127.0.0.1:1/0")
    shop.manage("octoworker_relay", "--once", check=False)
    assert {problem for _, problem in shop.run(WAITING)} == {"it is not as octoworker writes it"}
    assert len(shop.run(WAITING)) == 6
    assert house.store.get(good).state is State.QUEUED
    assert len(list(house.store.latest(10))) == 1


def test_what_is_wrong_with_a_message_is_said_at_once(shop):
    said = shop.run(f"""
answer = []
for wrong in (dict(recipient="x"), dict(lane="fast"), dict(text="x" * 100000)):
    try:
        with transaction.atomic():
            enqueue(**{{"recipients": "{NUMBER}", "text": "a", **wrong}})
    except Exception as error:
        answer.append(type(error).__name__)
""")
    assert said == ["TypeError", "PayloadError", "PayloadError"]


def test_the_workers_tell_the_project_by_its_signals(shop, house, tmp_path):
    house.worker(
        settings={"OCTOWORKER_EVENT_TASK": "octoworker.contrib.django.event", "OCTOWORKER_EVENT_QUEUE": "shop"}
    )
    until(lambda: house.redis.exists("ow:events-to"))
    with (tmp_path / "celery.log").open("wb") as log, running(shop.celery(log)):
        message_id = shop.run(IN_A_TRANSACTION)
        until(lambda: shop.run(f"answer = Booking.objects.get(sms='{message_id}').state") == "sms.accepted")


def test_the_admin_shows_and_stops_messages_and_shows_numbers_to_those_who_may_see_them(shop, house):
    held = house.enqueue(send_at="2027-06-01T10:00:00+02:00", hold=True, reference="<b>order</b>")
    house.worker()
    house.ended(held, State.SCHEDULED)
    seen = shop.run(
        f"""
from django.contrib.auth.models import Permission, User
from django.test import Client
def look(*permissions):
    user = User.objects.create_user(f"u{{User.objects.count()}}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(); client.force_login(user)
    return client
clerk, chief, nobody = look("view_sms"), look("view_sms", "cancel_sms", "reveal_sms"), look()
story, stop = "/admin/octoworker/sms/{held}/", "/admin/octoworker/sms/{held}/cancel/"
answer = {{
    "nobody": nobody.get("/admin/octoworker/sms/").status_code,
    "list": clerk.get("/admin/octoworker/sms/?state=scheduled").content.decode(),
    "search": clerk.get("/admin/octoworker/sms/?q={held}").content.decode(),
    "clerk": clerk.get(story).content.decode(),
    "chief": chief.get(story).content.decode(),
    "missing": clerk.get("/admin/octoworker/sms/00000000000000000000000000000000/").status_code,
    "by get": chief.get(stop).status_code,
    "not allowed": clerk.post(stop).status_code,
    "cancel": chief.post(stop).status_code,
    "replay": chief.post(stop.replace("cancel", "replay")).status_code,
    "unknown": chief.post(stop.replace("cancel", "delete")).status_code,
    "outbox": User.objects.create_superuser("root") and None,
}}
root = Client(); root.force_login(User.objects.get(username="root"))
answer["outbox"] = root.get("/admin/octoworker/outboxmessage/").status_code
answer["home"] = root.get("/admin/").content.decode()
forged = Client(enforce_csrf_checks=True); forged.force_login(User.objects.get(username="root"))
answer["forged"] = forged.post(stop.replace("cancel", "replay")).status_code
answer["odd searches"] = [root.get("/admin/octoworker/sms/", {{"q": q}}).content.decode() for q in ("<script>x</script>", "a" * 9000, "\\0", "*")]
answer["odd states"] = root.get("/admin/octoworker/sms/?state=<script>").content.decode()
""",
        OCTOWORKER_SENDER="Shop",
    )
    assert (seen["nobody"], seen["missing"], seen["by get"], seen["not allowed"]) == (403, 404, 405, 403)
    assert held in seen["list"]
    assert held in seen["search"]
    assert "&lt;b&gt;order" in seen["clerk"]
    assert NUMBER not in seen["list"] + seen["clerk"]
    assert TEXT not in seen["list"] + seen["clerk"]
    assert 'value="Cancel"' in seen["chief"]
    assert "Send once more" not in seen["chief"]
    assert 'type="submit" name' not in seen["clerk"]
    assert NUMBER in seen["chief"]
    assert TEXT in seen["chief"]
    assert (seen["cancel"], seen["replay"], seen["unknown"]) == (302, 403, 404)
    assert house.store.get(held).state is State.CANCELLED
    assert [(each.act, each.who) for each in house.store.get(held).acts] == [("cancel", "u1")]
    assert {("reveal", "u1", held), ("cancel", "u1", held)} == {
        (each.act, each.who, each.what) for each in house.store.audit.acts()
    }
    assert seen["outbox"] == 200
    assert seen["forged"] == 403
    assert "<script>" not in "".join([*seen["odd searches"], seen["odd states"]])
    assert "/admin/octoworker/sms/" in seen["home"]


def test_the_settings_of_the_project_are_octoworkers_and_the_environment_counts_more(shop):
    shop.add_settings('OCTOWORKER = {"SENDER": "Shop", "REGION": "BE", "STRICT": True}')
    code = "answer = [os.environ.get(f'OCTOWORKER_{name}') for name in ('SENDER', 'REGION', 'STRICT')]"
    assert shop.run(code, OCTOWORKER_REGION="CH") == ["Shop", "CH", "true"]


def test_what_is_wrong_in_the_settings_is_a_finding_of_the_checks(shop):
    shop.add_settings('OCTOWORKER = {"OCTOWORKER_SENDER": "x", "REGION": "Francia", "KEEP": {}}')
    said = shop.manage("check", check=False).stderr
    assert "write SENDER without the prefix" in said
    assert "KEEP must be a string" in said
    assert "OCTOWORKER_REGION" in said


def test_the_migrations_are_those_of_the_models(shop):
    assert "No changes detected" in shop.manage("makemigrations", "octoworker", "--check", "--dry-run").stdout


def test_the_command_has_the_settings_of_the_project(shop):
    shop.add_settings('OCTOWORKER = {"SENDER": "Boutique"}')
    assert "Boutique" in shop.manage("octoworker", "settings").stdout
