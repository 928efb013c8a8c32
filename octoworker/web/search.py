"""A search on the status page, by what an operator knows of a message. It comes in a body: no address, no history holds a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from octoworker.errors import PayloadError
from octoworker.sms.record import Record, State
from octoworker.store import Store, person
from octoworker.store.finding import SLICE
from octoworker.web import page

SHOWN = 50
"""Messages on the page."""

LOOKED_AT = 2000
"""Messages that one search looks at: some tens of milliseconds. Who needs more has the command line."""

FIELDS = ("number", "reference", "campaign", "reason")


class Search:
    """By whom, and under which keys numbers are hashed."""

    def __init__(self, store: Store, region: str = "FR", number_keys: Sequence[str] = ()) -> None:
        self._store = store
        self._region = region
        self._number_keys = number_keys

    def page(self, form: Mapping[str, str]) -> str:
        """What is found, the first of it. StoreError: Redis is away, or this user of it may not read records."""
        given: dict[str, object] = {name: form.get(name, "").strip() for name in FIELDS}
        state = form.get("state", "")
        given["state"] = [state] if state in frozenset(State) else []
        if not any(given.values()):
            return page.found([], "Give something that is known of the messages.")
        try:
            wanted = person.criteria(given, self._region, self._number_keys)
        except PayloadError as error:
            return page.found([], str(error))
        found: list[Record] = []
        for looked_at, some in enumerate(self._store.finder.slices(wanted)):
            found += some
            if len(found) > SHOWN:
                return page.found(found[:SHOWN], f"The first {SHOWN}; octoworker find shows all of them.")
            if (looked_at + 1) * SLICE >= LOOKED_AT:
                return page.found(
                    found, f"The first {LOOKED_AT:,} were looked at; octoworker find looks at all of them."
                )
        return page.found(found, "" if found else "No message that is kept is meant by that.")
