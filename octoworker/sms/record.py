"""The life of a message: its states, the legal moves between them, and its shape outside Redis.

    queued ─► submitting ─► accepted ─► delivered | undelivered
      │           ├─► waiting ─► queued     (pace, retry, pause: the scheduler brings it back)
      │           ├─► unknown ─► queued     (may have been sent: the same key again, then an operator)
      │           ├─► rejected | dead
      ├─► scheduled ─► queued               (held here until due)
      └─► expired | cancelled | rejected

Redis holds a record as a hash of strings; here it is a frozen value. Instants in Redis are milliseconds of Redis' clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast, get_args

from octoworker.sms.shapes import (
    ActRecord,
    Consent,
    HintRecord,
    MessageRecord,
    MoveRecord,
    PartRecord,
    RecallRecord,
    RecallState,
    RecipientRecord,
    RemarkRecord,
    ReplyRecord,
)


class State(StrEnum):
    """Where a message is. The words are the public contract."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SUBMITTING = "submitting"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DEAD = "dead"


_S = State

MOVES: Mapping[State, frozenset[State]] = {
    _S.QUEUED: frozenset(
        {
            *(_S.SUBMITTING, _S.SCHEDULED, _S.WAITING, _S.UNKNOWN, _S.QUEUED),
            *(_S.ACCEPTED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED, _S.DEAD),
        }
    ),
    _S.SCHEDULED: frozenset(
        {
            *(_S.QUEUED, _S.WAITING, _S.SUBMITTING, _S.SCHEDULED, _S.UNKNOWN),
            *(_S.ACCEPTED, _S.REJECTED, _S.CANCELLED, _S.EXPIRED),
        }
    ),
    _S.SUBMITTING: frozenset({_S.ACCEPTED, _S.WAITING, _S.UNKNOWN, _S.REJECTED, _S.DEAD}),
    _S.WAITING: frozenset(
        {
            *(_S.QUEUED, _S.SCHEDULED, _S.SUBMITTING, _S.WAITING, _S.UNKNOWN),
            *(_S.ACCEPTED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED),
        }
    ),
    _S.UNKNOWN: frozenset({_S.QUEUED, _S.SUBMITTING, _S.UNKNOWN, _S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED, _S.DEAD}),
    _S.ACCEPTED: frozenset({_S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED, _S.CANCELLED, _S.WAITING, _S.DEAD, _S.QUEUED}),
    _S.UNDELIVERED: frozenset({_S.DELIVERED, _S.QUEUED}),
    _S.DELIVERED: frozenset(),
    _S.REJECTED: frozenset({_S.QUEUED}),
    _S.EXPIRED: frozenset({_S.QUEUED}),
    _S.CANCELLED: frozenset({_S.QUEUED}),
    _S.DEAD: frozenset({_S.QUEUED, _S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED}),
}
"""Every move that a script makes. What was sent in part ends as accepted from where the rest waited. From an end state, `queued`
is an operator's replay, or its caller takes it again; from `queued`, its content was replaced; the others are stronger facts. What
was accepted unconfirmed is confirmed, or is dead when an operator did not find it at the provider. What the provider holds for later
is cancelled, or waits to be handed over for another time, once the provider has said that it is gone. After Redis went back to an
older state, what may have moved since is `unknown` from wherever it waited."""

FINAL = frozenset({_S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED, _S.DEAD})
"""States that no machine leaves by itself."""

UNSENT = frozenset({_S.REJECTED, _S.EXPIRED, _S.CANCELLED, _S.DEAD})
"""States in which it is over without having been sent, unless it is in doubt."""

SENT = frozenset({_S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED})
"""States in which the provider has taken the message."""

MAYBE_SENT = frozenset({_S.SUBMITTING, _S.UNKNOWN, _S.ACCEPTED, _S.DELIVERED, _S.UNDELIVERED})
"""States in which the handset may have got it, so that a replay needs an operator to insist."""


@dataclass(frozen=True)
class Move:
    """One line of the history."""

    at: datetime
    state: State
    reason: str

    def as_json(self) -> MoveRecord:
        return {"at": iso(self.at), "state": self.state.value, "reason": self.reason}


@dataclass(frozen=True)
class Act:
    """What somebody did to it by hand."""

    at: datetime
    act: str
    who: str
    where: str

    def as_json(self) -> ActRecord:
        return {"at": iso(self.at), "act": self.act, "who": self.who, "where": self.where}


