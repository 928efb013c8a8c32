"""One account's correspondence: which letters a ring, a STOP or a reply brings about, and when they are posted."""

from __future__ import annotations

import unicodedata
from functools import partial

from octoworker.sandbox.callbacks import letters, plan
from octoworker.sandbox.callbacks.letters import Letter
from octoworker.sandbox.callbacks.post import PostOffice
from octoworker.sandbox.handsets import Message
from octoworker.sandbox.settings import Settings
from octoworker.sandbox.world import World

STOPS = frozenset({"stop", "stopsms", "stop sms"})


class Correspondence:
    """Writes letters for one account; without an address for a kind, nothing of that kind is posted."""

    def __init__(self, world: World, post: PostOffice) -> None:
        self._world = world
        self._post = post

    def receipts(self, settings: Settings, message: Message, *, blocked: bool) -> list[Letter]:
        """Note the receipts of a message that rang, or was blocked; returns those that come before the answer.

        The caller holds the lock.
        """
        early: list[Letter] = []
        if not settings.url_deliveries:
            return early
        now = self._world.clock.now()
        for place, step in enumerate(plan.receipts(settings, message, blocked=blocked)):
            at = now if step.early else now + plan.delay(settings, step, place)
            letter = letters.receipt(settings, message, step.word, at)
            self._send(letter, at)
            early += [letter] if step.early else []
        return early

    def typed(self, settings: Settings, message: Message, text: str) -> list[str]:
        """Somebody typed this on a handset; returns the kinds of the events that follow.

        A STOP is a STOP by its whole text. To a message that could be answered it comes as a reply too, or not, as set.
        """
        now = self._world.clock.now()
        written = [letters.stop(settings, message, text, now)] if is_stop(text) else []
        if not written or (message.with_replies and settings.stop_is_reply_too):
            written.append(letters.reply(settings, message, text, now))
        for letter in written:
            self._send(letter, now)
        return [letter.kind for letter in written]

    def _send(self, letter: Letter, at: float) -> None:
        if letter.url and at <= self._world.clock.now():
            self._post.send(letter)
        elif letter.url:
            self._world.later(at, partial(self._post.send, letter))


def is_stop(text: str) -> bool:
    """Whether the text is STOP and nothing else, accents, case and punctuation aside."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    words = "".join(char if char.isalnum() else " " for char in plain if not unicodedata.combining(char))
    return " ".join(words.split()) in STOPS
