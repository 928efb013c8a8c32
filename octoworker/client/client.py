"""What a web app calls: `enqueue`, `enqueue_many`, `status`, `cancel`, `reschedule`.

Record and job are written in one step. With another broker the record comes first, and if the publishing fails it is
enough: the scheduler of any worker finds it. It imports celery, kombu and redis, and nothing of the worker's; it connects at its first use.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Self, Unpack, overload

from celery import Celery

from octoworker import correlation, environment
from octoworker.client import elsewhere, publish
from octoworker.client.broker import address
from octoworker.client.own_celery import OwnCelery
from octoworker.errors import (
    EnqueueError,
    KeyConflictError,
    PayloadError,
    RefusedError,
    SettingsError,
    StoreError,
    UnfitRedisError,
    UnknownMessageError,
)
from octoworker.sms import identity, instants, jobs, lanes, opt_outs, people, recipient
from octoworker.sms.arguments import in_one_form, plain_arguments
from octoworker.sms.policy import Policy
from octoworker.sms.record import UNSENT, Record, State
from octoworker.sms.shapes import Instant, MessageRecord, SmsArguments, StateName, Words
from octoworker.store import NO_JOB, Confirm, Created, NewMessage, QueuedJobs, Replaced, Store, connect
from octoworker.store.budget import within
from octoworker.store.scripts import Scripts
from octoworker.telemetry import events

TIMEOUT = 0.4
"""Seconds for one answer of Redis."""

BUDGET = 0.9
"""Seconds for all that `enqueue` asks of Redis: it must answer its caller within one second, whatever happens there."""


def not_taken(error: StoreError) -> EnqueueError:
    """What Redis said, in the words of every other command: one that is full or a replica has answered, and at once."""
    if isinstance(error, UnfitRedisError):
        return EnqueueError(f"{error} Nothing was taken.")
    why = str(error).rstrip(".")
    return EnqueueError(f"{why}: try again, with the same idempotency_key if you gave one, so that it is sent once.")


GONE = "replace: nothing was replaced, for the message of this key has gone or may have (it is {}); use a new key for another."

NO_KEY = "replace: give the idempotency_key of the message that is to be replaced."


class MessageId(str):
    """The id of a message, as any other str. `state`: cancelled, expired, rejected or dead when its key's message was there
    already and is over unsent, so that nothing comes of it any more (`replace=True` takes it again); else None."""

    __slots__ = ("state",)

    state: StateName | None

    def __new__(cls, message_id: str, state: StateName | None = None) -> Self:
        made = super().__new__(cls, message_id)
        made.state = state
        return made

    def __reduce__(self) -> tuple[type[MessageId], tuple[str, StateName | None]]:
        return type(self), (str(self), self.state)

    @property
    def over(self) -> bool:
        """Whether nothing comes of it any more."""
        return self.state is not None

    @classmethod
    def taken(cls, message_id: str, answer: Created) -> Self:
        """By what the store answered."""
        match answer:
            case "created" | "same" | "conflict":
                return cls(message_id)
            case _:
                return cls(message_id, answer)


class Read(NamedTuple):
    """Arguments as they were read. `wording`: the digest of what was written, before any setting was looked at."""

    form: dict[str, Any]
    wording: str

    def as_message(self, message_id: str) -> NewMessage:
        """Ready to be taken."""
        form = self.form
        print_ = identity.fingerprint(form)
        return NewMessage(message_id, print_, jobs.payload_of(form), self.wording, jobs.people_of(form))

    def __repr__(self) -> str:
        return "Read(...)"


class Asked(NamedTuple):
    """A message, ready to be taken, and its job where both are written in one step."""

    new: NewMessage
    lane: str
    form: dict[str, Any]
    job: QueuedJobs
    incarnation: str = ""
    secret: bool = False
    """Whether its text goes once it was accepted: it carries a one-time code."""

    def __repr__(self) -> str:
        return f"Asked({self.new.message_id!r})"

    def created(self, store: Store) -> Created:
        """Take it."""
        new = self.new
        return store.create(
            new.message_id, new.fingerprint, self.lane, new.payload, self.job, wording=new.wording, secret=self.secret
        )

    def replaced(self, store: Store) -> tuple[Replaced, State]:
        """Take it, or put it in place of what its key has."""
        return store.replace(self.new, self.lane, self.incarnation, self.job)


class Batch(NamedTuple):
    """Some of many messages, of one lane: each with the place of what it is a part of, and that of its id."""

    lane: str
    parts: Sequence[tuple[int, int, NewMessage]]

    @property
    def messages(self) -> list[NewMessage]:
        return [new for _, _, new in self.parts]

    def created(self, store: Store, job: QueuedJobs) -> list[Created]:
        """Take them."""
        return store.create_many(self.lane, self.messages, job=job)


class Client:
    """The two connections of one process: records and jobs. Safe to share between threads.

    `timeout` are the seconds it waits for one answer of Redis or the broker; `store`: one that is open already.
    SettingsError lists what is wrong in what both sides read from the environment.
    """

    def __init__(
        self, environ: Mapping[str, str] = os.environ, *, timeout: float = TIMEOUT, store: Store | None = None
    ) -> None:
        self.pid = os.getpid()
        shared = environment.load(environ)
        if shared.testing == "outbox":
            raise SettingsError(
                [f"{environment.TESTING}=outbox: nothing is sent here but in octoworker.testing.outbox()."]
            )
        self.store = store or opened(shared, timeout)
        self.app = _producer(shared.broker_url, timeout)
        self.budget = max(BUDGET, 2 * timeout)
        self.one_redis = shared.broker_url == shared.redis_url
        """Whether records and jobs are in one Redis: then both are written in one step."""
        self.max_ahead = shared.max_ahead
        self._results = shared.job_results
        self.policy = policy_of(shared)

    def read(self, arguments: Mapping[str, Any]) -> Read:
        """The arguments as they are compared and kept: plain, in one form, with their lane.

        Numbers are read here, once, with the settings of this moment; what could not be read stays as it was written, with
        the region of this reading, and the worker refuses it alone.
        """
        given = plain_arguments(arguments)
        form, named = in_one_form(given, self.policy)
        if type(given["recipients"]) is not list:
            form["recipients"] = named.good[0] if named.good else named.unread[0]
        elif named.unread:
            form["recipients"] = [*named.good, *named.unread]
        if named.unread:
            form[people.READ_FOR] = self.policy.region
        form["lane"] = lanes.lane_of(form)
        # Without a key its id is random, and nobody can ask for it again.
        return Read(form, identity.fingerprint(given) if given.get("idempotency_key") else "")

    def parts(self, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Read]]:
        """The message as one, or as several when it lists more people than one call takes: id and arguments of each.

        A repeat cuts the list in the same places, and each person is in one part
        alone, however the number is written there and for whichever region it is read.
        """
        given = arguments.get("recipients")
        if not isinstance(given, list | tuple) or len(given) <= jobs.MOST_RECIPIENTS:
            yield self._alone(arguments, iter(identity.new_message_id, ""))
            return
        key, seen = arguments.get("idempotency_key"), set[Any]()
        plain = plain_arguments({"recipients": given})["recipients"]
        for n, part in enumerate(people.cut(plain, jobs.MOST_RECIPIENTS), 1):
            wanted = self.read({**arguments, "recipients": part})
            listed = wanted.form["recipients"]
            wanted.form["recipients"] = [each for each in listed if each not in seen]
            seen.update(listed)
            if wanted.form["recipients"]:
                yield identity.message_id_for_key(f"{key}#{n}") if key else identity.new_message_id(), wanted

    def _alone(self, arguments: Mapping[str, Any], fresh: Iterator[str]) -> tuple[str, Read]:
        wanted = self.read(arguments)
        key = wanted.form.get("idempotency_key")
        return identity.message_id_for_key(key) if key else next(fresh), wanted

    def asked(self, arguments: Mapping[str, Any], incarnation: str = "", code_id: str = "") -> Asked:
        """The message that these arguments ask for. `code_id`: its id, where it carries a one-time code."""
        read = self.read(arguments)
        lane, new = read.form["lane"], read.as_message(code_id or identity.message_id_of(read.form))
        job = (
            publish.single(new.message_id, new.payload, lane, incarnation, with_result=self._results)
            if self.one_redis
            else NO_JOB
        )
        return Asked(new, lane, read.form, job, incarnation, bool(code_id))

    def enqueue(self, arguments: Mapping[str, Any]) -> MessageId:
        """Write the record, publish the job, return the message id."""
        return self._enqueue(self.asked(arguments))

    def enqueue_code(self, arguments: Mapping[str, Any], message_id: str) -> None:
        """Take a message that carries a one-time code, under an id of its own. What has that id already is the message."""
        with contextlib.suppress(KeyConflictError):
            self._enqueue(self.asked(arguments, code_id=message_id))

    def _enqueue(self, asked: Asked) -> MessageId:
        try:
            with within(self.budget):
                taken = asked.created(self.store)
        except StoreError as error:
            raise not_taken(error) from None
        return self.taken(asked, taken)

    def taken(self, asked: Asked, taken: Created) -> MessageId:
        """The id, by what the store answered. KeyConflictError: the key is another message's."""
        message_id = asked.new.message_id
        if taken == "conflict":
            raise KeyConflictError
        if taken == "created":
            if not self.one_redis:
                self.publish(message_id, asked.form, asked.lane)
            events.emit("sms.queued", message_id=message_id, lane=asked.lane, correlation=correlation.current())
        return MessageId.taken(message_id, taken)

    def replace(self, arguments: Mapping[str, Any]) -> MessageId:
        """Put this message in place of the one that its key has, publish its job, return the id."""
        asked = self.asked(arguments, identity.new_incarnation())
        try:
            with within(self.budget):
                outcome, before = asked.replaced(self.store)
        except StoreError as error:
            raise not_taken(error) from None
        return self.replaced(asked, outcome, before)

    def replaced(self, asked: Asked, outcome: Replaced, before: State) -> MessageId:
        """The id, by what the store answered. RefusedError: what the key has is gone."""
        message_id = asked.new.message_id
        if outcome == "gone":
            raise RefusedError(GONE.format(before))
        if outcome != "same":
            if not self.one_redis:
                self._publish(
                    [elsewhere.single(message_id, asked.form, asked.lane, asked.incarnation, with_result=self._results)]
                )
            known = {"lane": asked.lane, "correlation": correlation.current(), "was": before}
            events.emit("sms.queued" if outcome == "created" else "sms.replaced", message_id=message_id, **known)
        return MessageId(message_id)

    def enqueue_many(self, messages: Sequence[Mapping[str, Any]]) -> list[MessageId]:
        """Write the records of each lane, publish jobs of a hundred, return the ids in order."""
        ids, batches = self.batches(messages)
        return named(ids, batches, [self.take(batch.messages, batch.lane) for batch in batches])

    def batches(self, messages: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[Batch]]:
        """The ids of these messages, in order, and what is to be taken in one step each."""
        ids: list[str] = []
        by_lane: dict[str, list[tuple[int, int, NewMessage]]] = {lane: [] for lane in lanes.LANES}
        fresh = identity.new_message_ids()
        for place, arguments in enumerate(messages):
            alone = type(arguments.get("recipients")) is str
            for message_id, wanted in (self._alone(arguments, fresh),) if alone else self.parts(arguments):
                by_lane[wanted.form["lane"]].append((place, len(ids), wanted.as_message(message_id)))
                ids.append(message_id)
        size = jobs.BATCH
        return ids, [
            Batch(lane, new[at : at + size]) for lane, new in by_lane.items() for at in range(0, len(new), size)
        ]

    def jobs_of(self, messages: Sequence[NewMessage], lane: str) -> QueuedJobs:
        """The bulk jobs of these messages, where they are written in one step with them."""
        return publish.bulk([new.message_id for new in messages], lane) if self.one_redis else NO_JOB

    def take(self, messages: Sequence[NewMessage], lane: str, campaign: str | None = None) -> list[Created]:
        """Write the records of up to a few hundred messages in one step, then publish their jobs.

        Returns what became of each. EnqueueError when Redis did not confirm.
        """
        job = self.jobs_of(messages, lane)
        try:
            with within(self.budget):
                reply = self.store.create_many(lane, messages, campaign=campaign, job=job)
        except StoreError as error:
            raise not_taken(error) from None
        self.taken_many(messages, lane, reply)
        return list(reply)

    def taken_many(self, messages: Sequence[NewMessage], lane: str, reply: Sequence[Created]) -> None:
        """Publish the jobs of those that are new, where they are not yet."""
        if not self.one_redis:
            created = [new.message_id for new, each in zip(messages, reply, strict=True) if each == "created"]
            self._publish(list(elsewhere.bulk(created, lane)))
        events.emit("sms.queued_many", count=reply.count("created"), lane=lane, correlation=correlation.current())

    def publish(self, message_id: str, arguments: Mapping[str, Any], lane: str) -> None:
        """Publish the job of a message that has its record. A failure is no loss: the scheduler will publish it."""
        self._publish([elsewhere.single(message_id, arguments, lane, with_result=self._results)])

    def _publish(self, some: Sequence[elsewhere.PublishedJob]) -> None:
        with contextlib.suppress(*elsewhere.AWAY):
            elsewhere.publish(self.app, some)

    def readers(self, within: float) -> dict[str, list[str]]:
        """Which worker reads which queues, as each tells within so many seconds. StoreError when the broker is away."""
        try:
            found = self.app.control.inspect(timeout=within).active_queues() or {}
        except elsewhere.AWAY as error:
            raise StoreError(f"The broker could not be asked ({type(error).__name__}).") from None
        return {name: [str(queue["name"]) for queue in queues] for name, queues in found.items()}

    def reschedule(self, message_id: str, send_at: Instant) -> Record:
        """Move a message that is held here to another time. RefusedError says why not."""
        return self.change_of_time(message_id, send_at, self.store.get(message_id))(self.store)

    def change_of_time(self, message_id: str, send_at: Instant, found: Record | None) -> Callable[[Store], Record]:
        """What moves the message that was found. RefusedError says why it may not be."""
        at = _instant(send_at)
        _before_expiry(at, found)
        payload = json.dumps({**(found.arguments if found else {}), "send_at": at.timestamp()})
        read = found.incarnation if found else ""
        return lambda store: store.reschedule(message_id, at, payload, max_ahead=self.max_ahead, incarnation=read)

    def close(self) -> None:
        """Give the connections back."""
        self.store.close()
        self.app.close()


