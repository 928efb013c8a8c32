"""Reading a v1 body the way Octopush says it does: cast, reformat, fall back on the default, else ignore.

Nothing in here refuses anything. A misspelt name is as good as absent, and that is the trap: a call with `mode: "simu"`
sends for real, and `purpose: "alerting"` is marketing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from octoworker.sandbox.clock import PARIS
from octoworker.sandbox.form import Request
from octoworker.sandbox.settings import Settings

PREMIUM, LOW_COST = "sms_premium", "sms_low_cost"
TYPES = frozenset({PREMIUM, LOW_COST})
ALERT, WHOLESALE = "alert", "wholesale"
PERSONAL = ("first_name", "last_name", *(f"param{n}" for n in range(1, 6)))
"""What a recipient may carry beside its number, and `{name}` in the text for each."""
FIELDS = frozenset(
    {
        *("recipients", "text", "type", "purpose", "sender", "send_at", "with_replies", "request_id", "list_name"),
        *("simulation_mode", "auto_optimize_text", "auto_remove_blacklisted_numbers", "recipient_tracking"),
    }
)
"""The names that a call to send knows."""
YES = (True, 1, "1", "true")
"""What is cast to true."""
INTERNATIONAL = re.compile(r"\+[1-9][0-9]{7,14}")
REPAIRS = (
    (re.compile(r"00([1-9])"), r"+\1"),
    (re.compile(r"0([67][0-9]{8})$"), r"+33\1"),
    (re.compile(r"([1-9])"), r"+\1"),
)


@dataclass(frozen=True)
class Recipient:
    """One of `recipients`: `number` is E.164, None when it could not be repaired."""

    number: str | None = field(repr=False)
    personal: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Wanted:
    """A call to send after the repairs. `send_at` is epoch seconds, None for now."""

    recipients: tuple[Recipient, ...]
    text: str = field(repr=False)
    type: str
    alert: bool
    sender: str
    names_sender: bool
    send_at: float | None
    with_replies: bool
    removes_blacklisted: bool

    @property
    def good(self) -> list[Recipient]:
        """The recipients that are numbers."""
        return [recipient for recipient in self.recipients if recipient.number]


def document(request: Request) -> dict[str, Any]:
    """The JSON object in the body; anything else is an empty one. The Content-Type does not matter."""
    try:
        read = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def wanted(content: Mapping[str, Any], settings: Settings) -> Wanted:
    """The call, each value repaired."""
    kind = content.get("type")
    return Wanted(
        recipients=tuple(map(_recipient, _list(content.get("recipients")))),
        text=_text(content.get("text")),
        type=kind if kind in TYPES else settings.default_type,
        alert=content.get("purpose") == ALERT,
        sender=_text(content.get("sender")) or settings.default_sender,
        names_sender=bool(_text(content.get("sender"))),
        send_at=_instant(content.get("send_at")),
        with_replies=yes(content.get("with_replies")),
        removes_blacklisted=yes(content.get("auto_remove_blacklisted_numbers")),
    )


def numbers(content: Mapping[str, Any]) -> list[str]:
    """The recipients that are numbers, in E.164 with +."""
    return [number for each in _list(content.get("recipients")) if (number := _recipient(each).number)]


def key(content: Mapping[str, Any]) -> str:
    """`request_id`, as it stands: which characters count is not documented."""
    return _text(content.get("request_id"))


def yes(value: object) -> bool:
    """Whether a value is cast to true."""
    return any(value is each or (isinstance(value, str | int) and value == each) for each in YES)


def _recipient(entry: object) -> Recipient:
    fields = entry if isinstance(entry, Mapping) else {}
    personal = {name: _text(fields.get(name)) for name in PERSONAL}
    return Recipient(_number(_text(fields.get("phone_number"))), personal)


def _number(text: str) -> str | None:
    number = re.sub(r"[\s.()-]", "", text)
    for pattern, repaired in REPAIRS:
        number = pattern.sub(repaired, number, count=1) if pattern.match(number) else number
    return number if INTERNATIONAL.fullmatch(number) else None


def _instant(value: object) -> float | None:
    """Without an offset it is Paris time; what is no instant is ignored."""
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=PARIS)).timestamp()


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    """Text as it is, a number in digits, nothing of anything else."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
