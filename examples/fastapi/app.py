"""A practice's API in FastAPI: login by code, appointments with a reminder, and whether it has arrived.

Appointments stand in SQLite by SQLAlchemy; an SMS is a row of the same transaction.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

import octoworker
from octoworker import otp
from octoworker.contrib import sqlalchemy as outbox
from octoworker.contrib.fastapi import Sms, handle_errors, sms_in

DAY_BEFORE = timedelta(days=1)

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///practice.sqlite3"))


class Base(DeclarativeBase):
    pass


class Appointment(Base):
    __tablename__ = "appointments"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str]
    at: Mapped[datetime]
    """In UTC: SQLite keeps no zone."""
    sms: Mapped[str] = mapped_column(default="", index=True)
    sms_state: Mapped[str] = mapped_column(default="")
    sms_sequence: Mapped[int] = mapped_column(default=0)


Base.metadata.create_all(engine)
outbox.metadata.create_all(engine)

app = FastAPI()
handle_errors(app)  # an error of octoworker's is a sentence and a status


def get_session() -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        yield session


InSession = Annotated[Session, Depends(get_session)]
InTransaction = Annotated[Sms, Depends(sms_in(get_session))]


class Login(BaseModel):
    phone: str


class Guess(BaseModel):
    verification: str
    code: str


class Booking(BaseModel):
    phone: str
    at: AwareDatetime


class Move(BaseModel):
    at: AwareDatetime


# Plain `def`: a call to Redis or to the database blocks for a millisecond, so FastAPI runs it in a thread.
@app.post("/codes", status_code=202)
def start(login: Login, request: Request) -> dict[str, str]:
    """The same answer whether or not the number is known. The form's field has autocomplete="one-time-code"."""
    address = request.client.host if request.client else None
    started = otp.start(login.phone, purpose="login", ip=address, domain="practice.example.com")
    return {"verification": started.id}


@app.post("/codes/check")
def check(guess: Guess) -> dict[str, Any]:
    """When it is right, give the caller a session of yours here."""
    checked = otp.check(guess.verification, guess.code)
    return {"outcome": checked.outcome, "left": checked.left}


@app.post("/appointments", status_code=201)
def book(booking: Booking, session: InSession, sms: InTransaction) -> dict[str, Any]:
    """The appointment and its reminder: both or none of them."""
    appointment = Appointment(phone=booking.phone, at=in_utc(booking.at))
    session.add(appointment)
    session.flush()
    appointment.sms = sms.enqueue(
        recipients=booking.phone,
        text="Rappel : votre rendez-vous au cabinet est demain.",
        transactional=True,
        send_at=booking.at - DAY_BEFORE,
        hold=True,
        idempotency_key=f"appointment-{appointment.id}",
    )
    session.commit()
    return shown(appointment)


@app.patch("/appointments/{number}")
def move(number: int, to: Move, session: InSession) -> dict[str, Any]:
    """The reminder is the last step: when it cannot be moved, the appointment stays where it is."""
    appointment = found(session, number)
    appointment.at = in_utc(to.at)
    session.flush()
    octoworker.reschedule(appointment.sms, to.at - DAY_BEFORE)
    session.commit()
    return shown(appointment)


@app.delete("/appointments/{number}", status_code=204)
def cancel(number: int, session: InSession) -> None:
    appointment = found(session, number)
    session.delete(appointment)
    session.flush()
    with suppress(octoworker.RefusedError):  # it has gone already
        octoworker.cancel(appointment.sms)
    session.commit()


@app.get("/appointments/{number}")
def show(number: int, session: InSession) -> dict[str, Any]:
    return shown(found(session, number))


@app.post("/sms-events", status_code=204)
async def hear(request: Request) -> None:
    """What became of an SMS (OCTOWORKER_EVENT_URL). An event may come twice, and after a later one."""
    body = await request.body()
    try:
        event = Webhook(os.environ["EVENT_SECRET"]).verify(body, dict(request.headers))
    except WebhookVerificationError:
        raise HTTPException(401, "The signature is wrong.") from None
    note(event)


def note(event: octoworker.Event) -> None:
    said = event["data"]
    state, sequence = said.get("state"), said.get("sequence") or 0
    if state:
        with Session(engine) as session, session.begin():
            known = (Appointment.sms == said.get("message_id")) & (Appointment.sms_sequence < sequence)
            session.execute(update(Appointment).where(known).values(sms_state=state, sms_sequence=sequence))


def found(session: Session, number: int) -> Appointment:
    appointment = session.get(Appointment, number)
    if appointment is None:
        raise HTTPException(404, "There is no such appointment.")
    return appointment


def shown(appointment: Appointment) -> dict[str, Any]:
    return {
        "id": appointment.id,
        "at": appointment.at.replace(tzinfo=UTC).isoformat(),
        "sms": appointment.sms,
        "reminder": appointment.sms_state,
    }


def in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)
