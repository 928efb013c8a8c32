"""The records of an outbox: what Redis and the workers would make of a message, in memory and at once.

A message is read by the worker's own functions as soon as it is taken: it is rejected, held, or accepted by an Octopush that
takes everything. What only Octopush or a fleet can do (retries, pace, caps, pauses) does not happen here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from octoworker.client.testing.codes import Codes
from octoworker.config import Settings
from octoworker.errors import PayloadError, RefusedError, UnknownMessageError
from octoworker.sms import identity, instants, jobs, message, opt_outs, schedule
from octoworker.sms.recipient import country_of
from octoworker.sms.record import FINAL, SENT, UNSENT, Move, Record, State, iso
from octoworker.sms.shapes import Event, EventData, EventName
from octoworker.store import NO_JOB, Created, NewMessage, Opened, QueuedJobs
from octoworker.store.opt_outs import OptOut

TOLD = frozenset({*FINAL, State.UNKNOWN})
"""States that become events for the web app."""

BEFORE = frozenset({State.QUEUED, State.SCHEDULED, State.WAITING})
"""States from which nothing has gone."""


@dataclass
class Kept:
    """A message as it stands."""

    record: Record
    fingerprint: str
    wording: str
    payload: str = field(repr=False)
    campaign: str | None = None
    sms: message.Message | None = field(default=None, repr=False)
    """As it was read; None of one that was rejected."""


class Memory:
    """What the client asks of its store, without Redis. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.kept: dict[str, Kept] = {}
        self.events: list[Event] = []
        self.offset = timedelta(0)
        self.opt_outs = OptOuts()
        self.campaigns = Campaigns(self)
        self._lock = threading.RLock()
        self._sequence: dict[str, int] = {}
        self.codes = Codes(self.now)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def create(
        self,
        message_id: str,
        fingerprint: str,
        lane: str,
        payload: str,
        job: QueuedJobs = NO_JOB,
        *,
        wording: str = "",
        secret: bool = False,
    ) -> Created:
        """As Store.create."""
        del job, secret
        return self._take(NewMessage(message_id, fingerprint, payload, wording), lane)

    def create_many(
        self, lane: str, messages: Sequence[NewMessage], *, campaign: str | None = None, job: QueuedJobs = NO_JOB
    ) -> list[Created]:
        """As Store.create_many."""
        del job
        return [self._take(new, lane, campaign) for new in messages]

    def replace(self, new: NewMessage, lane: str, incarnation: str, job: QueuedJobs = NO_JOB) -> tuple[str, State]:
        """As Store.replace."""
        del incarnation, job
        with self._lock:
            kept = self.kept.get(new.message_id)
            if kept is None:
                return str(self._take(new, lane)), State.QUEUED
            before = kept.record.state
            if kept.payload == new.payload and before not in UNSENT:
                return "same", before
            if before not in BEFORE | UNSENT:
                return "gone", before
            kept.fingerprint, kept.wording, kept.payload = new.fingerprint, new.wording, new.payload
            kept.record = replace(
                kept.record, lane=lane, arguments=json.loads(new.payload), error_code=None, recipients={}
            )
            self.move(kept, State.QUEUED, "taken again by its caller" if before in UNSENT else "replaced by its caller")
            self._begin(kept)
            return "replaced", before

    def get(self, message_id: str) -> Record | None:
        """As Store.get."""
        kept = self.kept.get(message_id)
        return kept.record if kept else None

    def cancel(self, message_id: str) -> Record:
        """As Store.cancel."""
        with self._lock:
            kept = self._known(message_id)
            if kept.record.state not in BEFORE:
                raise RefusedError(f"The message cannot be changed (cancel): it is {kept.record.state}.")
            self.move(kept, State.CANCELLED, "cancelled by an operator")
            return kept.record

    def reschedule(
        self, message_id: str, due: datetime, payload: str, *, max_ahead: timedelta, incarnation: str = ""
    ) -> Record:
        """As Store.reschedule. Nothing is replaced meanwhile in one process that waits for this."""
        del incarnation
        with self._lock:
            kept, now = self._known(message_id), self.now()
            if due < now - instants.PAST_GRACE:
                raise RefusedError("send_at: that time has passed; choose a later one.")
            if due - now > max_ahead:
                raise RefusedError(
                    "send_at: that is further ahead than OCTOWORKER_MAX_AHEAD allows; choose an earlier time."
                )
            if kept.record.state is not State.SCHEDULED:
                raise RefusedError(f"The message cannot be changed (reschedule): it is {kept.record.state}.")
            kept.payload = payload
            kept.record = replace(kept.record, arguments=json.loads(payload))
            self.move(kept, State.SCHEDULED, "moved by an operator", due)
            return kept.record

    def by_job(self, arguments: Mapping[str, Any], job_id: str) -> str:
        """What `send_sms.delay` publishes. Returns the message's id."""
        plain = jobs.jsonable(arguments)
        message_id = identity.message_id_of(plain, job_id)
        self._take(NewMessage(message_id, identity.fingerprint(plain), json.dumps(plain)), "normal")
        return message_id

    def advance(self, by: timedelta) -> None:
        """The time goes on: what comes due by then is sent, in its order."""
        with self._lock:
            self.offset += by
            due = [each for each in self.kept.values() if each.record.state is State.SCHEDULED and each.record.due_at]
            for kept in sorted(due, key=lambda each: cast("datetime", each.record.due_at)):
                if cast("datetime", kept.record.due_at) <= self.now():
                    self.move(kept, State.QUEUED, "due")
                    self._begin(kept, held=True)

    def move(self, kept: Kept, to: State, reason: str, due: datetime | None = None) -> None:
        """One line of its history, and its event."""
        record = kept.record
        history = (*record.history, Move(self.now(), to, reason))
        confirmed = True if to in SENT else None
        kept.record = replace(record, state=to, reason=reason, due_at=due, history=history, confirmed=confirmed)
        if to in TOLD and to is not record.state:
            self.emit(kept, cast("EventName", f"sms.{to}"), state=to.value, reason=reason)

    def emit(self, kept: Kept | None, what: EventName, **more: Any) -> None:
        """Note an event."""
        message_id = kept.record.message_id if kept else f"{len(self.events):032x}"
        sequence = self._sequence[message_id] = self._sequence.get(message_id, 0) + 1
        data: EventData = {
            "message_id": kept.record.message_id if kept else None,
            "reference": kept.record.reference if kept else None,
            "state": kept.record.state.value if kept else None,
            "reason": None,
            "error_code": kept.record.error_code if kept else None,
            "recipient_index": None,
            "campaign": kept.campaign if kept else None,
            "sequence": sequence,
        }
        event = {
            "id": f"evt_{message_id}_{sequence}",
            "type": what,
            "timestamp": iso(self.now()),
            "data": {**data, **more},
        }
        self.events.append(cast("Event", event))

    def _known(self, message_id: str) -> Kept:
        if message_id not in self.kept:
            raise UnknownMessageError
        return self.kept[message_id]

    def _take(self, new: NewMessage, lane: str, campaign: str | None = None) -> Created:
        with self._lock:
            kept = self.kept.get(new.message_id)
            if kept is not None:
                return _known_as(kept, new)
            arguments, now = json.loads(new.payload), self.now()
            reference = arguments.get("reference")
            record = Record(
                new.message_id,
                State.QUEUED,
                lane=lane,
                reference=reference if isinstance(reference, str) else None,
                created_at=now,
                arguments=arguments,
                history=(Move(now, State.QUEUED, ""),),
                job_id=new.message_id,
            )
            kept = self.kept[new.message_id] = Kept(record, new.fingerprint, new.wording, new.payload, campaign)
            self._begin(kept)
            return "created"

    def _begin(self, kept: Kept, *, held: bool = False) -> None:
        """What a worker does with it. `held`: it was kept until now, so its time has come."""
        now = self.now()
        try:
            sms = message.parse(kept.record.arguments, self.settings.policy)
            plan = schedule.plan(sms, self.settings.time_rules, now)
        except PayloadError as error:
            kept.record = replace(kept.record, error_code=error.error_code)
            self.move(kept, State.REJECTED, str(error))
            return
        kept.sms = sms
        kept.record = replace(kept.record, lane=sms.lane, segments=sms.segments)
        wait = (
            None if held else max((at for at in (plan.hold_until, plan.closed_until) if at and at > now), default=None)
        )
        if plan.refuse_before and plan.refuse_before < now and not held:
            self.move(kept, State.REJECTED, schedule.PAST)
        elif plan.expires_at and plan.expires_at <= now:
            self.move(kept, State.EXPIRED, "expires_at had passed before it could be sent")
        elif wait:
            self.move(kept, State.SCHEDULED, "held until due", wait)
        else:
            self._send(kept, sms, plan, now)

    def _send(self, kept: Kept, sms: message.Message, plan: schedule.Plan, now: datetime) -> None:
        gone = {number: self._unwanted(number, sms) for number in sms.recipients}
        found: dict[str, dict[str, Any]] = {
            name: {"state": "rejected", "reason": why} for name, why in sms.refused.items()
        }
        for number, unwanted in gone.items():
            result: dict[str, Any] = (
                {"state": "rejected", "reason": "opted_out"}
                if unwanted
                else {"state": "accepted", "country": country_of(number), "segments": sms.segments, "error_code": None}
            )
            found[number] = result
        if all(gone.values()):
            kept.record = replace(kept.record, recipients=found)
            self.move(kept, State.REJECTED, "opted_out")
            return
        tickets = sum(1 for each in self.kept.values() if each.record.ticket)
        later = schedule.still_ahead(plan.hand_over_at, now)
        kept.record = replace(
            kept.record,
            recipients=found,
            ticket=f"test{tickets + 1:012}",
            error_code=None,
            attempts=kept.record.attempts + 1,
            deliver_at=later,
            sending_date=int(later.timestamp()) if later else None,
        )
        self.move(kept, State.ACCEPTED, "")

    def _unwanted(self, number: str, sms: message.Message) -> bool:
        entry = self.opt_outs.find(opt_outs.hashes(number, self.settings.opt_outs.number_keys))
        return entry is not None and (not sms.transactional or entry.scope == "all")


