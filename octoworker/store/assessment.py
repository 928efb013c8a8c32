"""The state of the whole installation, from one look at the board: the findings of the status page, `stats`, `top` and `doctor`.

Nothing found means that all is well: workers are alive and read every lane, nothing is late, and nothing is held back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum

from octoworker.sms.lanes import LANES, QUEUES
from octoworker.sms.record import State
from octoworker.store.clocks import WRONG
from octoworker.store.stats import FILLING, FULL, Board

OLD: Mapping[str, timedelta] = {
    "urgent": timedelta(minutes=1),
    "normal": timedelta(minutes=15),
    "bulk": timedelta(hours=4),
}
"""How long the first message of a lane may wait. The alerts fire from the same ages on."""

LATE = timedelta(seconds=30)
"""How far due messages may be behind; the same as in the alerts."""

DRIFT = timedelta(seconds=1)
"""That a worker's clock may be away from Redis'."""

CALM = "All is well. Nothing is held back."


class Grade(StrEnum):
    """How it stands. Only a problem makes `doctor` fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what it is, how it stands, and what to do about it."""

    name: str
    outcome: Grade
    says: str
    do: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def of(board: Board) -> tuple[Finding, ...]:
    """Everything that is not well, the worst first."""
    found = [each for look in _LOOKS for each in look(board)]
    return tuple(sorted(found, key=lambda each: each.outcome is not Grade.PROBLEM))


def worst(findings: Sequence[Finding]) -> Grade:
    """The grade of the whole."""
    grades = {each.outcome for each in findings}
    return next((grade for grade in (Grade.PROBLEM, Grade.WARNING) if grade in grades), Grade.OK)


def span(span: timedelta) -> str:
    """`3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`: two figures tell enough."""
    seconds = span.total_seconds()
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    for big, name, small, rest in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= big:
            return f"{whole // big} {name} {whole % big // small} {rest}"
    return f"{whole} s"


def _writes(board: Board) -> Iterator[Finding]:
    if board.refuses:
        yield Finding(
            "redis",
            Grade.PROBLEM,
            f"Redis writes nothing: {board.refuses}. Nothing is taken, and nothing is sent.",
            "see docs/operations.md, Redis writes nothing",
        )
    if board.memory_share >= FILLING:
        yield Finding(
            "memory",
            Grade.PROBLEM if board.memory_share >= FULL else Grade.WARNING,
            f"Redis is {board.memory_share:.0%} full. A full Redis takes no message.",
            "give it memory",
        )


def _workers(board: Board) -> Iterator[Finding]:
    if board.workers is None:
        yield Finding(
            "workers",
            Grade.WARNING,
            "This user of Redis may not see which workers are alive.",
            "let it read ow:workers (deploy/redis.conf)",
        )
    elif board.refuses or board.memory_share >= FULL:
        return  # no worker can say that it is there
    elif not board.workers:
        yield Finding("workers", Grade.PROBLEM, "No worker is alive. Nothing is sent.", "start one: octoworker worker")
    elif unread := [lane for lane in LANES if not board.readers(lane)]:
        count = len(board.workers)
        yield Finding(
            "workers",
            Grade.PROBLEM,
            f"{count} {'are' if count > 1 else 'is'} alive, but none reads {', '.join(unread)}.",
            f"start one: octoworker worker -Q {','.join(QUEUES[lane] for lane in unread)}",
        )


def _clocks(board: Board) -> Iterator[Finding]:
    """Nothing is sent by a worker's clock; but a machine whose clock is wrong needs a look."""
    off = {worker: drift for worker, drift in board.clocks.items() if abs(drift) > DRIFT}
    wrong = [drift for drift in off.values() if abs(drift) > WRONG]
    if len(wrong) > 1 and len(wrong) == len(board.clocks) and max(wrong) - min(wrong) <= WRONG:
        yield Finding(
            "Redis' clock",
            Grade.PROBLEM,
            f"All {len(wrong)} workers are {wrong[0].total_seconds():+.0f} s away from it.",
            "set the clock of Redis' machine: it decides when messages go",
        )
        return
    for worker, drift in sorted(off.items()):
        yield Finding(
            f"clock of {worker}",
            Grade.PROBLEM if abs(drift) > WRONG else Grade.WARNING,
            f"It is {drift.total_seconds():+.1f} s away from Redis.",
            "run NTP there; Redis' clock counts",
        )


def _ages(board: Board) -> Iterator[Finding]:
    for name, lane in board.lanes.items():
        if lane.oldest and lane.oldest > OLD[name]:
            yield Finding(
                f"lane {name}",
                Grade.PROBLEM if name == LANES[0] else Grade.WARNING,
                f"Its oldest message has waited for {span(lane.oldest)}.",
                "see docs/operations.md, The queue is old",
            )
    if board.due_lag > LATE:
        yield Finding(
            "scheduler",
            Grade.PROBLEM,
            f"Due messages are {span(board.due_lag)} late.",
            "see docs/operations.md, Due messages are late",
        )


def _held_back(board: Board) -> Iterator[Finding]:
    if board.account_hold:
        yield Finding(
            "account hold",
            Grade.PROBLEM,
            f"On hold ({board.account_hold}). {board.account_hold_reason or ''}".rstrip(),
            "mend that, then: octoworker resume --brake",
        )
    if board.breaker != "closed":
        yield Finding(
            "breaker",
            Grade.PROBLEM if board.breaker == "open" else Grade.WARNING,
            f"Breaker {board.breaker}. Octopush does not answer as it should: messages wait, some are tried.",
            "wait: it closes when Octopush answers again",
        )
    if board.paused:
        yield Finding(
            "paused", Grade.WARNING, f"Paused: {', '.join(board.paused)}.", "ask who did it; then: octoworker resume"
        )


def _left_to_people(board: Board) -> Iterator[Finding]:
    if unknown := board.states.get(State.UNKNOWN, 0):
        messages = "messages" if unknown > 1 else "message"
        yield Finding(
            "unknown",
            Grade.WARNING,
            f"{unknown:,} {messages} unknown: may have been sent; some may wait for a person.",
            "octoworker list --state unknown",
        )


def _web_app(board: Board) -> Iterator[Finding]:
    do = "see docs/operations.md, The web app takes no events"
    if board.webhook_endpoint == "stopped":
        yield Finding("events", Grade.PROBLEM, "The web app's address says that it is gone. Nothing is posted.", do)
    elif board.webhook_endpoint == "resting":
        waiting = f"{board.webhooks:,} events wait."
        yield Finding("events", Grade.WARNING, f"The web app's address does not answer as it should. {waiting}", do)
    if board.webhooks_dead:
        several = "events were" if board.webhooks_dead > 1 else "event was"
        yield Finding(
            "dead events",
            Grade.WARNING,
            f"{board.webhooks_dead:,} {several} not taken by the web app in ten tries.",
            "octoworker events list, then: octoworker events replay --since ...",
        )


_LOOKS = (_writes, _workers, _clocks, _ages, _held_back, _left_to_people, _web_app)
