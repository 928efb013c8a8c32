"""What Octopush holds for later is taken back: one message, one call, one answer.

1. Somebody cancels or moves it: a mark in its record. A web app that asks for it has no API key.
2. A worker of its account takes it, under a lease of its own.
3. It asks Octopush. Only "it is gone" ends it: then the record is cancelled, or goes out again under its next key.
4. A lost answer is a doubt. The same is asked again, and a "no" after a doubt proves nothing: an operator must look.

A worker that dies between 2 and 4 leaves a doubt behind when its lease ends: its call may have been made.
"""

from __future__ import annotations

import time
from datetime import timedelta

from octoworker.errors import (
    BusyError,
    GatewayError,
    MaybeSentError,
    RefusedByProviderError,
    StoreError,
    UnreachableError,
)
from octoworker.gateway import Gateway, RecallRules
from octoworker.sending import report
from octoworker.sending.attempt import RECORD_PAUSE, Steps, no_step
from octoworker.sending.retry import Policy
from octoworker.sending.rules import Budgets
from octoworker.sms.record import Record
from octoworker.store import Recall, Store, Word

LONGEST_PAUSE = timedelta(seconds=30)
"""Between two calls about one message: it goes out at a fixed time, and each minute counts."""

DOUBLINGS = 10
"""Beyond the longest pause."""


class Recaller:
    """Asks the provider to take messages back. For one thread."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        policy: Policy,
        budgets: Budgets,
        rules: RecallRules | None,
        *,
        at_step: Steps = no_step,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._policy = policy
        self._budgets = budgets
        self._rules = rules
        self._at_step = at_step

    def step(self) -> bool:
        """Take the next message, ask, write what came of it. False: there was none. StoreError: Redis is out of reach."""
        began = time.monotonic()
        recall = self._store.recalls.take()
        if recall is None:
            return False
        self._at_step("before_recall")
        if time.monotonic() - began > self._budgets.lease - self._budgets.send:
            return True
        word = self._called(recall)
        self._at_step("before_recall_settle")
        report.recalled(recall, word, self._settled(recall, word))
        return True

    def _called(self, recall: Recall) -> Word:
        try:
            self._gateway.cancel(recall.ticket)
        except GatewayError as error:
            return word_of(error, recall.tries, self._policy, self._rules)
        return Word("gone")

    def _settled(self, recall: Recall, word: Word) -> Record | None:
        """Write it, for as long as the record budget lasts; then the lease ends, and leaves a doubt."""
        deadline = time.monotonic() + self._budgets.record
        while True:
            try:
                return self._store.recalls.settle(recall, word)
            except StoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(RECORD_PAUSE)


def word_of(error: GatewayError, tries: int, policy: Policy, rules: RecallRules | None) -> Word:
    """What a call that did not end in "it is gone" says."""
    wait = timedelta(seconds=error.retry_after or 0)
    delay = min(max(wait, policy.base * 2 ** min(tries, DOUBLINGS)), LONGEST_PAUSE)
    if isinstance(error, MaybeSentError):
        return Word("nothing", error.reason, delay)
    # An account that is refused may be mended before it is too late.
    if isinstance(error, UnreachableError | BusyError) or error.stops_account:
        return Word("later", error.reason, delay)
    limits = f"; {rules.limits}" if rules and isinstance(error, RefusedByProviderError) else ""
    return Word("no", f"{error.reason}{limits}")