def named(ids: Sequence[str], batches: Sequence[Batch], replies: Sequence[Sequence[Created]]) -> list[MessageId]:
    """The ids, by what the store answered of each batch. KeyConflictError names the first whose key is another message's."""
    found = [MessageId(each) for each in ids]
    conflicts = []
    for batch, reply in zip(batches, replies, strict=True):
        for (place, nth, _), taken in zip(batch.parts, reply, strict=True):
            if taken == "conflict":
                conflicts.append(place)
            found[nth] = MessageId.taken(found[nth], taken)
    if conflicts:
        raise KeyConflictError.of_one_of_many(min(conflicts) + 1)
    return found


class StandIn(Client):
    """Takes the place of the client while a test runs."""

    def take_job(self, arguments: Mapping[str, Any], job_id: str) -> None:
        """What `send_sms.delay` would have published."""
        raise NotImplementedError


def enqueue(*, replace: bool = False, **message: Unpack[SmsArguments]) -> MessageId:
    """Take an SMS and return its message id: 32 hex digits.

    - `recipients`: one number or a list of them; `text`: what it says
    - `sms_type`: FR (premium), XXX (low cost) or WWW (world); `sender`: 3 to 11 letters and digits
    - `transactional`: no marketing, so any hour and no STOP mention
    - `with_replies`: can be answered; FR to metropolitan France only, a number takes the sender's place, and it costs more
    - `send_at`, `expires_at`: an aware datetime, ISO-8601 with an offset, or epoch seconds; `hold`: kept here until then
    - `idempotency_key`: the same key with the same content is the same message; `reference`: your own words
    - `lane`: urgent, normal or bulk
    - `consent`: what marketing rests on, as {"id": ..., "date": ..., "source": ...}; kept with the record, not sent
    - `replace`: what is held or waits under this key gets this content and this time, in one step, and one that is over
      unsent comes back; RefusedError when it has gone, or may have

    The id's `state` says when the key's message is over unsent (cancelled, expired, rejected, dead): nothing comes of it
    then. Once this has returned, the message ends in a state that `status` shows. The content is checked by the worker, or
    by `check`; what is wrong with it stands in the record. Raises EnqueueError within 1 s when Redis cannot be reached
    (nothing is kept), SettingsError when the environment is wrong, KeyConflictError when the idempotency key belongs to
    another message, TypeError for a wrong name or type, PayloadError for a lane or type of SMS that does not exist, a
    time that is no instant, or what is too large.
    """
    check_names(message)
    if not replace:
        return client().enqueue(message)
    if message.get("idempotency_key") is None:
        raise TypeError(NO_KEY)
    return client().replace(message)


