"""Taking back a scheduled send, within Octopush's three limits. The codes of its refusals are not documented; ours are."""

from __future__ import annotations

from octoworker.sandbox.account import Account
from octoworker.sandbox.clock import in_paris
from octoworker.sandbox.handsets import Message
from octoworker.sandbox.orders import Refusal
from octoworker.sandbox.v1.answers import Document

TOO_MANY = 3
"""Recipients: from here on a send cannot be cancelled."""
NOTICE = 600.0
"""Seconds: it must go out later than this from now."""
NOT_ALLOWED, NOT_FOUND = "157", "158"


def cancel(account: Account, ticket: str) -> Document | Refusal:
    """204, or 400 with one of our two codes."""
    with account.world.changing():
        if ticket in account.cancelled:
            return Document() if account.settings.cancel_again == "accept" else Refusal(NOT_ALLOWED)
        held = [message for message in account.world.handsets.held() if _is_of(message, account, ticket)]
        if not held:
            return Refusal(NOT_FOUND)
        if len(held) >= TOO_MANY or not _in_time(account, held) or _spent(account):
            return Refusal(NOT_ALLOWED)
        account.cancel(ticket)
        return Document()


def _is_of(message: Message, account: Account, ticket: str) -> bool:
    return (message.ticket, message.api, message.login) == (ticket, account.api, account.login)


def _in_time(account: Account, held: list[Message]) -> bool:
    return all(message.at - account.world.clock.now() > NOTICE for message in held)


def _spent(account: Account) -> bool:
    """Whether the calendar month has had all its cancels."""
    month = _month(account.world.clock.now())
    return sum(_month(at) == month for at in account.cancelled.values()) >= account.settings.cancels_a_month


def _month(at: float) -> str:
    return in_paris(at).strftime("%Y-%m")
