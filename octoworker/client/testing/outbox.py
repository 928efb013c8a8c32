"""The outbox: a stand-in for Redis, workers and Octopush in the process of a test.

    with octoworker.testing.outbox() as outbox:
        remind(booking)                      # the app's own code, which calls octoworker.enqueue
        sms = outbox.only()
        assert sms.text == "Rendez-vous demain a 10 h"
        sms.deliver()                        # calls the app's handler of events

While it is open, everything that this process sends through octoworker stands in it, and nothing else is sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from celery import current_app
from celery.signals import before_task_publish

from octoworker import environment
from octoworker.client import client
from octoworker.client.testing.memory import Kept, Memory
from octoworker.config import Settings
from octoworker.errors import RefusedError
from octoworker.sms import jobs, opt_outs, people
from octoworker.sms.record import SENT, UNSENT, State
from octoworker.sms.shapes import Event, MessageRecord
from octoworker.store import Store
from octoworker.store.opt_outs import OptOut

Handler = Callable[[Event], object]
"""What the app does with an event."""

DEFAULTS = {"OCTOWORKER_SENDER": "Testing", "OCTOWORKER_HOURS": "off"}
"""Where nothing else is set: a web app need not know its workers' sender, and a test must not end otherwise at night."""

DELIVERED = {State.DELIVERED.value, State.UNDELIVERED.value}


class RealSendError(BaseException):
    """A job of octoworker's was about to be published while an outbox is open.

    Not an Exception, because Celery, whose signal stops the job, would log one of these and go on.
    """


class Sms:
    """A message in the outbox, as it stands now. `repr` shows no number and no text."""

    def __init__(self, outbox: Outbox, message_id: str) -> None:
        self._outbox = outbox
        self.id = message_id

    @property
    def _kept(self) -> Kept:
        return self._outbox.memory.kept[self.id]

    @property
    def text(self) -> str:
        """As it goes out; of one that was rejected as it was given."""
        return self._kept.sms.text if self._kept.sms else str(self._kept.record.arguments.get("text", ""))

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who gets it, in E.164; nobody when it was rejected."""
        return self._kept.sms.recipients if self._kept.sms else ()

    @property
    def sender(self) -> str | None:
        """What the handset shows."""
        return self._kept.sms.sender if self._kept.sms else None

    @property
    def state(self) -> str:
        """Where it is, as `octoworker.status` says it."""
        return self._kept.record.state.value

    @property
    def reason(self) -> str:
        """Why."""
        return self._kept.record.reason

    @property
    def due_at(self) -> datetime | None:
        """When it goes, of one that is held."""
        return self._kept.record.due_at

    @property
    def segments(self) -> int | None:
        """Billed segments for each recipient."""
        return self._kept.record.segments

    @property
    def reference(self) -> str | None:
        """The app's own words."""
        return self._kept.record.reference

    @property
    def record(self) -> MessageRecord:
        """All of it, as `octoworker.status` gives it."""
        return self._kept.record.as_json()

    def deliver(self, number: str | None = None) -> None:
        """A receipt: it arrived, at this number or at all. The app's handler is called."""
        self._receipt(State.DELIVERED, "DELIVERED", number)

    def fail(self, reason: str = "UNDELIVERED", number: str | None = None) -> None:
        """A receipt: it did not arrive, for good. The app's handler is called."""
        self._receipt(State.UNDELIVERED, reason, number)

    def reply(self, text: str, number: str | None = None) -> None:
        """Somebody who got it answers. STOP, however it is written, ends marketing to that number."""
        self._outbox.answered(self._kept, self._who(number)[0], text)

    def _who(self, number: str | None) -> tuple[str, ...]:
        if self._kept.record.state not in SENT:
            raise RefusedError(f"No handset has this SMS: it is {self.state}. Held ones go out by outbox.advance(...).")
        listed = self.recipients if number is None else people.read(number, self._outbox.policy).good
        got = tuple(each for each in listed if self._kept.record.recipients.get(each, {}).get("state") != "rejected")
        if not got:
            raise RefusedError("This SMS did not go to that number.")
        return got

    def _receipt(self, to: State, word: str, number: str | None) -> None:
        kept, said = self._kept, dict[str, Mapping[str, Any]](self._kept.record.recipients)
        for each in self._who(number):
            said[each] = {**said[each], "state": to.value, "word": word}
        kept.record = replace(kept.record, recipients=said)
        states = {each["state"] for each in said.values()} - {"rejected"}
        if states <= DELIVERED and kept.record.state is State.ACCEPTED:
            failed = State.UNDELIVERED.value in states
            self._outbox.memory.move(kept, State.UNDELIVERED if failed else to, word if failed else "")
        self._outbox.dispatch_events()

    def __repr__(self) -> str:
        return f"Sms({self.id}, {self.state})"


