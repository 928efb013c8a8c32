"""octoworker.contrib.sqlalchemy: a message goes when its session is committed, and only then, and once."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from harness import NUMBER, TEXT
from sqlalchemy import create_engine, event, select, update
from sqlalchemy.orm import Session

from octoworker import environment
from octoworker.client import client as clients
from octoworker.contrib.sqlalchemy import OUTBOX, Relay, enqueue, enqueue_many, metadata
from octoworker.errors import EnqueueError, PayloadError
from octoworker.sms.record import State

SMS = {"recipients": NUMBER, "text": TEXT, "transactional": True}


@pytest.fixture
def engine(tmp_path):
    made = create_engine(f"sqlite:///{tmp_path / 'shop.sqlite3'}", connect_args={"timeout": 60})
    metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def app(redis_server, redis_client, monkeypatch):
    """This process is the web app. Returns the store that it fills."""
    monkeypatch.setenv("OCTOWORKER_REDIS_URL", redis_server.url)
    monkeypatch.setattr(clients, "_client", None)
    yield clients.client().store
    clients.client().close()


@pytest.fixture
def away(app, monkeypatch):
    """Redis is away, until the block is left."""

    def go(to="redis://127.0.0.1:1/0"):
        clients.client().close()
        monkeypatch.setattr(clients, "_client", None)
        monkeypatch.setenv("OCTOWORKER_REDIS_URL", to)

    return go


def rows(engine):
    with engine.connect() as connection:
        return connection.execute(select(OUTBOX.c.message_id, OUTBOX.c.problem)).all()


def test_a_message_of_a_committed_session_is_taken_at_once_and_the_relay_deletes_its_row(app, engine):
    with Session(engine) as session:
        message_id = enqueue(session, **SMS)
        assert app.get(message_id) is None
        session.commit()
    assert app.get(message_id).state is State.QUEUED
    assert rows(engine) == [(message_id, "")]
    Relay(engine).look()
    assert rows(engine) == []
    assert len(list(app.latest(10))) == 1


def test_after_a_rollback_there_is_no_message(app, engine):
    with Session(engine) as session:
        enqueue(session, **SMS)
        session.rollback()
        session.commit()
    Relay(engine).look()
    assert list(app.latest(10)) == []


def test_of_a_savepoint_that_was_rolled_back_nothing_goes_and_of_the_rest_all(app, engine):
    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("SAVEPOINT outermost")  # without it this driver begins with the first row only

    with Session(engine) as session:
        kept = enqueue(session, **SMS)
        with session.begin_nested() as outer:
            with session.begin_nested():
                gone = enqueue(session, **SMS)
            assert app.get(gone) is None, "a released savepoint is no COMMIT"
            outer.rollback()
        session.commit()
    Relay(engine).look()
    assert [each.message_id for each in app.latest(10)] == [kept]


def test_a_session_in_somebody_elses_transaction_hands_over_nothing_before_that_is_committed(app, engine):
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection) as session:
            message_id = enqueue(session, **SMS)
            session.commit()
            assert app.get(message_id) is None
        outer.commit()
    Relay(engine).look()
    assert app.get(message_id).state is State.QUEUED


def test_a_redis_that_is_away_reaches_no_request_and_the_relay_goes_on_when_it_is_back(app, engine, away, redis_server):
    away()
    with Session(engine) as session:
        message_id = enqueue(session, **SMS)
        session.commit()
    with pytest.raises(EnqueueError):
        Relay(engine).look()
    assert rows(engine) == [(message_id, "")]
    away(redis_server.url)
    assert Relay(engine).drained(timeout=60)
    assert clients.client().store.get(message_id).state is State.QUEUED
    assert rows(engine) == []


def test_many_are_one_query_and_a_mistake_is_said_before_it(app, engine):
    asked = []
    with Session(engine) as session:
        session.connection()
        event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
        ids = enqueue_many(session, [{**SMS, "text": f"nr {n}"} for n in range(5)])
        assert len(asked) == 1
        with pytest.raises(TypeError, match="recipient"):
            enqueue(session, recipient=NUMBER, text=TEXT)
        with pytest.raises(PayloadError):
            enqueue(session, **SMS, lane="fast")
        session.commit()
    assert {each.message_id for each in app.latest(10)} == set(ids)


def test_a_key_of_another_message_and_a_row_that_is_too_old_stay_with_their_problem(app, engine):
    clients.client().enqueue({**SMS, "text": "another", "idempotency_key": "k"})
    with Session(engine) as session:
        conflict = enqueue(session, **SMS, idempotency_key="k")
        old = enqueue(session, **SMS, publish_on_commit=False)
        long_ago = datetime.now(UTC).replace(tzinfo=None) - environment.load().keep_for + timedelta(days=1)
        session.execute(update(OUTBOX).where(OUTBOX.c.message_id == old).values(created=long_ago))
        session.commit()
    found = Relay(engine).look()
    assert (found.taken, found.left) == (0, 2)
    said = {row.message_id: row.problem for row in rows(engine)}
    assert "other content" in said[conflict]
    assert "too old" in said[old]
    assert Relay(engine).problems() == 2
    assert app.get(old) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"message_id": "[red]"},
        {"lane": "fast"},
        {"payload": "[" * 9000},
        {"payload": "[]"},
        {"fingerprint": ""},
        {"people": 0},
    ],
    ids=["id", "lane", "brackets", "list", "fingerprint", "nobody"],
)
def test_a_row_that_somebody_has_written_to_stays_in_sight_and_keeps_no_other_back(app, engine, odd):
    with Session(engine) as session:
        first = enqueue(session, **SMS, publish_on_commit=False)
        behind = enqueue(session, **SMS, publish_on_commit=False)
        session.execute(update(OUTBOX).where(OUTBOX.c.message_id == first).values(odd))
        session.commit()
    Relay(engine).look()
    assert [problem for _, problem in rows(engine)] == ["it is not as octoworker writes it"]
    assert app.get(behind).state is State.QUEUED


def test_the_command_takes_what_stands_there_and_says_what_is_left(app, engine, redis_server):
    environ = {**os.environ, "DATABASE_URL": str(engine.url), "OCTOWORKER_REDIS_URL": redis_server.url}

    def relay(**more):
        command = [sys.executable, "-m", "octoworker.contrib.sqlalchemy", "--once"]
        return subprocess.run(command, env={**environ, **more}, capture_output=True, text=True, check=False)

    with Session(engine) as session:
        message_id = enqueue(session, **SMS, publish_on_commit=False)
        session.commit()
    assert relay(OCTOWORKER_REDIS_URL="redis://127.0.0.1:1/0").returncode == 3
    done = relay()
    assert (done.returncode, done.stderr) == (0, "")
    assert app.get(message_id).state is State.QUEUED
    wrong = relay(DATABASE_URL="nowhere")
    assert wrong.returncode == 2
    assert "DATABASE_URL must hold the address" in wrong.stderr
    assert "Traceback" not in wrong.stderr
