"""A garage's site in Flask: login by code, and a reminder for a customer's appointment.

Appointments stand in SQLite by SQLAlchemy; an SMS is a row of the same transaction.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask, abort, flash, redirect, render_template, request, session
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from werkzeug.wrappers import Response

import octoworker
from octoworker import otp
from octoworker.contrib import sqlalchemy as outbox

DAY_BEFORE = timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")
LATER = "Le service est indisponible : réessayez dans un instant."

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///garage.sqlite3"))
app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "for development only")
app.config.update(SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True)  # no form of another site is obeyed


class Base(DeclarativeBase):
    pass


class Appointment(Base):
    __tablename__ = "appointments"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime]
    """In UTC: SQLite keeps no zone."""
    sms: Mapped[str] = mapped_column(default="", index=True)
    sms_state: Mapped[str] = mapped_column(default="")
    sms_sequence: Mapped[int] = mapped_column(default=0)

    @property
    def local(self) -> datetime:
        return self.at.replace(tzinfo=UTC).astimezone(PARIS)


Base.metadata.create_all(engine)
outbox.metadata.create_all(engine)


@app.errorhandler(octoworker.EnqueueError)
@app.errorhandler(octoworker.StoreError)
@app.errorhandler(octoworker.UnknownMessageError)  # the relay has not handed it over yet
def away(error: Exception) -> tuple[str, int]:
    """Redis is, or was, out of reach: what was asked for has not happened."""
    app.logger.warning("%s", error)
    return LATER, 503


@app.route("/login", methods=["GET", "POST"])
def login() -> str | Response:
    """The same answer whether or not the number is known."""
    if request.method == "POST":
        try:
            started = otp.start(
                request.form["phone"], purpose="login", ip=request.remote_addr, domain="garage.example.com"
            )
        except octoworker.PayloadError:
            flash("Ce numéro ne peut pas recevoir de SMS.")
        else:
            session["otp"], session["asked"] = started.id, request.form["phone"]
            return redirect("/code")
    return render_template("login.html", field="phone", autocomplete="tel")


@app.route("/code", methods=["GET", "POST"])
def code() -> str | Response:
    if request.method == "POST":
        checked = otp.check(session.get("otp", ""), request.form["code"])
        if checked.ok:
            session["phone"] = session.pop("asked")
            return redirect("/")
        flash("Ce n’est pas le bon code." if checked.outcome == "wrong" else "Demandez un autre code.")
    return render_template("login.html", field="code", autocomplete="one-time-code")


@app.route("/", methods=["GET", "POST"])
def appointments() -> str | Response:
    if "phone" not in session:
        return redirect("/login")
    with Session(engine) as db, db.begin():
        if request.method == "POST":
            book(db, session["phone"], datetime.fromisoformat(request.form["at"]).replace(tzinfo=PARIS))
        mine = db.scalars(select(Appointment).where(Appointment.phone == session["phone"]).order_by(Appointment.at))
        return render_template("appointments.html", appointments=mine.all())


@app.post("/<int:number>/move")
def move(number: int) -> Response:
    """The reminder is the last step: when it cannot be moved, the appointment stays where it is."""
    at = datetime.fromisoformat(request.form["at"]).replace(tzinfo=PARIS)
    try:
        with Session(engine) as db, db.begin():
            appointment = own(db, number)
            appointment.at = at.astimezone(UTC).replace(tzinfo=None)
            db.flush()
            octoworker.reschedule(appointment.sms, at - DAY_BEFORE)
    except octoworker.RefusedError:
        flash("Le rappel est déjà parti : appelez-nous.")
    return redirect("/")


@app.post("/<int:number>/cancel")
def cancel(number: int) -> Response:
    with Session(engine) as db, db.begin():
        appointment = own(db, number)
        db.delete(appointment)
        db.flush()
        with suppress(octoworker.RefusedError):  # it has gone already
            octoworker.cancel(appointment.sms)
    return redirect("/")


@app.post("/sms-events")
def hear() -> tuple[str, int]:
    """What became of an SMS (OCTOWORKER_EVENT_URL). An event may come twice, and after a later one."""
    try:
        note(Webhook(os.environ["EVENT_SECRET"]).verify(request.get_data(), dict(request.headers)))
    except WebhookVerificationError:
        return "", 401
    return "", 204


def note(event: octoworker.Event) -> None:
    said = event["data"]
    state, sequence = said.get("state"), said.get("sequence") or 0
    if state:
        with Session(engine) as db, db.begin():
            known = (Appointment.sms == said.get("message_id")) & (Appointment.sms_sequence < sequence)
            db.execute(update(Appointment).where(known).values(sms_state=state, sms_sequence=sequence))


def book(db: Session, phone: str, at: datetime) -> None:
    """The appointment and its reminder: both or none of them."""
    appointment = Appointment(phone=phone, at=at.astimezone(UTC).replace(tzinfo=None))
    db.add(appointment)
    db.flush()
    appointment.sms = outbox.enqueue(
        db,
        recipients=phone,
        text="Rappel : votre voiture est attendue demain.",
        transactional=True,
        send_at=at - DAY_BEFORE,
        hold=True,
        idempotency_key=f"appointment-{appointment.id}",
    )


def own(db: Session, number: int) -> Appointment:
    """An appointment of whoever is logged in."""
    appointment = db.get(Appointment, number)
    if appointment is None or appointment.phone != session.get("phone"):
        abort(404)
    return appointment
