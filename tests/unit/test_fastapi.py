"""octoworker.contrib.fastapi: an error of octoworker's is an answer, and an SMS is in the transaction of the request's session."""

from __future__ import annotations

import asyncio
import json

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from octoworker import errors
from octoworker.contrib.fastapi import handle_errors, sms_in
from octoworker.contrib.sqlalchemy import OUTBOX, metadata

ANSWERS = {
    errors.PayloadError(["text: it is empty."]): 422,
    errors.UnknownMessageError(): 404,
    errors.RefusedError("It has gone."): 409,
    errors.KeyConflictError(): 409,
    errors.EnqueueError("Redis does not answer."): 503,
    errors.UnfitRedisError("Redis is full."): 503,
    errors.SettingsError(["OCTOWORKER_REGION: give two capitals."]): 500,
}


def asked(app, path):
    """The status and the JSON that it answers."""
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(("error", "status"), ANSWERS.items(), ids=[type(each).__name__ for each in ANSWERS])
def test_an_error_is_a_status_and_its_sentence(error, status):
    app = FastAPI()
    handle_errors(app)

    @app.get("/")
    def fails():
        raise error

    assert asked(app, "/") == (status, {"detail": str(error)})


@pytest.mark.parametrize(("path", "left"), [("/kept", 1), ("/dropped", 0)])
def test_an_sms_is_in_the_transaction_of_the_requests_session(path, left, sms_outbox):
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    app = FastAPI()

    def get_session():
        with Session(engine) as session:
            yield session

    @app.get("/{ending}")
    def book(ending: str, session=Depends(get_session), sms=Depends(sms_in(get_session))):  # noqa: B008 - FastAPI's own form
        sms.enqueue(recipients="+33612345678", text="Bonjour", transactional=True)
        if ending == "kept":
            session.commit()

    assert asked(app, path) == (200, None)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(OUTBOX)).scalar_one() == left
    assert len(sms_outbox) == left
    engine.dispose()
