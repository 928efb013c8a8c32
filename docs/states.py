# ruff: noqa: INP001 - a script's other half, not a package
"""The life of a message as arrows: each has a letter, its mover and a reason. The diagram and its table are made of these.

tests/unit/test_docs.py compares them with `octoworker.sms.record.MOVES`, move by move, so that the picture cannot lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Box(NamedTuple):
    """A state's place in the diagram: its middle."""

    x: int
    y: int


BOXES = {
    "scheduled": Box(150, 130),
    "queued": Box(150, 300),
    "waiting": Box(150, 470),
    "submitting": Box(480, 230),
    "unknown": Box(480, 470),
    "accepted": Box(810, 130),
    "delivered": Box(1030, 80),
    "undelivered": Box(1030, 200),
    "rejected": Box(810, 300),
    "dead": Box(810, 470),
    "expired": Box(360, 660),
    "cancelled": Box(600, 660),
}

BEFORE = ("scheduled", "queued", "waiting")
"""Not on its way out yet: each of the three can make the same moves, unless an arrow names fewer."""

REPLAYABLE = ("unknown", "accepted", "undelivered", "rejected", "expired", "cancelled", "dead")


@dataclass(frozen=True)
class Arrow:
    """Moves of one kind. `drawn`: an SVG path; `at`: where its letter stands; `note`: words beside it."""

    letter: str
    sources: tuple[str, ...]
    target: str
    mover: str
    why: str
    drawn: str
    at: tuple[tuple[int, int], ...]
    note: tuple[str, int, int] | None = None