def enqueue_many(messages: Iterable[SmsArguments]) -> list[MessageId]:
    """Take many messages and return their ids, in order: several times faster than one by one.

    Each is a dict of the arguments of `enqueue`. A message to more than 500 recipients becomes several, whose ids stand
    in its place. Raises like `enqueue`; what was taken before the error stays taken, and is not taken twice when it is
    tried again with the same idempotency keys.
    """
    listed = list(messages)
    for arguments in listed:
        check_names(arguments)
    return client().enqueue_many(listed)


def status(message_id: str) -> MessageRecord | None:
    """The record of a message, with its history and its numbers in clear; None when there is none. StoreError: no Redis."""
    record = client().store.get(identity.known_id(message_id))
    return record.as_json() if record else None


def opted_out(number: str) -> bool:
    """Whether marketing to this number is rejected: somebody there said STOP.

    PayloadError: it is no number. SettingsError: OCTOWORKER_NUMBER_KEYS cannot be read; it must be the workers'. StoreError:
    no Redis.
    """
    policy = Policy(region=environment.load().region, allow_possible=True)
    try:
        keys = environment.number_keys(environment.secret(os.environ, environment.NUMBER_KEYS))
        hashes = opt_outs.hashes(recipient.read(number, policy), keys)
    except recipient.NumberRefused as refused:
        raise PayloadError([f"number: {refused}"]) from None
    except ValueError as error:
        raise SettingsError([f"{environment.NUMBER_KEYS}: {error}."]) from None
    return client().store.opt_outs.find(hashes) is not None


