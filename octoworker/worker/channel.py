"""How a worker takes its jobs: kombu's channel of Redis, with three of its ways changed.

1. It looks: one script takes the first job in the order of the lanes and notes it, in one step. kombu takes it by one command
   and notes it by another, and a worker that is killed between the two loses it.
2. When there is nothing, it waits without taking: a bell for each queue (BLMOVE of the list onto itself, which leaves it as it
   is) answers when a job stands there. Then it looks again; every second it looks without a bell, too.
3. A job whose worker did not come back is put in front of its queue by another script, which counts that. A job that has ended
   several workers is set aside, and so is what cannot be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.asynchronous import get_event_loop
from kombu.transport import redis as kombu_redis
from kombu.utils.json import loads

from octoworker.client import publish
from octoworker.config import Settings
from octoworker.sms import jobs
from octoworker.store import Store, keys
from octoworker.store.connections import Talk
from octoworker.store.scripts import NoScriptError
from octoworker.telemetry import log
from octoworker.worker import runtime, together
from octoworker.worker.in_hand import ASIDE_AT_MOST, ASIDE_FOR, InHand, script
from octoworker.worker.together import UNREADABLE

LOOKS_AGAIN = 0.1
"""Seconds after which a worker whose places are full of bulk jobs looks whether one has ended."""

LOOKS_ANYWAY = 1.0
"""Seconds after which a worker looks although no bell has answered: a link that is gone is noticed by that."""

SEPARATOR = "\x06\x16"
PRIORITIES = ("", *(f"{SEPARATOR}{step}" for step in (3, 6, 9)))
"""What kombu adds to a queue's name for a producer's `priority`; the first is taken first. Ours have none. No bell answers for
the others: they are looked at every second."""

BELL_WAITS = 30
"""Seconds that one BLMOVE waits in Redis."""


def unreadable(error: Exception) -> None:
    """One event for one job that cannot be read. Its content may be a message: it is not logged."""
    log.warning("job.unreadable", kind=type(error).__name__)


def followed(settings: Settings) -> Store | None:
    """The store whose primary is the jobs' as well; None where these are elsewhere."""
    return runtime.current().store if settings.redis.broker == settings.redis.records_url else None


class Bell:
    """Tells when a job stands in a queue, and leaves it there."""

    def __init__(self, connection: Any, queue: str, on_job: Callable[[], None]) -> None:
        self._connection = connection
        self._queue = queue
        self._on_job = on_job
        self._waits = False

    def arm(self, hub: Any) -> None:
        """Ask Redis to answer once a job stands there; at once if one does."""
        if not self._waits:
            self._waits = True
            self._connection.send_command("BLMOVE", self._queue, self._queue, "RIGHT", "RIGHT", BELL_WAITS)
            hub.add_reader(self._connection._sock.fileno(), self._heard)  # noqa: SLF001 - kombu takes it there, too

    def _heard(self) -> None:
        self._connection.read_response(disable_decoding=True)
        self._waits = False
        self._on_job()

    def close(self, hub: Any) -> None:
        if (socket := self._connection._sock) is not None and hub is not None:  # noqa: SLF001 - the same
            hub.remove(socket.fileno())
        self._connection.disconnect()


OF_MANY = (jobs.BULK_TASK, jobs.TOGETHER_TASK)
"""Tasks that may take as long as a hundred calls."""


KombusChannel: Any = kombu_redis.Channel