class Outbox(client.StandIn):
    """What was sent while it is open. Made by `outbox()`."""

    def __init__(self, environ: Mapping[str, str], handlers: Sequence[Handler]) -> None:
        shared, settings = environment.load(environ), Settings.load(environ)
        self.pid = os.getpid()
        self.max_ahead = shared.max_ahead
        self.policy = client.policy_of(shared)
        self.memory = Memory(settings)
        self.store = cast("Store", self.memory)
        self.event_task = settings.events.task
        self._handlers = list(handlers)
        self._dispatched = 0
        self.budget = client.BUDGET
        self.one_redis = False
        self._results = False

    @property
    def messages(self) -> list[Sms]:
        """All that was taken, in its order, whatever became of it."""
        return [Sms(self, message_id) for message_id in self.memory.kept]

    @property
    def sent(self) -> list[Sms]:
        """Those that went out."""
        return self._in(SENT)

    @property
    def held(self) -> list[Sms]:
        """Those that wait for their time."""
        return self._in({State.SCHEDULED})

    @property
    def rejected(self) -> list[Sms]:
        """Those that cannot be sent; `reason` says why."""
        return self._in({State.REJECTED})

    @property
    def events(self) -> list[Event]:
        """The events for the app, in their order."""
        return list(self.memory.events)

    def only(self) -> Sms:
        """The one SMS that went out or waits. AssertionError says what there is when there is another number of them."""
        found = [each for each in self.messages if State(each.state) not in UNSENT]
        if len(found) != 1:
            reasons = [f"{each.state}: {each.reason}" for each in self.messages if each not in found]
            raise AssertionError(f"{len(found)} SMS went out or wait, and not 1." + " ".join(["", *reasons]).rstrip())
        return found[0]

    def to(self, number: str) -> list[Sms]:
        """Those to this number, however it is written."""
        good = people.read(number, self.policy).good
        return [each for each in self.messages if good and good[0] in each.recipients]

    def advance(self, by: timedelta | float) -> None:
        """The time goes on, by a timedelta or seconds: what comes due is sent, what expires expires."""
        self.memory.advance(by if isinstance(by, timedelta) else timedelta(seconds=by))

    def handle_events(self, handler: Handler) -> Handler:
        """Call this with each event from now on; also as a decorator."""
        self._handlers.append(handler)
        return handler

    def dispatch_events(self) -> None:
        """Call the app's handlers with every event that they have not had. `deliver`, `fail` and `reply` do it by themselves.

        Without a handler of its own the outbox calls the Celery task that OCTOWORKER_EVENT_TASK names, in this process.
        """
        handlers = self._handlers or self._task()
        while self._dispatched < len(self.memory.events):
            event = self.memory.events[self._dispatched]
            self._dispatched += 1
            for handler in handlers:
                handler(event)

    def answered(self, kept: Kept, number: str, text: str) -> None:
        """Somebody answers a message."""
        settings = self.memory.settings.opt_outs
        if opt_outs.is_stop(text, settings.words):
            self.memory.opt_outs.entries[opt_outs.hashes(number, settings.number_keys)[0]] = OptOut("reply")
            for each in self.memory.kept.values():
                waits = each.record.state is State.SCHEDULED and each.sms is not None
                if waits and each.sms and not each.sms.transactional and each.sms.recipients == (number,):
                    self.memory.move(each, State.CANCELLED, "opted_out")
            self.memory.emit(kept, "sms.optout", number=number, source="reply", scope="marketing")
        else:
            self.memory.emit(kept, "sms.reply", number=number, text=text)
        self.dispatch_events()

    def take_job(self, arguments: Mapping[str, Any], job_id: str) -> None:
        """What `send_sms.delay` would have published."""
        self.memory.by_job(arguments, job_id)

    def close(self) -> None:
        """There is nothing to give back."""

    def publish(self, message_id: str, arguments: Mapping[str, Any], lane: str) -> None:
        """No job is published."""

    def _publish(self, some: Sequence[object]) -> None:
        """Nor here."""

    def _in(self, states: set[State] | frozenset[State]) -> list[Sms]:
        return [each for each in self.messages if State(each.state) in states]

    def _task(self) -> list[Handler]:
        task = current_app.tasks.get(self.event_task) if self.event_task else None
        return [task] if task is not None else []

    def __len__(self) -> int:
        return len(self.memory.kept)

    def __repr__(self) -> str:
        return f"Outbox({len(self)} messages)"


@contextmanager
def outbox(
    *handlers: Handler, settings: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ
) -> Iterator[Outbox]:
    """An outbox for as long as the block runs, for the whole process.

    `handlers` are called with each event; `settings` are variables beside those of the environment, as
    {"OCTOWORKER_COUNTRIES": "FR"}: the workers' rules, where this process does not have them.
    """
    known = {**DEFAULTS, **_read_here(environ), **(settings or {})}
    found = Outbox(known, handlers)
    before_task_publish.connect(_refuse, weak=False)
    try:
        with client.taken_over_by(found):
            yield found
    finally:
        if client.stand_in() is None:
            before_task_publish.disconnect(_refuse)


def _read_here(environ: Mapping[str, str]) -> dict[str, str]:
    """Without the secrets that files hold: there is no account, and none is needed."""
    return {name: value for name, value in environ.items() if value and not name.startswith("OCTOPUSH_API_KEY")}


def _refuse(sender: object = None, **_: object) -> None:
    if sender in {jobs.TASK, jobs.BULK_TASK}:
        raise RealSendError(
            "A job of octoworker's was about to be published while an outbox is open: send by octoworker.enqueue, or by "
            "octoworker.send_sms.delay."
        )
