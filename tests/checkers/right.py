"""What a web app writes, and a type checker must take. `make check-types` reads it; nothing runs it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol, assert_type
from uuid import UUID

import octoworker
from octoworker import (
    Event,
    MessageId,
    MessageRecord,
    SmsArguments,
    aenqueue,
    astatus,
    campaign,
    cancel,
    check,
    enqueue,
    enqueue_many,
    reschedule,
    status,
)


class LibraryNumber:
    """As the library phonenumbers has it."""

    country_code: int | None = 33
    national_number: int | None = 612345678


class Lazy(Protocol):
    """As `gettext_lazy` gives it."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes: ...


def remind(number: LibraryNumber, text: Lazy, booking: UUID) -> str:
    message_id = enqueue(
        recipients=[number, "06 12 34 56 79"],
        text=text,
        transactional=True,
        send_at=datetime.now(UTC),
        hold=True,
        idempotency_key=booking,
        lane="urgent",
        sms_type="FR",
        expires_at=None,
    )
    assert_type(message_id, MessageId)
    return message_id


def many(rows: list[tuple[str, str]]) -> list[MessageId]:
    messages: Iterator[SmsArguments] = ({"recipients": number, "text": text} for number, text in rows)
    enqueue_many([{"recipients": "0612345678", "text": "Bonjour", "lane": "bulk"}])
    return enqueue_many(messages)


def follow(message_id: str) -> str:
    record = status(message_id)
    assert_type(record, MessageRecord | None)
    if record is None:
        return "never taken"
    if record["state"] == "delivered":
        return record["history"][-1]["at"]
    return ", ".join(number for number, each in record["recipients"].items() if each["state"] == "rejected")


def move(message_id: str) -> None:
    try:
        reschedule(message_id, datetime.now(UTC))
        cancel(message_id)["reason"].upper()
        gone = cancel(message_id, missing_ok=True)
        assert_type(gone, MessageRecord | None)
    except octoworker.RefusedError as error:
        print(error)
    except (octoworker.UnknownMessageError, octoworker.StoreError):
        raise


def book(number: str) -> str:
    found = check(recipients=number, text="Bonjour", hold=True)
    if not found or found.cost is None or found.how == "held":
        return ", ".join(found.problems)
    return enqueue(recipients=number, text="Bonjour", idempotency_key="booking-1", replace=True).state or "on its way"


async def by_coroutine(number: str) -> MessageRecord | None:
    message_id = await aenqueue(recipients=number, text="Bonjour")
    assert_type(message_id, MessageId)
    return await astatus(message_id)


def sale() -> str:
    return campaign("Bonjour {prenom}", [{"recipient": "0612345678", "prenom": "Zoé"}], lane="bulk", sender="MyShop")


def hear(event: Event) -> None:
    if event["type"] == "sms.undelivered":
        print(event["data"].get("reference"))


def by_celery() -> str:
    return str(octoworker.send_sms.delay(recipients="0612345678", text="Bonjour", lane="urgent").id)