@dataclass(frozen=True)
class Recall:
    """What became of a request to take back what the provider holds for later."""

    state: RecallState
    reason: str = ""
    send_at: datetime | None = None
    """When it shall go out instead; None: never."""

    @property
    def open(self) -> bool:
        """Whether more is to come of it, by a worker or by an operator."""
        return self.state != "refused"

    def as_json(self) -> RecallRecord:
        return {"state": self.state, "reason": self.reason, "send_at": iso(self.send_at) if self.send_at else None}


@dataclass(frozen=True)
class Reply:
    """What a recipient answered. `repr` shows no number and no text."""

    number: str = field(repr=False)
    text: str = field(repr=False)
    arrived_at: datetime
    word_at: str = ""
    """The operator's time, as it wrote it."""

    def as_json(self) -> ReplyRecord:
        return {"number": self.number, "text": self.text, "at": iso(self.arrived_at), "word_at": self.word_at}


@dataclass(frozen=True)
class Hint:
    """A receipt to a number of this message, which has no ticket: perhaps its own. It proves nothing and moved nothing."""

    word: str
    word_at: str
    ticket: str
    arrived_at: datetime

    def as_json(self) -> HintRecord:
        return {"word": self.word, "word_at": self.word_at, "ticket": self.ticket, "at": iso(self.arrived_at)}


RECEIPT_WITHIN = timedelta(hours=48)
"""Operators give up after so long: what has no receipt then gets none."""

NO_RECEIPT = {
    "XXX": "low cost gets no receipts: it stays accepted",
    "": "no receipt came within 48 hours, so none will: it stays accepted",
}
"""Why no word on delivery is to be waited for, by type; "": of any."""

ROUNDING = timedelta(minutes=1)
"""Octopush keeps a time to the minute: what is echoed closer than this to the hand-over went at once."""