def message_id(idempotency_key: Words) -> str:
    """The id of the message that has this key, or will have it: the same on every machine. Redis is not asked."""
    return identity.message_id_for_key(plain_arguments({"idempotency_key": idempotency_key})["idempotency_key"])


@overload
def cancel(message_id: str, *, missing_ok: Literal[False] = False) -> MessageRecord: ...
@overload
def cancel(message_id: str, *, missing_ok: bool) -> MessageRecord | None: ...
def cancel(message_id: str, *, missing_ok: bool = False) -> MessageRecord | None:
    """Stop a message that has not gone yet. RefusedError says why when it is too late.

    One that Octopush holds for later stays `accepted` until Octopush has cancelled it: a worker asks, `recall` in the record
    says how far that is, and only then it is `cancelled`.

    `missing_ok`: one that is over unsent is fine as it is, and None says that there is no such message.
    """
    store, known = client().store, identity.known_id(message_id)
    try:
        return store.cancel(known).as_json()
    except UnknownMessageError:
        if not missing_ok:
            raise
        return None
    except RefusedError:
        found = store.get(known) if missing_ok else None
        if found is None or not is_unsent(found):
            raise
        return found.as_json()


def is_unsent(found: Record) -> bool:
    """Whether it is over, and certainly was not sent."""
    return found.state in UNSENT and not found.maybe_sent


