"""What a worker counts, exactly: under threads, and under prefork over all of its children, also those that died.

1. Before the pool is forked, `start` makes a folder of this worker's own, and tells prometheus_client to count in files.
2. Every process counts in files of its own there; whoever is asked adds them up. A child that died leaves its files behind;
   they are added to those of the dead.
3. Without `start` (a web app, the command line, a worker without a port) nothing is counted and nothing is imported.

Counting can never fail a send: it raises nothing, and the files have their room on the disk before they are used, because
a full disk under a mapped file ends a process. No label carries a number, a text, a key or an id.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import wraps
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    GatewayError,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.sms.lanes import LANES
from octoworker.sms.record import FINAL, Record, State
from octoworker.telemetry import metric_files

if TYPE_CHECKING:
    from prometheus_client.core import Metric

P = ParamSpec("P")

OUTCOMES: tuple[tuple[type[GatewayError], str], ...] = (
    (UnreachableError, "unreachable"),
    (BusyError, "busy"),
    (RefusedByProviderError, "refused"),
    (DuplicateKeyError, "duplicate"),
    (MaybeSentError, "maybe"),
)

FOUND = ("lease", "job")

ALERTS = (
    "on_hold",
    "breaker_opened",
    "breaker_closed",
    "balance_low",
    "spend_80",
    "spend_100",
    "campaign_paused",
    "redis_clock",
    "webhooks_stopped",
)

HANDOVER_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
"""Seconds: a login code is wanted within one or two, a campaign within an hour or two."""

HANDSET_BUCKETS = (1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200, 172800)
"""Seconds: a handset that is on has it within half a minute; operators give up after 48 hours."""

SAYS = ("nothing", "underway", "undelivered", "delivered")
MOST_SENDERS = 20
"""Senders that are counted by name."""

SENDER = re.compile(r"[0-9A-Za-z]{3,11}")

REPLIED = ("kept", "same", "unmatched")
RECEIVED = ("moved", "noted", "same", "early", "unmatched")

EVENT_WAYS, EVENT_OUTCOMES = ("task", "webhook"), ("sent", "again", "dead", "gone")
"""How an event went to the web app, and what came of it."""

CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
"""Seconds: a call ends after 13 by default."""

MAYBE_TWICE = frozenset({State.ACCEPTED, State.DELIVERED, State.UNDELIVERED, State.UNKNOWN})
"""A job whose message stands there came a second time: sending it again would have made a handset ring twice."""


class Book:
    """The counters of one process. Made once, before the fork; `dead` is the name of the files that dead children filled."""

    def __init__(self, folder: Path) -> None:
        from prometheus_client import Counter, Histogram  # noqa: PLC0415 - it looks for the folder when it is imported

        self.folder = folder
        from octoworker.gateway import dialects  # noqa: PLC0415 - Flower reads this module, and has no way to the provider

        self._codes = dialects.code_labels()
        self._success_labels = dialects.success_labels()
        self._senders: set[str] = set()
        self._children: dict[tuple[Any, ...], Any] = {}

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"octoworker_{name}", text, labels, registry=None)

        self.calls = counter("calls_total", "Calls to Octopush, by what came of them", "outcome", "code")
        self.ended = counter("messages_ended_total", "Messages that this worker ended", "state", "lane")
        self.retries = counter("retries_total", "Submits that a machine will repeat")
        self.duplicates = counter("duplicates_stopped_total", "Second submits of one message that were stopped")
        self.unknown = counter("unknown_total", "Moves to unknown: it may have been sent")
        self.segments = counter("segments_total", "Segments handed over", "lane")
        self.spend = counter("spend_total", "What Octopush charged", "currency")
        self.finds = counter("sweep_finds_total", "Lost jobs and ended leases that the scheduler found", "found")
        self.alerts = counter("alerts_total", "Alerts about the account", "alert")
        self.handover = Histogram(
            "octoworker_handover_seconds",
            "From enqueue, or from when it was due, to accepted",
            ("lane",),
            buckets=HANDOVER_BUCKETS,
            registry=None,
        )
        self.call = Histogram("octoworker_call_seconds", "One call to Octopush", buckets=CALL_BUCKETS, registry=None)
        self.receipts = counter("receipts_total", "Receipts, by what they say and what they did", "says", "outcome")
        self.delivered = counter("handsets_total", "Recipients with a final receipt", "says", "lane", "sender")
        self.opt_outs = counter("opt_outs_total", "STOPs that were obeyed, by where they came from", "source")
        self.events = counter("events_total", "Events for the web app, by way and what came of it", "way", "outcome")
        self.replies = counter("replies_total", "Replies, by whether their message was found", "outcome")
        self.unreadable = counter("callbacks_unreadable_total", "Calls of Octopush that nobody could process")
        self.receipt_age = Histogram(
            "octoworker_receipt_age_seconds",
            "From the receiver to the record",
            buckets=CALL_BUCKETS,
            registry=None,
        )
        self.to_handset = Histogram(
            "octoworker_to_handset_seconds",
            "From accepted to the receipt that says delivered",
            ("country",),
            buckets=HANDSET_BUCKETS,
            registry=None,
        )
        self._begin_at_zero()

    def of(self, metric: Any, *labels: str) -> Any:
        """The child with these labels. prometheus_client takes longer to find one than to count."""
        found = self._children.get((metric, *labels))
        if found is None:
            found = self._children[(metric, *labels)] = metric.labels(*labels)
        return found

    def code(self, code: str | None) -> str:
        """A provider's code as a label: "" for none, `unlisted` for what is in no table, which may be anything."""
        return "" if not code else code if code in self._codes else "unlisted"

    def sender(self, sender: object) -> str:
        """A sender as a label: the first of them by name, for callers choose them; "" for none, which low cost has."""
        if not isinstance(sender, str) or not SENDER.fullmatch(sender):
            return ""
        if sender not in self._senders and len(self._senders) >= MOST_SENDERS:
            return "others"
        self._senders.add(sender)
        return sender

    def _begin_at_zero(self) -> None:
        """A counter that appears with its first event hides that event from rate()."""
        for code in self._success_labels:
            self.of(self.calls, "accepted", code)
        for lane in LANES:
            self.of(self.segments, lane)
            self.of(self.handover, lane)
            for state in FINAL:
                self.of(self.ended, state.value, lane)
        for found in FOUND:
            self.of(self.finds, found)
        for says, outcome in product(SAYS, RECEIVED):
            self.of(self.receipts, says, outcome)
        for says, lane in product(SAYS[2:], LANES):
            self.of(self.delivered, says, lane, "")
        for way, outcome in product(EVENT_WAYS, EVENT_OUTCOMES):
            self.of(self.events, way, outcome)
        for outcome in REPLIED:
            self.of(self.replies, outcome)
        for alert in ALERTS:
            self.of(self.alerts, alert)


