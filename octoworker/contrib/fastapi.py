"""octoworker in FastAPI: its errors as answers, and an SMS in the transaction of a request's session.

app = FastAPI()
handle_errors(app)
InTransaction = Annotated[Sms, Depends(sms_in(get_session))]

@app.post("/bookings")
def book(booking: Booking, session: Annotated[Session, Depends(get_session)], sms: InTransaction):
    session.add(...)
    sms.enqueue(recipients=booking.phone, text="Your table is booked.", transactional=True)
    session.commit()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from octoworker import errors
from octoworker.sms.shapes import SmsArguments

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

STATUS: Mapping[type[errors.OctoworkerError], int] = MappingProxyType(
    {
        errors.PayloadError: 422,
        errors.UnknownMessageError: 404,
        errors.KeyConflictError: 409,
        errors.RefusedError: 409,
        errors.EnqueueError: 503,
        errors.StoreError: 503,
    }
)
"""What a request is answered with; 500 for what stands in no line: a setting is wrong, or an operator is needed."""


def handle_errors(app: FastAPI) -> None:
    """An error of octoworker's becomes `{"detail": "its sentence"}`, with its status. No sentence holds a number or a text."""
    app.add_exception_handler(errors.OctoworkerError, _answer)


def status_of(error: errors.OctoworkerError) -> int:
    """The status for an error: of the nearest class above it that has one."""
    return next((STATUS[each] for each in type(error).__mro__ if each in STATUS), 500)


class Sms:
    """Sends in the transaction of a session (`octoworker.contrib.sqlalchemy`)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def enqueue(self, **message: Unpack[SmsArguments]) -> str:
        """A row of the outbox, and its message id. It goes when the session commits."""
        from octoworker.contrib.sqlalchemy import enqueue  # noqa: PLC0415 - whoever handles errors alone needs no SQLAlchemy

        return enqueue(self._session, **message)


def sms_in(get_session: Callable[..., Any]) -> Callable[..., Sms]:
    """A dependency with the session that this one gives: within a request both are the same."""

    def sms(session: Any = Depends(get_session)) -> Sms:  # noqa: B008 - FastAPI's own form
        return Sms(session)

    return sms


async def _answer(request: Request, error: Exception) -> JSONResponse:
    del request
    known = error if isinstance(error, errors.OctoworkerError) else errors.OctoworkerError(str(error))
    return JSONResponse({"detail": str(known)}, status_of(known))