def _known_as(kept: Kept, new: NewMessage) -> Created:
    same = kept.fingerprint == new.fingerprint or (
        (kept.wording or kept.fingerprint) == (new.wording or new.fingerprint)
    )
    if not same:
        return "conflict"
    match kept.record.state:
        case State.CANCELLED:
            return "cancelled"
        case State.EXPIRED:
            return "expired"
        case State.REJECTED:
            return "rejected"
        case _:
            return "same"


class OptOuts:
    """Who said STOP in this test."""

    def __init__(self) -> None:
        self.entries: dict[str, OptOut] = {}

    def find(self, hashes: Sequence[str]) -> OptOut | None:
        """As the store's."""
        return next((self.entries[each] for each in hashes if each in self.entries), None)


class Campaigns:
    """What a campaign from Python asks of the store."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._places: dict[str, tuple[str, str]] = {}
        self._loaded: set[str] = set()

    def open(
        self, campaign: str, name: str, *, place: str = "", content: str = "", force: bool = False, region: str = ""
    ) -> Opened:
        """As the store's."""
        del name, region
        before, known = self._places.get(place, ("", ""))
        over = before in self._loaded or known != content
        if not before or (force and over):
            self._places[place] = (campaign, content)
        own, known = self._places[place]
        if known != content:
            return Opened(own, conflict=True)
        return Opened(own, finished=own in self._loaded)

    def loaded(self, campaign: str, *, people: int, refused: int) -> None:
        """As the store's."""
        del people, refused
        self._loaded.add(campaign)

    def stopped(self, campaign: str) -> bool:
        """As the store's."""
        del campaign
        return False

    def sent(self, people: Sequence[tuple[str, str]], *, but: str) -> list[bool]:
        """As the store's: who got this very text from another campaign."""
        from octoworker.client.campaigns.parts import mark_of  # noqa: PLC0415 - most tests send no campaign

        got = {
            (mark_of(number, kept.sms.text), number)
            for kept in self._memory.kept.values()
            if kept.campaign and kept.campaign != but and kept.sms and kept.record.state in SENT
            for number in kept.sms.recipients
        }
        return [each in got for each in people]
