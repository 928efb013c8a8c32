"""The shapes of what a web app gives and gets, for its type checker: arguments, records, events. They cost nothing to import.

    def remind(booking: Booking) -> None:
        sms: octoworker.SmsArguments = {"recipients": booking.phone, "text": "...", "lane": "normal"}
        octoworker.enqueue(**sms)

The contract's names and no others, so that a checker finds what is misspelt; what the arguments mean stands in `enqueue`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, Protocol, Required
from uuid import UUID

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:  # pydantic, and so FastAPI, reads no other before 3.12
    from typing_extensions import TypedDict

LaneName = Literal["urgent", "normal", "bulk"]
"""The lanes, the most urgent first."""

SmsType = Literal["FR", "XXX", "WWW"]
"""Premium for France, low cost, world."""

StateName = Literal[
    "scheduled",
    "queued",
    "submitting",
    "waiting",
    "unknown",
    "accepted",
    "delivered",
    "undelivered",
    "rejected",
    "expired",
    "cancelled",
    "dead",
]
"""Where a message is."""

RecallState = Literal["requested", "calling", "in_doubt", "needs_review", "refused"]
"""Where a request to take back what Octopush holds stands: a worker is to ask, asks, asks again because an answer was lost; an
operator must look; it was refused, and the message goes out. Of one that was granted the message's own state tells."""

EventName = Literal[
    "sms.accepted",
    "sms.delivered",
    "sms.undelivered",
    "sms.rejected",
    "sms.expired",
    "sms.dead",
    "sms.unknown",
    "sms.cancelled",
    "sms.reply",
    "sms.optout",
]
"""The kinds of events that a web app gets."""


class LazyText(Protocol):
    """A translation that is looked up late, as Django's `gettext_lazy` gives: not a str, and with the methods of one."""

    def encode(self, encoding: str = ..., errors: str = ..., /) -> bytes:
        """As a str's."""


class PhoneNumber(Protocol):
    """A number of the library phonenumbers, or of django-phonenumber-field."""

    @property
    def country_code(self) -> int | None:
        """As in +33."""

    @property
    def national_number(self) -> int | None:
        """Without the zero in front."""


Text = str | LazyText
Number = str | PhoneNumber | LazyText
Words = str | UUID | LazyText
Instant = datetime | str | float
"""An aware datetime, ISO-8601 with an offset, or epoch seconds."""


class Consent(TypedDict):
    """What marketing rests on, as its sender keeps it. `date`: a day in ISO-8601, or a date."""

    id: str
    date: str | date
    source: str


class SmsOptions(TypedDict, total=False):
    """What can be said of a message beside whom it goes to and what it says. What is left out, or None, is as the settings say."""

    sms_type: SmsType | None
    sender: Text | None
    transactional: bool | None
    with_replies: bool | None
    send_at: Instant | None
    hold: bool | None
    expires_at: Instant | None
    reference: Words | None
    lane: LaneName | None
    consent: Consent | None


class SmsArguments(SmsOptions, total=False):
    """The arguments of a message."""

    recipients: Required[Number | Sequence[Number]]
    text: Required[Text]
    idempotency_key: Words | None


class RecipientRecord(TypedDict, total=False):
    """What became of one recipient. `word` and `word_at`: the operator's word on delivery, and its time."""

    state: Required[str]
    country: str | None
    cost: str | None
    segments: int | None
    error_code: str | None
    reason: str | None
    word: str | None
    word_at: str | None


class MoveRecord(TypedDict):
    """One line of the history. `at`: UTC, ISO-8601 with milliseconds and a Z."""

    at: str
    state: StateName
    reason: str


class ActRecord(TypedDict):
    """What somebody did by hand. `at` as in the history; `who` and `where`: a user's name and a host's, which nobody proves."""

    at: str
    act: str
    who: str
    where: str


class RemarkRecord(TypedDict):
    """A rule of a country that a message meets. `does`: warn, or refuse; `people`: how many of its recipients are there."""

    kind: str
    country: str
    does: Literal["warn", "refuse"]
    people: int
    says: str


class RecallRecord(TypedDict):
    """What became of a request to take back what Octopush holds for later. `send_at`: when it shall go out instead."""

    state: RecallState
    reason: str
    send_at: str | None


class ReplyRecord(TypedDict):
    """What a recipient answered. `at`: when it came in, as in the history; `word_at`: the operator's time, as it wrote it."""

    number: str
    text: str
    at: str
    word_at: str


class PartRecord(TypedDict):
    """A message to several countries goes to each at its own hour: this is the part for one, a message of its own."""

    message_id: str
    state: StateName
    people: int
    due_at: str | None
    cost: str | None
    reason: str


class HintRecord(TypedDict):
    """A receipt to a number of a message that has no ticket: perhaps its own. It proves nothing and has moved nothing."""

    word: str
    word_at: str
    ticket: str
    at: str


class MessageRecord(TypedDict):
    """All that is known of a message. Money is a decimal string; `recipients` has the numbers in clear."""

    message_id: str
    state: StateName
    lane: str
    reference: str | None
    ticket: str | None
    error_code: str | None
    reason: str
    confirmed: bool | None
    cost: str | None
    balance: str | None
    currency: str | None
    sending_date: int | None
    due_at: str | None
    segments: int | None
    attempts: int
    account: str | None
    recall: RecallRecord | None
    correlation: str | None
    forgotten_at: str | None
    shortened_at: str | None
    recipients: dict[str, RecipientRecord]
    consent: Consent | None
    remarks: list[RemarkRecord]
    replies: list[ReplyRecord]
    hint: HintRecord | None
    no_receipt: str | None
    parent: str | None
    parts: dict[str, PartRecord]
    history: list[MoveRecord]
    acts: list[ActRecord]


class EventData(TypedDict, total=False):
    """What an event says of its message. `number` and `text` only of a reply or a STOP, and only when a setting says so."""

    message_id: str | None
    reference: str | None
    state: StateName | None
    reason: str | None
    error_code: str | None
    recipient_index: int | None
    campaign: str | None
    sequence: int | None
    remarks: list[RemarkRecord]
    parent: str
    country: str
    number: str
    text: str


class Event(TypedDict):
    """What the web app's task is called with. The same `id` may come more than once."""

    id: str
    type: EventName
    timestamp: str
    data: EventData
