"""Why a person's change of a message was refused, in a sentence each."""

from __future__ import annotations

from octoworker.errors import OctoworkerError, RefusedError, UnknownMessageError
from octoworker.sms.record import FINAL, Record, State, iso

WRONG_TIMES = {
    "past": "send_at: that time has passed; choose a later one.",
    "far": "send_at: that is further ahead than OCTOWORKER_MAX_AHEAD allows; choose an earlier time.",
}

REPLACED = "Nothing was moved: its text or time was replaced at this very moment. Look at it, and ask again."

IN_PARTS = "The message went out in parts, by country; replay the part that is meant (octoworker status shows them)."

FORGOTTEN = (
    "The message cannot be sent again: its recipient was forgotten (octoworker forget), or its text is no longer kept."
)

SENTENCES = {**WRONG_TIMES, "replaced": REPLACED, "parts": IN_PARTS, "forgotten": FORGOTTEN}
"""Whatever the change and the state."""

REFUSALS = {
    ("reschedule", State.QUEUED): "it is on its way already",
    ("reschedule", State.WAITING): "it is on its way already",
    ("cancel", State.SUBMITTING): "it is being handed over to Octopush right now",
    ("cancel", State.UNKNOWN): "it may have been sent",
    ("decide", State.UNKNOWN): "it is still being asked for",
    ("cancel", State.WAITING): "it may have been sent in part",
    ("replay", State.ACCEPTED): "Octopush is asked to cancel it; look again when it has answered",
    ("decide", State.ACCEPTED): "it waits for no such word",
}

HANDED_OVER = "it was handed over to Octopush"

OF_A_RECALL = {
    "in_doubt": "Octopush may have cancelled it: look at Octopush's own list, then `octoworker decide ID sent` or `cancelled`",
    "cancelling": "Octopush is asked to cancel it",
}
"""Why what Octopush holds cannot be taken back."""


def refused(change: str, outcome: str, before: str, record: Record | None) -> OctoworkerError:
    """The error for what the script said. `before`: the state in which it found the message; None: there is none."""
    if record is None:
        return UnknownMessageError()
    if outcome in SENTENCES:
        return RefusedError(SENTENCES[outcome])
    if change in ("cancel", "reschedule") and before == State.ACCEPTED:
        why = OF_A_RECALL.get(outcome) or _not_taken_back(record, late=outcome == "late")
        return RefusedError(f"The message cannot be changed ({change}): it is {before}, {why}.")
    return RefusedError(_refusal(change, before, forceable=outcome == "force"))


def _not_taken_back(record: Record, *, late: bool) -> str:
    if late and record.recall_until:
        return f"{HANDED_OVER}, which cancelled it until {iso(record.recall_until)} and no longer"
    return f"{HANDED_OVER}, {record.no_recall or 'to be sent at once'}"


def _refusal(change: str, before: str, *, forceable: bool) -> str:
    if forceable:
        return f"The message is {before} and may have been sent: a replay can make the handset ring twice. Use --force to insist."
    why = REFUSALS.get((change, State(before)), "it is over" if State(before) in FINAL else "it is still on its way")
    return f"The message cannot be changed ({change}): it is {before}, {why}."
