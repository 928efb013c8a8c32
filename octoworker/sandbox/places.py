"""Places: how many calls of one account Octopush works at once, where it counts them."""

from __future__ import annotations

import threading
from collections import Counter

from octoworker.sandbox.account import Account

REFUSE = "refuse"


class Places:
    """The calls under way, by account. A call has its place until its answer is ready."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._taken: Counter[int] = Counter()
        self._torn_down = False

    def take(self, account: Account) -> bool:
        """Whether this call is let in: at once, or when its turn comes, as the account is set."""
        with self._moved:
            if account.settings.beyond_calls_at_once != REFUSE:
                self._moved.wait_for(lambda: self._torn_down or self._has_room(account))
            if not (self._torn_down or self._has_room(account)):
                return False
            self._taken[id(account)] += 1
            return True

    def leave(self, account: Account) -> None:
        """Its answer is ready."""
        with self._moved:
            self._taken[id(account)] -= 1
            self._moved.notify_all()

    def tear_down(self) -> None:
        """Nobody waits any more: the sandbox is closing."""
        with self._moved:
            self._torn_down = True
            self._moved.notify_all()

    def _has_room(self, account: Account) -> bool:
        most = account.settings.calls_at_once
        return not most or self._taken[id(account)] < most
