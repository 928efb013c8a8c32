"""When all is over: the stories are cut short, and everything is asked for once more. No handset may ring again.

A worker shortens what ended days ago (`OCTOWORKER_DETAIL_FOR`). A run has no days, so it shortens all that has ended, by the same
script, and lets each producer repeat each call that was taken: the same key, the same rows, the same job under its id.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import octoworker
from chaos.doors import NOT_TOLD
from octoworker.client.client import client


class Again:
    """What was asked for again, and who heard of it."""

    def __init__(self, ledger, handsets, admin):
        self._ledger, self._handsets, self._admin = ledger, handsets, admin
        self.shortened, self.counts = 0, Counter()
        self.rang_again: list[str] = []

    def ask(self):
        self.remember()
        while client().store.tombstones.shorten(timedelta(0)):
            pass
        messages = self._admin.scan_iter("ow:message:*", count=5000)
        self.shortened = sum(1 for key in messages if self._admin.hexists(key, "shortened"))
        for call in list(self._ledger.calls):
            try:
                call()
                self.counts["calls repeated"] += 1
            except octoworker.OctoworkerError as error:
                self.counts[f"answered by {type(error).__name__}"] += 1
            except NOT_TOLD as error:
                self.counts[f"not told: {type(error).__name__}"] += 1

    def remember(self):
        self._before = rings(self._handsets())

    def judge(self):
        """After the workers have done with it."""
        self.rang_again = [
            f"{text!r} had rung {self._before[number, text]} times, and {count} when it was asked for again"
            for (number, text), count in rings(self._handsets()).items()
            if count > self._before[number, text]
        ]

    @property
    def page(self):
        counts = ", ".join(f"{what} {count:,}" for what, count in sorted(self.counts.items()))
        stories = "\n".join(f"- {each}" for each in self.rang_again[:50]) or "- nobody"
        return (
            f"## Asked for again\n\n{self.shortened:,} of the records were shortened, then all was asked for again: {counts}.\n\n"
            f"Rang again:\n{stories}\n"
        )


def rings(handsets):
    return Counter((number, message["text"]) for number, messages in handsets.items() for message in messages)