@dataclass(frozen=True)
class Record:
    """All we know of a message. `repr` shows no number and no text."""

    message_id: str
    state: State
    lane: str = "normal"
    reference: str | None = None
    ticket: str | None = None
    error_code: str | None = None
    reason: str = ""
    cost: str | None = None
    balance: str | None = None
    currency: str | None = None
    sending_date: int | None = None
    due_at: datetime | None = None
    segments: int | None = None
    attempts: int = 0
    maybe_sent: bool = False
    confirmed: bool | None = None
    """Of a message that was accepted: whether an answer of Octopush, a receipt or a person says so. None: of any other."""
    created_at: datetime | None = None
    recipients: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    remarks: tuple[RemarkRecord, ...] = ()
    """What the rules of its countries said of it when it was first claimed."""
    campaign: str = ""
    parent: str = ""
    """The message to several countries that this is a part of."""
    parts: Mapping[str, PartRecord] = field(default_factory=dict)
    """By country: the parts of this one, which go to each at its own hour."""
    history: tuple[Move, ...] = ()
    acts: tuple[Act, ...] = ()
    """What people did to it."""
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    correlation: str = ""
    job_id: str = ""
    incarnation: str = ""
    """By which its content is told from the one that it replaced."""
    account: str = ""
    """The account that handed it over, or may have: no other one may ask for it again."""
    deliver_at: datetime | None = None
    """When it was asked to go out, of what was handed over for later."""
    recall_until: datetime | None = None
    """Until then the provider can be asked to take it back."""
    no_recall: str = ""
    """Why it cannot, of what was handed over for later."""
    recall: Recall | None = None
    forgotten_at: datetime | None = None
    """When a recipient was taken out of it."""
    shortened_at: datetime | None = None
    """When its story was shortened to what must be known of it."""
    replies: tuple[Reply, ...] = field(default=(), repr=False)
    """What recipients answered, as it came."""
    hint: Hint | None = None
    """Of a message without a ticket."""

    @classmethod
    def from_hash(cls, message_id: str, fields: Mapping[str, str]) -> Record:
        """Read what Redis holds. A field that is missing or odd is left out; the record stays readable."""
        arguments, state = _object(fields.get("payload")), State(fields["state"])
        return cls(
            message_id=message_id,
            state=state,
            lane=fields.get("lane", "normal"),
            reference=arguments.get("reference") if isinstance(arguments.get("reference"), str) else None,
            ticket=fields.get("ticket") or None,
            error_code=fields.get("error_code") or None,
            reason=fields.get("reason", ""),
            cost=fields.get("cost") or None,
            balance=fields.get("balance") or None,
            currency=fields.get("currency") or None,
            sending_date=_number(fields.get("sending_date")),
            due_at=_instant(fields.get("due")),
            segments=_number(fields.get("segments")),
            attempts=_number(fields.get("attempts")) or 0,
            maybe_sent=bool(fields.get("in_doubt_since")),
            confirmed=fields.get("confirmed") != "0" if state in SENT else None,
            account=fields.get("account") or "",
            deliver_at=_instant(fields.get("deliver_at")),
            recall_until=_instant(fields.get("recall_until")),
            no_recall=fields.get("no_recall", ""),
            recall=_recall(fields),
            created_at=_instant(fields.get("created")),
            recipients=_with_receipts(_each(fields.get("outcomes")), _each(fields.get("receipts"))),
            remarks=tuple(_objects(fields.get("remarks"))),
            campaign=fields.get("campaign", ""),
            parent=fields.get("parent", ""),
            parts={country: _part(part) for country, part in _each(fields.get("parts")).items()},
            history=tuple(_moves(fields.get("history", ""), _number(fields.get("created")))),
            acts=tuple(_acts(fields.get("acts", ""))),
            arguments=arguments,
            correlation=fields.get("correlation", ""),
            job_id=fields.get("job_id", message_id),
            incarnation=fields.get("incarnation", ""),
            forgotten_at=_instant(fields.get("forgotten")),
            shortened_at=_instant(fields.get("shortened")),
            replies=tuple(_replies(fields.get("replies"))),
            hint=None if fields.get("ticket") else _hint(_object(fields.get("hint"))),
        )

    @property
    def consent(self) -> Consent | None:
        """What it rests on, when its sender said so."""
        found = self.arguments.get("consent")
        return cast("Consent", found) if isinstance(found, dict) else None

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def no_receipt(self) -> str:
        """Why no word on delivery will come, of an accepted message; "" while one may."""
        if self.state is not State.ACCEPTED or any(each.get("word") for each in self.recipients.values()):
            return ""
        if self.arguments.get("sms_type") == "XXX":
            return NO_RECEIPT["XXX"]
        taken = next((move.at for move in reversed(self.history) if move.state == State.ACCEPTED), None)
        since = self.goes_out_at or taken
        return NO_RECEIPT[""] if since and datetime.now(UTC) - since > RECEIPT_WITHIN else ""

    @property
    def goes_out_at(self) -> datetime | None:
        """When Octopush sends what was handed over for later; None when it went at once, or is not with Octopush."""
        taken = next((move.at for move in reversed(self.history) if move.state == State.ACCEPTED), None)
        at = self._echoed() if self.sending_date is not None else self.deliver_at
        return at if at and taken and at - taken > ROUNDING else None

    def _echoed(self) -> datetime | None:
        try:
            return datetime.fromtimestamp(self.sending_date or 0, UTC)
        except (ValueError, OverflowError, OSError):  # what Octopush echoes is not ours to trust
            return None

    @property
    def days_ago(self) -> bool:
        """Whether a move of it needs its day to be understood: not all of them were today."""
        today = datetime.now(UTC).date()
        return any(move.at.date() != today for move in self.history)

    def as_json(self) -> MessageRecord:
        """The record as the contract shows it, with the numbers in clear: for the caller's own eyes."""
        return {
            "message_id": self.message_id,
            "state": self.state.value,
            "lane": self.lane,
            "reference": self.reference,
            "ticket": self.ticket,
            "error_code": self.error_code,
            "reason": self.reason,
            "confirmed": self.confirmed,
            "cost": self.cost,
            "balance": self.balance,
            "currency": self.currency,
            "sending_date": self.sending_date,
            "due_at": iso(self.due_at) if self.due_at else None,
            "segments": self.segments,
            "attempts": self.attempts,
            "account": self.account or None,
            "recall": self.recall.as_json() if self.recall else None,
            "correlation": self.correlation or None,
            "forgotten_at": iso(self.forgotten_at) if self.forgotten_at else None,
            "shortened_at": iso(self.shortened_at) if self.shortened_at else None,
            "recipients": {number: cast("RecipientRecord", dict(each)) for number, each in self.recipients.items()},
            "consent": self.consent,
            "remarks": list(self.remarks),
            "replies": [reply.as_json() for reply in self.replies],
            "hint": self.hint.as_json() if self.hint else None,
            "no_receipt": self.no_receipt or None,
            "parent": self.parent or None,
            "parts": dict(self.parts),
            "history": [move.as_json() for move in self.history],
            "acts": [act.as_json() for act in self.acts],
        }

    def masked(self) -> dict[str, Any]:
        """The record as Celery may keep it: recipients as a list with masked numbers, for two can look alike."""
        listed = [{"recipient": mask(number), **outcome} for number, outcome in self.recipients.items()]
        replies = [{"recipient": mask(reply.number), "at": iso(reply.arrived_at)} for reply in self.replies]
        return {**self.as_json(), "recipients": listed, "replies": replies, "reference": None, "consent": None}


