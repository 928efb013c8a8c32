"""The board as metrics: each scrape looks at Redis. When Redis is away, the metrics say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from octoworker.errors import StoreError
from octoworker.store import Board
from octoworker.store.limits import PAUSABLE
from octoworker.telemetry.metrics import currency_label

Samples = Mapping[str, float]


class Gauges:
    """The gauges of a whole installation. `look` reads the board, `pace_limit` in segments a second (0: none)."""

    def __init__(self, look: Callable[[], Board], pace_limit: float) -> None:
        self._look = look
        self._pace_limit = pace_limit

    def collect(self) -> Iterator[Metric]:
        try:
            board = self._look()
        except StoreError:
            yield _plain("redis_up", "Whether Redis answers", 0)
        else:
            yield _plain("redis_up", "Whether Redis answers", 1)
            yield from self._of(board)

    def _of(self, board: Board) -> Iterable[Metric]:
        lanes, currency = board.lanes, currency_label(board.currency)
        if board.balance is not None:
            yield _labelled("balance", "What is left at Octopush", "currency", {currency: float(board.balance)})
        yield _labelled("spend_today", "Spent this day in Paris", "currency", {currency: float(board.spent)})
        yield _labelled(
            "queue_depth", "Jobs in the broker's list", "lane", {n: lane.queued for n, lane in lanes.items()}
        )
        yield _labelled(
            "backlog_depth", "Messages held back", "lane", {n: lane.backlogged for n, lane in lanes.items()}
        )
        if board.workers is not None:
            readers = {lane: board.readers(lane) for lane in lanes}
            yield _labelled("workers", "Workers that are alive and read the lane", "lane", readers)
        ages = {name: lane.oldest.total_seconds() for name, lane in lanes.items() if lane.oldest is not None}
        yield _labelled("oldest_seconds", "How long the first message has waited for its turn", "lane", ages)
        if board.memory is not None:
            yield _plain("redis_memory_bytes", "What Redis uses", board.memory)
        if board.memory_limit is not None:
            yield _plain("redis_memory_limit_bytes", "From which on Redis refuses what is written", board.memory_limit)
        if board.writes is not None:
            yield _plain("redis_writable", "Whether Redis takes what is written, its memory aside", board.writes)
        yield _plain("due_lag_seconds", "How long the earliest due message has been due", board.due_lag.total_seconds())
        yield _plain(
            "clock_drift_seconds",
            "Seconds by which the worst clock of a worker is ahead",
            board.clock_drift.total_seconds(),
        )
        states = {**board.states, "in_flight": board.in_flight}
        yield _labelled("messages", "Messages that are kept; in_flight: queued or being submitted", "state", states)
        unconfirmed = "Accepted messages of which Octopush knows the key, and nobody saw the answer"
        yield _plain("unconfirmed", unconfirmed, board.unconfirmed)
        yield _plain("inbox_depth", "Calls of Octopush that are still to be processed", board.inbox)
        yield _plain("outbox_depth", "Events that are still to be sent to the web app", board.outbox)
        events = {"waiting": board.webhooks, "dead": board.webhooks_dead}
        yield _labelled("webhooks", "Events to be posted to the web app; dead: it did not take them", "state", events)
        blocked = board.webhook_endpoint != "open"
        yield _plain("webhooks_blocked", "Whether the web app's address does not take what is posted", blocked)
        yield _plain("unreadable", "Calls of Octopush that nobody could read, and replies", board.unreadable)
        yield _plain("breaker_open", "Whether Octopush does not answer", board.breaker == "open")
        yield _plain("account_hold", "Whether Octopush refuses the account", board.account_hold is not None)
        yield _labelled("paused", "Paused by an operator", "what", {what: what in board.paused for what in PAUSABLE})
        if board.codes:
            yield _codes(board.codes)
        yield _plain("pace_used", "Segments a second over the last minute", board.pace)
        yield _plain("pace_limit", "Segments a second that are allowed; 0: no limit", self._pace_limit)


def _codes(codes: Mapping[str, Samples]) -> Metric:
    """Counters that Redis keeps: each worker tells the same ones."""
    text = "One-time codes: started, verified, expired (nobody typed it in), refused by the guard"
    family = CounterMetricFamily("octoworker_codes", text, labels=["outcome", "country"])
    for outcome, countries in codes.items():
        for country, count in countries.items():
            family.add_metric([outcome, country], float(count))
    return family


def _plain(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"octoworker_{name}", text, value=float(value))


def _labelled(name: str, text: str, label: str, values: Samples) -> Metric:
    family = GaugeMetricFamily(f"octoworker_{name}", text, labels=[label])
    for value_of, value in values.items():
        family.add_metric([value_of], float(value))
    return family