class Looking(KombusChannel):  # type: ignore[misc]  # its stubs know half of it
    """Looks, waits, delivers. `_in_poll` is kombu's: the connection, while it looks or waits."""

    parts = together.PARTS
    _own_client: Any = None
    _short_way: Any = None
    _waits = False
    _brpop_sent_at: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handlers = {"BRPOP": self._brpop_read, "LISTEN": self._receive}
        settings = Settings.load()
        self._most = settings.max_crashes
        self._bells: dict[str, Bell] = {}
        self._looked_at: list[str] = []
        self._followed = followed(settings)
        self._moves = self._moved()

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Look. Named as in kombu, which calls it when there is room for a job and nothing is asked."""
        del timeout
        if self._moves != self._moved():
            # What stands in the queues of the old one is thrown away with it, or is no longer true.
            raise self.connection_errors[0]("The primary is another one now")
        self._count_in_hand()
        self._looked_at = self._queue_cycle.consume(len(self.active_queues))
        if not self._looked_at:
            return
        lists = [queue + part for queue in self._looked_at for part in PRIORITIES]
        places = [self.unacked_index_key, self.unacked_key, keys.DELIVERIES, keys.JOBS_SET_ASIDE, *lists]
        aside = (self._most, ASIDE_FOR, ASIDE_AT_MOST)
        shared = (jobs.TOGETHER, jobs.VERSION, jobs.BULK_TASK, self.parts, together.MOST_BYTES)
        most = [self._most_together(queue) for queue in self._looked_at for _ in PRIORITIES]
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        self.client.connection.send_command("EVALSHA", script("take").sha, len(places), *places, *aside, *shared, *most)

    def _moved(self) -> int:
        return self._followed.primary_moves if self._followed else 0

    def _most_together(self, queue: str) -> int:
        return 0 if self._queue_cycle.no_more_of(queue) else jobs.BULK_SIZE

    def _brpop_read(self, **_: Any) -> bool:
        waits = False
        try:
            found = self._answer()
            if found is None:
                waits = self._wait()
                raise Empty
            name, what, *rest = found
            queue = name.decode().partition(SEPARATOR)[0]
            if what == b"together":
                self._deliver_together(queue, rest)
            else:
                self._deliver(queue, what, rest[0].decode(), rest[1])
            return True
        finally:
            if not waits:
                self._in_poll = None
                self._flush_brpop_reauth()

    def _answer(self) -> Any:
        """What the script took; None: nothing."""
        try:
            return self.client.parse_response(self.client.connection, "EVALSHA")
        except NoScriptError:
            with self.conn_or_acquire() as client:
                client.script_load(script("take").source)
            raise Empty from None
        except self.connection_errors:
            self.client.connection.disconnect()
            raise

    def _deliver(self, queue: str, job: bytes, tag: str, before: int) -> None:
        if job == b"aside":
            log.warning("job.unreadable" if tag == "unreadable" else "job.set_aside", queue=queue, reason=tag)
            return
        if queue not in self.connection._callbacks:  # noqa: SLF001 - told to take nothing more, after it had asked
            self.qos.give_back(tag)
            return
        try:
            payload = loads(job.decode())
            if before:
                self.qos.counted[tag] = payload["headers"].get("id") or tag
            self.connection._deliver(payload, queue)  # noqa: SLF001 - kombu's own way
        except UNREADABLE as error:
            unreadable(error)
            self.qos.set_aside(tag, "unreadable")

    def _deliver_together(self, queue: str, found: list[bytes]) -> None:
        """What can be read of them as one job; what goes along with no other by itself."""
        tags = [tag.decode() for tag in found[::2]]
        if queue not in self.connection._callbacks:  # noqa: SLF001 - as above
            for tag in reversed(tags):
                self.qos.give_back(tag)
            return
        some: dict[str, Any] = {}
        for tag, job in zip(tags, found[1::2], strict=True):
            try:
                some[tag] = together.read(job)
            except UNREADABLE:
                self._deliver(queue, job, tag, 0)
        if some:
            tag = str(uuid4())
            self.qos.are_one(tag, list(some))
            self.connection._deliver(publish.together(queue, tag, list(some.values())), queue)  # noqa: SLF001 - as above

    def _wait(self) -> bool:
        """Wait for a bell, or for the next look without one. False: there is no loop to wait in."""
        hub = get_event_loop()
        if hub is None:
            return False
        self._waits, self._brpop_sent_at = True, None
        # In one whose places are taken jobs may well stand: its bell would answer at once, again and again.
        for queue in (each for each in self._looked_at if not self._queue_cycle.no_more_of(each)):
            bell = self._bells.get(queue)
            if bell is None:
                bell = self._bells[queue] = Bell(self.pool.get_connection(), queue, self._look)
            bell.arm(hub)
        hub.call_later(LOOKS_AGAIN if self._queue_cycle.full() else LOOKS_ANYWAY, self._look)
        return True

    def _look(self) -> None:
        """Kombu looks again at its next turn."""
        if self._waits:
            self._waits, self._in_poll = False, None

    def _count_in_hand(self) -> None:
        done, taken = self.qos._dirty, list(self.qos._delivered.items())  # noqa: SLF001 - what kombu itself counts
        in_hand = [message for tag, message in taken if tag not in done]
        now = [message for message in in_hand if not message.headers.get("eta")]
        # Jobs for a later instant only wait; Celery takes one more for each of them.
        self._queue_cycle.in_hand_at_most = self.qos.prefetch_count - len(in_hand) + len(now)
        self._queue_cycle.of_many = Counter(
            message.delivery_info["routing_key"] for message in now if message.headers.get("task") in OF_MANY
        )

    def _receive(self) -> Any:
        try:
            return super()._receive()
        except UNREADABLE as error:
            unreadable(error)
            return True

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """One client of Redis for as long as its pool lasts: kombu makes a new one each time it acknowledges a job, which
        took a twelfth of a worker's CPU."""
        if client is None:
            client = self._own_client
            if client is None or client.connection_pool is not self.pool:
                client = self._own_client = self._create_client()
        yield client

    @property
    def short_way(self) -> Talk:
        """For what is asked once for each job."""
        if self._short_way is None or self._short_way[0] is not self.pool:
            # Kombu has ten connections in all, its bells among them.
            self._short_way = (self.pool, Talk(self.pool, most=2))
        return self._short_way[1]  # type: ignore[no-any-return]

    def close(self) -> None:
        self._look()  # nothing is asked while it waits, so there is no answer to read
        for bell in self._bells.values():
            bell.close(get_event_loop())
        self._bells.clear()
        super().close()


def channel_of(transport_channel: type[Any], parts: int = together.PARTS) -> type[Any]:
    """The class of channel for a worker's consumer. `transport_channel`: kombu's, of a Redis or of a Sentinel. `parts`: of
    those that wait, one part in so many is taken together."""
    in_hand = type("InHand", (InHand, transport_channel.QoS), {})
    return type("Channel", (Looking, transport_channel), {"QoS": in_hand, "parts": parts})