_WORDS = frozenset(state.value for state in State)


def mask(number: str) -> str:
    """`+336…78`: enough to recognise one's own number, too little to call it. `06…78` of a national one, whose first
    figures are already the subscriber's."""
    begin = 4 if number.startswith(("+", "00")) else 2
    return f"{number[:begin]}…{number[-2:]}" if len(number) > 7 else "…"


def iso(at: datetime) -> str:
    """UTC with milliseconds and a Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


END_MS = 253_402_300_800_000
"""The year 10000, in which no instant can be."""


def from_ms(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _recall(fields: Mapping[str, str]) -> Recall | None:
    state = fields.get("recall")
    if state not in get_args(RecallState):
        return None
    return Recall(cast("RecallState", state), fields.get("recall_reason", ""), _instant(fields.get("recall_to")))


def _instant(text: str | None) -> datetime | None:
    number = _number(text)
    return from_ms(number) if number and 0 < number < END_MS else None


def _number(text: str | None) -> int | None:
    try:
        return int(float(text)) if text else None
    except (ValueError, OverflowError):
        return None


def _each(text: str | None) -> dict[str, Any]:
    """An object of objects; what is none is left out."""
    return {name: value for name, value in _object(text).items() if isinstance(value, dict)}


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _part(kept: Mapping[str, Any]) -> PartRecord:
    return {
        "message_id": kept["id"],
        "state": kept["state"],
        "people": kept["people"],
        "due_at": None,
        "cost": None,
        "reason": kept.get("reason") or "",
    }


def _objects(text: str | None) -> list[Any]:
    try:
        value = json.loads(text or "[]")
    except ValueError:
        return []
    return value if isinstance(value, list) else []


def _hint(found: Mapping[str, Any]) -> Hint | None:
    arrived = _instant(str(found.get("arrived") or ""))
    return Hint(str(found["word"]), str(found["at"]), str(found["ticket"]), arrived) if arrived else None


def _replies(text: str | None) -> Iterator[Reply]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict) and (arrived := _instant(str(each.get("arrived")))):
            yield Reply(str(each.get("number")), str(each.get("text")), arrived, str(each.get("at") or ""))


_SAID = frozenset({State.DELIVERED.value, State.UNDELIVERED.value})
"""What a receipt says that is a recipient's state; all else is a word on the way."""


def _whole(outcome: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a call brought, with the code that it is kept without when there is none."""
    return {**outcome, "error_code": outcome.get("error_code")} if "country" in outcome else outcome


def _with_receipts(
    outcomes: Mapping[str, Mapping[str, Any]], receipts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """What became of each recipient: of its call, and by the operator's word since, with the operator's time."""
    shown = {number: _whole(outcome) for number, outcome in outcomes.items()}
    for number, receipt in receipts.items():
        said = {"word": receipt.get("word"), "word_at": receipt.get("at")}
        state = {"state": receipt["state"]} if receipt.get("state") in _SAID else {}
        shown[number] = {**shown.get(number, {"state": State.ACCEPTED.value}), **state, **said}
    return shown


def _acts(lines: str) -> Iterator[Act]:
    """One line per act: milliseconds, act, who, where, separated by `|`."""
    for line in lines.splitlines():
        at, *rest = line.split("|")
        if (milliseconds := _number(at)) is not None and len(rest) == 3:
            yield Act(from_ms(milliseconds), *rest)


def _moves(lines: str, created: int | None) -> list[Move]:
    """One line per move: milliseconds, state, reason, separated by `|`. After a `+` they count from the first, which is left out
    where it says that the message was queued when it was taken (`lua/lib/message.lua`)."""
    if created is not None and (not lines or lines.startswith("+")):
        lines = f"{created}|{State.QUEUED.value}|\n{lines}"
    moves, begin = [], _number(lines.partition("|")[0]) or 0
    for line in lines.splitlines():
        at, _, rest = line.partition("|")
        state, _, reason = rest.partition("|")
        if (milliseconds := _number(at)) is None:
            continue
        if at.startswith("+"):
            milliseconds += begin
        if 0 <= milliseconds < END_MS and state in _WORDS:
            moves.append(Move(from_ms(milliseconds), State(state), reason))
    return moves