ARROWS = (
    Arrow(
        *("A", ("queued", "waiting"), "scheduled", "worker; caller"),
        "`send_at` lies ahead and the message is held here, or marketing waits for its hours. A `reschedule` of a message "
        "that is just becoming due leads here too",
        *("M120 276 V154 M88 462 C58 400 58 200 88 138", ((120, 215), (66, 380))),
    ),
    Arrow(
        *("B", ("scheduled",), "scheduled", "worker; caller"),
        "`reschedule` moves it to another time; or it is due, and marketing may not be sent at that hour",
        *("M120 106 C105 62 165 62 160 106", ((140, 74),)),
    ),
    Arrow(
        *("C", ("scheduled", "queued", "waiting"), "queued", "scheduler; caller"),
        "It is due, its wait is over, or flow control releases it from the backlog: its job is published again. "
        "`enqueue(..., replace=True)` leads here too, with another text or time",
        *("M180 154 V276 M180 446 V324 M88 292 C44 276 44 324 88 308", ((180, 215), (180, 385), (55, 300))),
    ),
    Arrow(
        *("D", BEFORE, "waiting", "worker"),
        "It may not go now, and is not to blame for that: flow control (a pause, the account hold, the breaker, the pace), "
        "a cap, a paused campaign; or its job came too early. It costs no attempt. `reason` says which",
        *("M120 324 V446", ((120, 385),)),
    ),
    Arrow(
        *("E", BEFORE, "submitting", "worker"),
        "The claim gave this worker the lease: no other has the message until it ends. Written before the first byte leaves",
        *("M270 300 C330 300 340 245 418 235", ((345, 260),)),
    ),
    Arrow(
        *("F", ("submitting",), "accepted", "worker"),
        "Octopush accepted it, or says that it has had this very key already. `ticket` is Octopush's id of the call",
        *("M542 222 C640 210 680 150 748 136", ((640, 190),)),
    ),
    Arrow(
        *("G", ("submitting",), "waiting", "worker"),
        "It is proven that nothing was sent, and another try is worth it: no connection, HTTP 429, a passing code, a "
        "refused account. `due_at` says when; after a refused account it is backlogged until the account hold ends",
        *("M440 254 C400 380 330 450 212 462", ((360, 400),)),
    ),
    Arrow(
        *("H", ("submitting",), "unknown", "worker; scheduler"),
        "It may have been sent: a timeout, a reset, a cut answer, a 5xx, an unlisted code; or the worker that had it did "
        "not come back before its lease ended",
        *("M480 254 V446", ((480, 350),)),
    ),
    Arrow(
        *("I", ("submitting",), "rejected", "worker"),
        "Octopush refused it for good (number, text, sender...), or accepted the call and refused every recipient",
        *("M542 240 C620 250 680 290 746 298", ((640, 265),)),
    ),
    Arrow(
        *("J", ("submitting",), "dead", "worker; scheduler"),
        "Given up: its attempts or its time are spent and nothing was sent; or `OCTOWORKER_MAX_CRASHES` workers in a row "
        "did not come back from it, and then it may have been sent (`reason` says so)",
        *("M530 254 C600 340 680 440 748 458", ((640, 380),)),
    ),
    Arrow(
        *("K", ("unknown",), "submitting", "worker"),
        "Asked again under the same key: Octopush answers 120 if it had it, and then nobody's telephone rings twice",
        *("M512 446 V254", ((512, 350),)),
    ),
    Arrow(
        *("L", ("unknown",), "unknown", "worker; scheduler"),
        "Still not known, and flow control allows no call now; or no machine may ask again (`needs_review`): its key may be "
        "forgotten, its time is over, or Octopush's word is not to be trusted (decision 4). An operator decides",
        *("M440 494 C430 545 510 545 505 494", ((472, 531),)),
    ),
    Arrow(
        *("M", ("unknown", "dead"), "accepted", "worker; receipt; operator"),
        "Better knowledge: the answer came after the lease had ended, a receipt speaks of one of its recipients, or an "
        "operator found it at Octopush (`octoworker decide ID sent`)",
        *("M542 458 C700 420 730 200 780 154 M840 446 C900 380 900 220 840 154", ((718, 262), (886, 300))),
    ),
    Arrow(
        *("N", ("unknown", "accepted", "undelivered", "dead"), "delivered", "receipt"),
        "The network operator delivered it to every recipient that was accepted",
        *("M850 106 C880 80 920 80 968 80", ((910, 82),)),
        note=("N also: unknown, dead, undelivered", 1000, 121),
    ),
    Arrow(
        *("O", ("unknown", "accepted", "dead"), "undelivered", "receipt"),
        "Each recipient has its receipt, and at least one was not reached",
        *("M872 140 C910 150 930 190 968 198", ((918, 166),)),
        note=("O also: unknown, dead", 1030, 238),
    ),
    Arrow(
        *("P", BEFORE, "rejected", "worker"),
        "It can never be sent as it is: wrong arguments, a `send_at` that had passed when it came, a cap with "
        "`OCTOWORKER_CAPPED=refuse`, the same text to the same number, a key that belongs to another message",
        *("M270 330 C400 345 600 340 746 306", ((420, 339),)),
    ),
    Arrow(
        *("Q", BEFORE, "accepted", "worker; scheduler"),
        "Some recipients had it in an earlier call and the others cannot have it any more (as in J, P, S or T): it ends as "
        "what it is for the first, and `recipients` names the others",
        *("M270 110 C420 75 640 75 748 118", ((520, 84),)),
    ),
    Arrow(
        *("R", BEFORE, "cancelled", "caller"),
        "`octoworker cancel`, `cancel()`, or its campaign was cancelled, before anything may have been sent",
        *("M250 540 C300 610 480 580 570 636", ((440, 594),)),
    ),
    Arrow(
        *("S", BEFORE, "expired", "worker; scheduler"),
        "`expires_at` passed before it could be sent",
        *("M150 540 C150 640 230 660 298 660", ((190, 627),)),
    ),
    Arrow(
        *("T", ("queued",), "dead", "scheduler"),
        "Its job vanished from the queue again and again before a worker could claim it",
        *("M205 324 C330 600 640 580 760 494", ((560, 547),)),
    ),
    Arrow(
        *("U", tuple(state for state in REPLAYABLE), "queued", "operator; caller"),
        "`octoworker replay`, under a new key; with `--force` when it may have been sent. What ended unsent also comes back "
        "by `enqueue(..., replace=True)`",
        *("M900 540 V735 Q900 755 880 755 H50 Q30 755 30 735 V322 Q30 302 50 302 H88 M480 710 V755", ((200, 755),)),
        note=("replay by an operator: from all that is over but delivered, and from unknown", 560, 772),
    ),
    Arrow(
        *("V", BEFORE, "unknown", "scheduler; operator"),
        "Redis went back to an older state (a failover, a backup), and it may have been sent in the stretch that was lost; an "
        "operator decides",
        *("M270 412 C320 412 360 450 416 472", ((310, 416),)),
    ),
    Arrow(
        *("Y", ("unknown", "accepted"), "dead", "operator"),
        "`octoworker decide ID dead`: an operator gives up a message that needs review, or one that was accepted "
        "unconfirmed and is not at Octopush",
        *("M542 470 H748 M856 154 C940 250 940 380 856 446", ((650, 470), (919, 300))),
    ),
    Arrow(
        *("Z", ("accepted",), "accepted", "worker; operator"),
        "It was accepted unconfirmed, and now it is known: a late answer, or `octoworker decide ID sent`; or Octopush is asked "
        "to cancel it, and did not",
        *("M790 106 C790 70 830 70 830 106", ((810, 76),)),
    ),
    Arrow(
        *("1", ("accepted",), "cancelled", "worker; operator"),
        "Octopush held it for later, was asked to cancel it, and said that it is gone (v1). A refusal or a lost answer moves "
        "nothing; after both an operator looks there (`octoworker decide ID cancelled`)",
        *("M868 154 C1000 330 960 640 662 660", ((939, 420),)),
    ),
    Arrow(
        *("2", ("accepted",), "waiting", "worker"),
        "The same, for `reschedule`: the old one is gone, and it is handed over again under the next key",
        *("M765 122 V26 Q765 10 749 10 H36 Q20 10 20 26 V468 Q20 484 36 484 H86", ((420, 10),)),
    ),
)


def moves() -> set[tuple[str, str]]:
    """Every move that the arrows stand for."""
    return {(source, arrow.target) for arrow in ARROWS for source in arrow.sources}