def reschedule(message_id: str, send_at: Instant) -> MessageRecord:
    """Move a message that is held here to another time: an aware datetime, ISO-8601 with offset, or epoch seconds.

    The rules are those of `send_at`: less than a minute ago is now, and not beyond `expires_at`. Atomic against its release:
    either it is moved, or RefusedError says why not. One that Octopush holds for later stays `accepted` with a `recall` until
    Octopush has cancelled it, and is then handed over again: the old one is gone before the new one can go.
    """
    return client().reschedule(identity.known_id(message_id), send_at).as_json()


def client() -> Client:
    """This process's client, made at the first use and again after a fork; or the one that stands in for it."""
    global _client  # noqa: PLW0603 - one per process is the point
    if _stand_ins:
        return _stand_ins[-1]
    if _client is None or _client.pid != os.getpid():
        with _lock:
            if _client is None or _client.pid != os.getpid():
                _client = Client()
    return _client


@contextlib.contextmanager
def taken_over_by(other: StandIn) -> Iterator[None]:
    """`client()` is this one, for every thread, as long as the block runs: an outbox of a test."""
    _stand_ins.append(other)
    try:
        yield
    finally:
        _stand_ins.remove(other)


def stand_in() -> StandIn | None:
    """Who stands in for the client, if anybody does."""
    return _stand_ins[-1] if _stand_ins else None


