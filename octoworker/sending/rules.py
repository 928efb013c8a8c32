"""What the settings say about sending: messages, times, patience and caps."""

from __future__ import annotations

from dataclasses import dataclass, field

from octoworker.gateway import RecallRules
from octoworker.sending import retry
from octoworker.sms import message, schedule
from octoworker.sms.destinations.choices import Choices
from octoworker.store import limits

NO_CAPS = limits.Caps()


@dataclass(frozen=True)
class Budgets:
    """Seconds. Sending has its own, recording has another, and the lease covers both with room."""

    lease: float
    send: float
    record: float


@dataclass(frozen=True)
class Rules:
    """All of it."""

    payload: message.Policy
    time: schedule.Rules
    retry: retry.Policy
    budgets: Budgets
    caps: limits.Caps = NO_CAPS
    recall: RecallRules | None = None
    """What the provider can be asked to take back."""
    number_keys: tuple[str, ...] = ()
    """Secrets under which numbers may stand in the list of opt-outs, the newest first."""
    choices: Choices = field(default_factory=Choices)
    """What the settings change of the table of destinations."""
