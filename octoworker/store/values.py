"""What a worker brings to the store, and what it gets back. Frozen, and no `repr` shows a number or a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from octoworker.sms.record import Record, State
from octoworker.store.units import NO_TIME, instant


@dataclass(frozen=True)
class ClaimRequest:
    """What a worker brings to a claim. Instants are aware. `repr` shows no payload."""

    message_id: str
    fingerprint: str
    lane: str
    payload: str = field(repr=False)
    job_id: str = ""
    """Celery's id of the job, when it is not the message's own: later jobs keep it, so that its result is kept up."""
    segments: int = 0
    ours: bool = False
    """A job that we published, for a message that had its record then. Without a record it is not sent."""
    published_at: int | None = None
    """Where this job stands in its queue, as a Wakeup said it (ms of Redis' clock). None: it is the message's first."""
    hold_until: datetime | None = None
    closed_until: datetime | None = None
    refuse_before: datetime | None = None
    expires_at: datetime | None = None
    deliver_at: datetime | None = None
    """When Octopush sends it, which is handed over now and holds it until then."""
    past_reason: str = ""
    marketing: bool = False
    day: str = ""
    """The day in Paris, for what is counted by day."""
    opt_outs: Mapping[str, Sequence[str]] | None = field(default=None, repr=False)
    """Each recipient, and the hashes under which it may stand in the list of opt-outs."""
    refused: Mapping[str, str] | None = field(default=None, repr=False)
    """Recipients whom a rule of their country refuses, and in a word why."""
    refusal: str = ""
    """The same in a sentence, for a message that goes to nobody."""
    remarks: Sequence[Mapping[str, Any]] = ()
    """What the rules of its countries say of it, as the record keeps it."""
    parts: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    """Marketing to countries that open at different times: country, id, payload, fingerprint and people of each part."""
    unread: Mapping[str, Mapping[str, Any]] | None = field(default=None, repr=False)
    """With `parts`: the outcomes of those who were listed and could not be read."""
    planned_at: datetime | None = None
    """Redis' clock, as its worker knew it, when all this was planned."""
    cap_request: Mapping[str, Any] | None = None
    """What the caps need to know (limits.cap_request_of)."""
    readers: Mapping[str, Sequence[str]] | None = field(default=None, repr=False)
    """Marketing with a weekly cap: each recipient, and the hashes under which it may have been counted."""
    found_by: Sequence[str] = field(default=(), repr=False)
    """Hashes of its numbers and of its reference (sms.terms): from now on a search finds it."""
    correlation: str = ""
    """What the job's headers say; the record's own word wins."""
    incarnation: str = ""
    """The word that was drawn when its content was replaced last; "" of one that was never replaced."""


class NewMessage(NamedTuple):
    """A message to be taken. `fingerprint` is the digest of its content in the one form in which it is kept.

    A tuple, because a web app makes thousands of them at once; its `repr` shows no payload.
    """

    message_id: str
    fingerprint: str
    payload: str
    wording: str = ""
    """The digest of what was asked, as it was written, which no setting, clock or number plan changes."""
    people: int = 1
    """Recipients: what the progress of a campaign counts."""
    row: int = 0
    marks: tuple[str, ...] = ()
    """Of a campaign's: a hash for each person with this text, by which the next campaign knows who got it already."""

    def __repr__(self) -> str:
        return f"NewMessage({self.message_id!r})"


@dataclass(frozen=True)
class StoredRequest:
    """What the record of a message says that a job names by its id."""

    payload: str = field(repr=False)
    fingerprint: str
    incarnation: str = ""


@dataclass(frozen=True)
class QueuedJobs:
    """Jobs as the broker on this Redis keeps them, and the list they belong to."""

    queue: str
    jobs: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Lease:
    """The right to make one submit, until the lease ends. `token` fences the outcome."""

    token: int
    generation: int
    key_used_before: bool
    key_doubtful: bool
    attempts: int
    now: datetime
    """Redis' clock when it was given."""
    age: timedelta
    """Since the first attempt that counted."""
    unknown_for: timedelta
    """Since its key was first used without an answer."""
    pending: tuple[str, ...]
    """Recipients still to be sent to, when others of this message have their outcome. Empty: all."""
    earlier: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Outcomes of earlier submits of this message, by recipient."""
    earlier_cost: str = ""
    waited: timedelta = NO_TIME
    """Since the message might have gone: since it was taken, or was due."""
    correlation: str = ""
    """The web request that asked for it, or ""."""
    epoch: int = 0
    """How often any message had gone on to another key by then (lua/lib/epoch.lua)."""

    @property
    def on_a_new_key(self) -> bool:
        """Whether an earlier key of this message is given up, and this one is used for the first time."""
        return self.generation > 0 and not self.key_used_before


@dataclass(frozen=True)
class Done:
    """Nothing left to do here: the message is final, or an operator must look at it. `stopped`: this very claim made it so."""

    record: Record
    stopped: bool = False


@dataclass(frozen=True)
class Wait:
    """Not now. The due set knows when. `held`: this very claim made it wait."""

    record: Record
    held: bool = False


@dataclass(frozen=True)
class Busy:
    """Another worker is acting on it."""


@dataclass(frozen=True)
class Outdated:
    """It was planned for another time than Redis': nothing was changed. Plan it again, for the time that it is."""


@dataclass(frozen=True)
class Superseded:
    """The job is of a content that was replaced since: there is nothing to do."""


@dataclass(frozen=True)
class Conflict:
    """The id belongs to a message with other content."""


KeyUse = Literal["unused", "used", "next", "doubtful"]
"""What the submit did to its key: nothing, used it, spent it (take the next), or used it after a "maybe" and was refused."""

Claim = Lease | Done | Wait | Busy | Outdated | Conflict | Superseded


@dataclass(frozen=True)
class Outcome:
    """What to write after a submit. `delay` is None where no machine acts again."""

    state: State
    reason: str
    generation: int
    key: KeyUse = "used"
    counts: bool = True
    delay: timedelta | None = None
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    health: Literal["ok", "fault"] | None = None
    """What the call says about Octopush itself, whatever became of the message."""
    account_hold: str | None = None
    """The provider's code that refuses the account: all sending stops."""
    mended_by_credit: bool = False
    """Of that hold: credit ends it."""
    backlog: str | None = None
    """The backlog in which the message waits; then `delay` says nothing."""
    deliver_at: datetime | None = None
    """Handed over, and Octopush sends it then."""
    recall_until: datetime | None = None
    """Until then Octopush can be asked to cancel it. What cannot be cancelled says why not in its field `no_recall`."""
    opt_outs: Mapping[str, Sequence[str]] | None = field(default=None, repr=False)
    """Of marketing that Octopush sends later: the hashes by which a STOP of each recipient finds it."""
    day: str = ""
    spent: Decimal = Decimal(0)
    unsent: Mapping[str, Any] | None = field(default=None, repr=False)
    """What the caps counted of recipients of a message to several whom this call refused for good (limits.cap_request_of)."""
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    """What a segment cost, by country."""


@dataclass(frozen=True)
class Settled:
    """`fenced`: the lease was lost and the record is somebody else's now; then, and when nobody asked for it, `record`
    is None. `alerts`: said once, to whoever settled when it came true: on_hold, breaker_opened, breaker_closed,
    balance_low, spend_80, spend_100."""

    record: Record | None
    alerts: tuple[str, ...] = ()
    fenced: bool = False


ReceiptOutcome = Literal["moved", "noted", "same", "early", "unmatched"]


@dataclass(frozen=True)
class Receipt:
    """An operator's word on one recipient, to be matched by its ticket and number."""

    ticket: str
    number: str = field(repr=False)
    """E.164."""
    state: Literal["nothing", "underway", "undelivered", "delivered"]
    word: str
    at: str = ""
    """The operator's time, as it wrote it."""
    reason: str = ""
    """Why it is undelivered."""
    entry: str = ""
    """Its place in the inbox, which it leaves in the same step; "" when it came another way."""
    kept: str = field(default="{}", repr=False)
    """JSON (id, content) to put back into the inbox, once its ticket is known."""


@dataclass(frozen=True)
class Received:
    """What came of a receipt. `record` when it said something new."""

    outcome: ReceiptOutcome
    record: Record | None = None
    paused_campaign: bool = False
    """It was one failure too many among the first people of its campaign, which has paused itself."""


ReplyOutcome = Literal["kept", "same", "unmatched"]


@dataclass(frozen=True)
class Reply:
    """What somebody answered, to be kept with the message that has its ticket and its number."""

    ticket: str
    number: str = field(repr=False)
    """E.164."""
    text: str = field(repr=False)
    at: str
    """The operator's time, as it wrote it."""
    entry: str
    """Its place in the inbox, which it leaves in the same step."""
    event_id: str
    """Of its arrival."""
    reason: str
    """Why an operator finds it, when it belongs to no message."""
    content: str = field(repr=False)
    """What they find."""
    shown: bool = False
    """The event carries number and text."""


@dataclass(frozen=True)
class Wakeup:
    """A message whose job must be published now. `delay`: how far ahead of its instant it was taken."""

    message_id: str
    job_id: str
    lane: str
    payload: str = field(repr=False)
    delay: timedelta = NO_TIME
    found: str = "due"
    """`due`, `backlog` (it was its turn), `lease` (a worker that did not come back), `job` (a job that vanished)."""
    published_at: int = 0
    """Redis' clock when it was taken, ms: where its job stands in its queue. Its job carries it as it is, and only the store
    reads it again; up to a hundred are written in one look."""
    correlation: str = ""
    incarnation: str = ""
    by_job: bool = False
    """Its job came first, by Celery's own `send_task`: somebody may hold that job's result."""

    @property
    def at(self) -> datetime:
        """Its instant, by Redis' clock."""
        return instant(self.published_at) + self.delay

    @property
    def arguments(self) -> dict[str, Any]:
        value = json.loads(self.payload)
        return value if isinstance(value, dict) else {}