def close() -> None:
    """Give back this process's connections. The next call makes new ones, by the environment that it finds."""
    global _client
    with _lock:
        mine, _client = _client, None
    if mine is not None and mine.pid == os.getpid():
        mine.close()


_stand_ins: list[StandIn] = []
_lock = threading.Lock()
_client: Client | None = None


def policy_of(shared: environment.Shared) -> Policy:
    """How a producer reads. Whether an operator has such a number, and whether SMS go to its country, is asked by the worker."""
    return Policy(sender=shared.sender, sms_type=shared.sms_type, region=shared.region, allow_possible=True)


def opened(shared: environment.Shared, timeout: float, scripts: Scripts | None = None) -> Store:
    """A store with these settings, which connects at its first use. `scripts`: in the place of its own."""
    redis_client = connect(shared.redis_url, timeout=timeout, connections=50, retries=0)
    return Store(
        redis_client,
        keep_for=shared.keep_for,
        requeue_after=shared.requeue_after,
        by_function=True,
        confirm=confirm(shared.confirm, timeout),
        scripts=scripts,
    )


def _instant(send_at: Instant) -> datetime:
    """An aware instant. RefusedError for a time without a zone, or none at all."""
    try:
        return instants.read(send_at)
    except instants.InstantRefused as refusal:
        sentence = f"send_at: {refusal}"
    raise RefusedError(sentence)


def _before_expiry(at: datetime, found: Record | None) -> None:
    """RefusedError for an instant at which the message may not be sent any more."""
    expires_at = found.arguments.get("expires_at") if found else None
    if expires_at is not None and _instant(expires_at) <= at:
        raise RefusedError(f"send_at: {instants.BEYOND_EXPIRY}")


def check_names(arguments: Mapping[str, Any]) -> None:
    """What no worker should have to find out: a name that does not exist is a bug of the caller's."""
    if arguments.keys() <= jobs.ARGUMENTS and "recipients" in arguments and "text" in arguments:
        return
    if unknown := sorted(set(arguments) - jobs.ARGUMENTS):
        import difflib  # noqa: PLC0415 - most callers spell them right

        close = difflib.get_close_matches(unknown[0], jobs.ARGUMENTS, n=1)
        meant = f"; did you mean {close[0]}?" if close else "."
        raise TypeError(f"enqueue() does not know the argument {unknown[0]!r}{meant}")
    if missing := sorted({"recipients", "text"} - set(arguments)):
        raise TypeError(f"enqueue() needs the argument {missing[0]!r}.")


def confirm(wanted: environment.Confirming, timeout: float) -> Confirm | None:
    """What replicas must confirm; None: nobody asks them. Its answer comes before the connection gives up."""
    within = min(wanted.within, timedelta(seconds=timeout * 0.75))
    return Confirm(wanted.replicas, within) if wanted.replicas else None


def _producer(broker: str, timeout: float) -> Celery:
    """A Celery application that can only publish: no result backend, so no subscription for every job."""
    known = address(broker, timeout)
    return OwnCelery(
        "octoworker-producer",
        source={
            "broker_url": known.url,
            "broker_use_ssl": known.tls,
            "task_serializer": "json",
            "task_default_queue": lanes.QUEUES["normal"],
            "task_create_missing_queues": True,
            "broker_connection_timeout": timeout,
            "broker_transport_options": {
                "socket_timeout": timeout,
                "socket_connect_timeout": timeout,
                "socket_keepalive": True,
                **known.options,
            },
            "task_publish_retry": False,
            "broker_pool_acquire_timeout": timeout,
        },
    )