_book: Book | None = None
_lock = threading.Lock()
"""Held while counting, and over a fork: a child must not inherit a lock of prometheus_client's that nobody will open."""


def start() -> Path:
    """Begin to count, in this process and in those it forks. OSError when there is no room for the files."""
    global _book  # noqa: PLW0603 - one per process is the point
    metric_files.remove_leftovers()
    folder = metric_files.own_folder()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    metric_files.reserve(folder)
    _book = Book(folder)
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_after_fork)
    return folder


def folder() -> Path | None:
    """Where this process counts; None: it does not."""
    return _book.folder if _book else None


def stop(folder: Path) -> None:
    """Count no more, and leave nothing behind."""
    global _book  # noqa: PLW0603 - one per process is the point
    _book = None
    shutil.rmtree(folder, ignore_errors=True)


class Summed:
    """What all processes of this worker have counted, added up each time it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - only who counts pays for it

        with self._asked:
            metric_files.fold_the_dead(self._folder)
            yield from list(MultiProcessCollector(None, path=str(self._folder)).collect())  # type: ignore[no-untyped-call]


def _counting(record: Callable[Concatenate[Book, P], None]) -> Callable[P, None]:
    """Count, if anybody wants to know. What goes wrong is dropped: the message has gone already."""

    @wraps(record)
    def counted(*args: P.args, **kwargs: P.kwargs) -> None:
        if _book is None:
            return
        try:
            with _lock:
                record(_book, *args, **kwargs)
        except Exception:  # noqa: BLE001, S110 - see above; contextlib.suppress takes longer than half a counter
            pass

    return counted


@_counting
def called(book: Book, error: GatewayError | None, code: str | None, seconds: float) -> None:
    """One call to the provider has ended: with this code of its own, if it gave one."""
    outcome = "accepted" if error is None else next(name for kind, name in OUTCOMES if isinstance(error, kind))
    book.of(book.calls, outcome, book.code(code)).inc()
    book.call.observe(seconds)
    if isinstance(error, DuplicateKeyError):
        book.duplicates.inc()


@_counting
def moved(book: Book, state: State, lane: str) -> None:
    """A worker moved a message there, without a call."""
    _moved(book, state, lane)


@_counting
def settled(
    book: Book,
    state: State,
    lane: str,
    *,
    again: bool,
    waited: float,
    segments: int,
    spent: Decimal,
    currency: str | None,
) -> None:
    """The outcome of a submit was written. `again`: a machine will repeat the submit. `waited`: seconds since the
    message was taken, or was due."""
    _moved(book, state, lane)
    if again:
        book.retries.inc()
    if state is State.ACCEPTED:
        book.of(book.handover, lane).observe(waited)
    if state is State.ACCEPTED or spent:
        book.of(book.segments, lane).inc(segments)
    if spent > 0:
        book.of(book.spend, currency_label(currency)).inc(float(spent))


def _moved(book: Book, state: State, lane: str) -> None:
    if state in FINAL:
        book.of(book.ended, state.value, lane).inc()
    elif state is State.UNKNOWN:
        book.unknown.inc()


@_counting
def receipt(book: Book, says: str, outcome: str, record: Record | None, *, age: float, country: str) -> None:
    """An operator's word on one recipient, in that country, was processed. `age`: seconds since it came in."""
    book.of(book.receipts, says, outcome).inc()
    book.receipt_age.observe(age)
    if record is None or says not in SAYS[2:]:
        return
    lane = record.lane if record.lane in LANES else "normal"
    book.of(book.delivered, says, lane, book.sender(record.arguments.get("sender"))).inc()
    if outcome == "moved":
        _moved(book, record.state, record.lane)
    taken = next((move.at for move in reversed(record.history) if move.state is State.ACCEPTED), None)
    if says == "delivered" and outcome == "moved" and taken is not None:
        known = country if len(country) == 2 and country.isalpha() else ""
        book.of(book.to_handset, known).observe(max(0.0, (record.history[-1].at - taken).total_seconds()))


