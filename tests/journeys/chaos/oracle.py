"""What became of each promise: the sandbox's book of what rang, against what the record says to whoever asks.

It shares nothing with the product but the words of the states: rings are counted by handset and text.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+[Z\d:+-]*")

BAD = ("lost", "twice", "stuck", "unfinished", "wrong")
GOOD = ("unconfirmed", "for a person", "fine")

SENT = frozenset({"accepted", "delivered", "undelivered"})
NOT_SENT = frozenset({"rejected", "expired", "cancelled", "dead"})


class Results:
    """Results by door, and a story for each that is bad."""

    def __init__(self):
        self.counts: defaultdict[str, Counter] = defaultdict(Counter)
        self.stories: list[str] = []
        self.left: defaultdict[str, Counter] = defaultdict(Counter)
        """Why something is left to a person: reason -> message -> people."""

    def of(self, result):
        return sum(each[result] for each in self.counts.values())

    @property
    def people(self):
        return sum(each.total() for each in self.counts.values())


def judge(rang, record, number, *, burnt, moving=False):
    """One person's result. `record` is what `status` says, or None. `moving`: the run ended before its messages had."""
    if rang > 1 or record is None:
        return "twice" if rang > 1 else "lost"
    if record["needs_review"] or (record["state"] == "dead" and record["maybe_sent"]):
        return "for a person"
    if record["state"] not in SENT | NOT_SENT:
        return "unfinished" if moving else "stuck"
    sent = (record["recipients"].get(number, {}).get("state") or record["state"]) in SENT
    if sent and not rang:
        # Where a refused call uses its key up, a lost refusal and a lost success look alike: the record must say so.
        return "unconfirmed" if burnt and record["confirmed"] is False else "lost"
    return "fine" if sent == bool(rang) else "wrong"


def results(ledger, handsets, record_of, record_in_campaign, *, burnt, moving=False):
    """All promises judged. `handsets` is the sandbox's own; the two others say what a record tells."""
    rang = Counter((number, message["text"]) for number, messages in handsets.items() for message in messages)
    found = Results()
    for promise in ledger.promises:
        record = (
            record_of(promise.message_id)
            if promise.message_id
            else record_in_campaign(promise.campaign, promise.number)
        )
        rings = rang[promise.number, promise.text]
        result = judge(rings, record, promise.number, burnt=burnt, moving=moving)
        found.counts[promise.door][result] += 1
        if result == "for a person":
            found.left[INSTANT.sub("...", record["reason"])][record["message_id"]] += 1
        if result in BAD:
            found.stories.append(f"{result}: {promise.door}, rang {rings}, {record and record['history']}")
    for promise in ledger.perhaps:
        rings = rang[promise.number, promise.text]
        result = "twice" if rings > 1 else "fine"
        found.counts[f"{promise.door}, not told"][result] += 1
    known = {(each.number, each.text) for each in (*ledger.promises, *ledger.perhaps)}
    for (number, text), rings in rang.items():
        if rings > 1 and (number, text) not in known:
            found.counts["a call that was still going on"]["twice"] += 1
            found.stories.append(f"twice: rang {rings}, {text!r}")
    return found
