"""What Octopush called us with is processed: a receipt moves its message, whatever nobody can process is set aside.

A batch of receipts is one round trip. Each is applied in the step that takes it out of the inbox, so it is applied once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import get_args

from octoworker.errors import RecordError, StoreError
from octoworker.gateway.callbacks import Callback, Kind, meaning
from octoworker.gateway.callbacks.words import Delivery
from octoworker.sending import report
from octoworker.sms import opt_outs
from octoworker.sms.opt_outs import Source
from octoworker.sms.recipient import called
from octoworker.store import Receipt, Reply, Store
from octoworker.store.opt_outs import OptOut
from octoworker.store.streams import Entry

BAD_ENTRY = "it could not be processed"
A_REPLY = "a reply to no message of ours"
"""Kept for an operator to read."""

KINDS: frozenset[str] = frozenset(get_args(Kind))

LONGEST_REPLY = 1600
"""Characters of a reply that are kept: ten segments."""


class Inbound:
    """Processes the inbox. `region`: how a national number is read; `number_keys`: under which it is hashed."""

    def __init__(
        self,
        store: Store,
        region: str,
        number_keys: Sequence[str] = (),
        stop_words: Sequence[str] = (),
        *,
        content_in_events: bool = False,
    ) -> None:
        self._store = store
        self._region = region
        self._number_keys, self._stop_words = number_keys, stop_words
        self._content_in_events = content_in_events

    def process(self, entries: Sequence[Entry]) -> None:
        """All of these. StoreError: Redis is out of reach; what was not processed stays in the inbox."""
        receipts: list[tuple[Entry, Receipt]] = []
        for entry in entries:
            try:
                receipts += self._processed(entry)
            except RecordError:
                # It would fail again, before all that come behind it.
                self._set_aside(entry, BAD_ENTRY)
        self._apply(receipts)

    def _processed(self, entry: Entry) -> list[tuple[Entry, Receipt]]:
        """One of them, but for a receipt: receipts are applied together."""
        found = _read(entry)
        if found is None:
            self._set_aside(entry, BAD_ENTRY)
        elif found.kind == "receipt":
            self._note_blacklisted(found)
            return [(entry, self._receipt(entry, found))]
        elif found.kind == "stop":
            self._opt_out(found, "stop", entry)
        elif opt_outs.is_stop(found.text, self._stop_words):
            self._opt_out(found, "reply", entry)
        else:
            self._reply(found, entry)
        return []

    def _receipt(self, entry: Entry, callback: Callback) -> Receipt:
        word = meaning(callback.word)
        return Receipt(
            callback.ticket,
            called(callback.number, self._region),
            word.delivery.value,
            word.word,
            at=callback.at,
            reason=f"{word.word}: {word.meaning}" if word.delivery is Delivery.UNDELIVERED else "",
            entry=entry.entry,
            kept=json.dumps({"id": entry.event_id, "content": entry.content}),
        )

    def _note_blacklisted(self, receipt: Callback) -> None:
        """The operator's own list knows the number: it said STOP to this account, where we did not hear it."""
        if meaning(receipt.word).opted_out:
            self._opt_out(receipt, "blacklisted")

    def _opt_out(self, callback: Callback, source: Source, entry: Entry | None = None) -> None:
        number = called(callback.number, self._region)
        hashes = opt_outs.hashes(number, self._number_keys)
        opt_out = OptOut(source, ticket=callback.ticket)
        place, event_id = (entry.entry, entry.event_id) if entry else ("", "")
        shown = number if self._content_in_events else ""
        report.opted_out(source, self._store.opt_outs.add(hashes, opt_out, place, event_id, shown))

    def _reply(self, callback: Callback, entry: Entry) -> None:
        number, text = called(callback.number, self._region), callback.text[:LONGEST_REPLY]
        reply = Reply(
            callback.ticket,
            number,
            text,
            callback.at,
            entry.entry,
            entry.event_id,
            A_REPLY,
            entry.content,
            shown=self._content_in_events,
        )
        outcome, message_id = self._store.reply(reply)
        report.replied(outcome, message_id)

    def _set_aside(self, entry: Entry, reason: str) -> None:
        self._store.inbox.set_aside(entry, reason)
        report.set_aside(reason)

    def _apply(self, receipts: Sequence[tuple[Entry, Receipt]]) -> None:
        if not receipts:
            return
        failure: StoreError | None = None
        answers = self._store.receipts([receipt for _, receipt in receipts])
        for (entry, receipt), answer in zip(receipts, answers, strict=True):
            if isinstance(answer, RecordError):
                self._set_aside(entry, BAD_ENTRY)
            elif isinstance(answer, StoreError):
                failure = answer
            else:
                report.received(receipt, answer, age=max(timedelta(), self._store.clock.now() - entry.arrived))
        if failure is not None:
            raise failure


def _read(entry: Entry) -> Callback | None:
    """None: what was stored is no callback, by whatever mistake."""
    try:
        kept = json.loads(entry.content)
        strict = all(isinstance(value, str) for value in kept.values())
        found = Callback.from_json(kept)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return found if strict and found.kind in KINDS else None