@_counting
def opted_out(book: Book, source: str) -> None:
    """A number wants no more SMS."""
    book.of(book.opt_outs, source).inc()


@_counting
def replied(book: Book, outcome: str) -> None:
    """Somebody answered a message, or nothing of ours."""
    book.of(book.replies, outcome).inc()


@_counting
def unreadable(book: Book) -> None:
    """What Octopush called with could not be processed."""
    book.unreadable.inc()


@_counting
def events(book: Book, way: str, outcome: str, count: int) -> None:
    """Events went to the web app, or did not."""
    book.of(book.events, way, outcome).inc(count)


@_counting
def dropped(book: Book, record: Record | None) -> None:
    """A job came whose message another worker has (None), or that is over."""
    if record is None or record.state in MAYBE_TWICE:
        book.duplicates.inc()


@_counting
def found(book: Book, what: str) -> None:
    """The scheduler found a lost job or an ended lease."""
    book.of(book.finds, what).inc()


@_counting
def alerted(book: Book, alert: str) -> None:
    """An alert about the account was raised."""
    book.of(book.alerts, alert).inc()


def currency_label(currency: str | None) -> str:
    """Three capitals, or nothing: what the provider wrote may be anything."""
    return currency if currency and len(currency) == 3 and currency.isascii() and currency.isupper() else ""


def _after_fork() -> None:
    """In the child. Without room for its files it counts nothing."""
    global _book  # noqa: PLW0603 - one per process is the point
    _lock.release()
    if _book is not None:
        try:
            metric_files.reserve(_book.folder)
        except OSError:
            _book = None
