"""Why a person's change of a message was refused, in a sentence each."""

from __future__ import annotations

from octoworker.errors import OctoworkerError, RefusedError, UnknownMessageError
from octoworker.sms.record import FINAL, State

WRONG_TIMES = {
    "past": "send_at: that time has passed; choose a later one.",
    "far": "send_at: that is further ahead than OCTOWORKER_MAX_AHEAD allows; choose an earlier time.",
}

FORGOTTEN = "The message cannot be sent again: its recipient was forgotten (octoworker forget)."

REFUSALS = {
    ("reschedule", State.ACCEPTED): "it was handed over to Octopush, whose API knows no change",
    ("reschedule", State.QUEUED): "it is on its way already",
    ("reschedule", State.WAITING): "it is on its way already",
    ("cancel", State.ACCEPTED): "it was handed over to Octopush, whose API knows no cancel",
    ("cancel", State.SUBMITTING): "it is being handed over to Octopush right now",
    ("cancel", State.UNKNOWN): "it may have been sent",
    ("decide", State.UNKNOWN): "it is still being asked for",
    ("cancel", State.WAITING): "it may have been sent in part",
}


def refused(change: str, outcome: str, before: str) -> OctoworkerError:
    """The error for what the script said. `before`: the state in which it found the message."""
    if outcome == "absent":
        return UnknownMessageError()
    if outcome in WRONG_TIMES:
        return RefusedError(WRONG_TIMES[outcome])
    if outcome == "forgotten":
        return RefusedError(FORGOTTEN)
    return RefusedError(_refusal(change, before, forceable=outcome == "force"))


def _refusal(change: str, before: str, *, forceable: bool) -> str:
    if forceable:
        return f"The message is {before} and may have been sent: a replay can make the handset ring twice. Use --force to insist."
    why = REFUSALS.get((change, State(before)), "it is over" if State(before) in FINAL else "it is still on its way")
    return f"The message cannot be changed ({change}): it is {before}, {why}."
