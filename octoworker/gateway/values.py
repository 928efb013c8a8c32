"""What goes to a provider and what comes back, in no provider's words. Frozen; no `repr` shows a number, a text or a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Self

from octoworker.errors import Fault, Kind


@dataclass(frozen=True)
class Account:
    """Whose account, where, and how patient we are with it. Times in seconds."""

    url: str
    """Base address, without a slash at its end. The settings allow plain http only to this machine."""
    user_login: str = field(repr=False)
    api_key: str = field(repr=False)
    format: Literal["json", "xml"]
    """Of the answers, where the API offers a choice."""
    connect_timeout: float
    """To open a connection, for each address of the server; the TLS handshake has as long again."""
    read_timeout: float
    """Longest silence while we wait for the answer."""
    total_timeout: float
    """From the call to the last byte of its answer. No request leaves after it."""
    simulate: bool
    max_answer_bytes: int = 256 * 1024
    """Largest answer read, not counting what its recipients need. Real ones are below 1 KB."""
    max_idle: float = 30.0
    """A connection unused for longer is opened anew. Routers forget quiet connections without a word, and a request
    into the void looks like a maybe."""


@dataclass(frozen=True)
class RecallRules:
    """What the provider lets us take back of the messages that it holds for later."""

    max_recipients: int
    notice: timedelta
    """How long before it goes out at the latest."""
    a_month: int
    """How many."""
    limits: str
    """All of its limits, for somebody who was refused: "it cancels only ..."."""


@dataclass(frozen=True)
class Rules:
    """What differs between API generations and must be known before a call. What an answer leaves out is None in it."""

    url: str
    """Base address of the API when the settings name none."""
    key_window: float
    """Seconds for which the API remembers a request key, when the settings say nothing else."""
    max_length: int
    """Counted units in the longest text."""
    low_cost_length: int
    """Counted units in the longest low cost text."""
    max_recipients: int
    """Recipients of one call."""
    stop_mentions: tuple[str, ...]
    """Ways to write the STOP mention that marketing to France needs; the first is the one to advise."""
    stop_advice: str
    """How to write it, as an order."""
    placeholders: tuple[str, ...]
    """What the API would put something else in place of, anywhere in a text."""
    codes: Mapping[Fault, str]
    """The code with which the API itself would refuse such a message."""
    recall: RecallRules | None
    """Of a message that the provider holds for later. None: the API can take nothing back."""
    reply_price: Decimal = Decimal("0.03")
    """What each recipient of a message that can be answered costs beside the segments, in euros, as the user documentation says."""


@dataclass(frozen=True)
class Code:
    """One code of an API. `meaning` and `hint` are short phrases, safe to show. `where` names the calls it is for."""

    code: str
    meaning: str
    kind: Kind
    hint: str
    where: str
    source: str
    stops_account: bool = False
    """No call can succeed until the account is mended: all sending stops at the first."""
    mended_by_credit: bool = False


@dataclass(frozen=True)
class Submit:
    """One message for one call."""

    key: str
    """Spelled by `Dialect.key`: the API ignores a second call with the same one."""
    recipients: tuple[str, ...] = field(repr=False)
    """E.164 with `+`, each once."""
    text: str = field(repr=False)
    sms_type: str
    sender: str | None
    transactional: bool
    send_at: datetime | None
    """When the provider sends it; aware. None: at once."""
    with_replies: bool = False
    """It can be answered: the provider shows a number of its own in place of the sender."""


RecipientState = Literal["accepted", "rejected", "waiting", "delivered", "undelivered"]


@dataclass(frozen=True)
class RecipientResult:
    """What became of one recipient. `country` is ISO-2; `cost` in the answer's currency; `segments` billed.

    `cost` and `segments` are None where the API tells them of the whole call only.
    """

    recipient: str = field(repr=False)
    """As it was asked for: E.164 with `+`."""
    state: RecipientState
    country: str | None = None
    cost: Decimal | None = None
    segments: int | None = None
    code: str | None = None
    """Why it was rejected, when the provider said so."""
    kind: Kind | None = None
    """What the rejection proves. Not kept in the record: it decides once, when the answer comes."""
    reason: str = ""
    """The meaning of `code`, a short phrase, which is not kept; without a code, why no call was made for this recipient."""
    confirmed: bool = True
    """False: the provider says that it had the call, and nobody saw what it answered."""

    @classmethod
    def from_json(cls, recipient: str, entry: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote, or what a receipt left, which knows the state alone."""
        cost = entry.get("cost")
        return cls(
            recipient,
            entry["state"],
            country=entry.get("country"),
            cost=None if cost is None else Decimal(cost),
            segments=entry.get("segments"),
            code=entry.get("error_code"),
            reason=entry.get("reason", ""),
            confirmed=entry.get("confirmed", True),
        )

    def as_json(self) -> dict[str, Any]:
        """As the record shows it, under its recipient."""
        return {
            "state": self.state,
            "country": self.country,
            "cost": None if self.cost is None else str(self.cost),
            "segments": self.segments,
            "error_code": self.code,
            **({"reason": self.reason} if self.reason and self.code is None else {}),
            **({} if self.confirmed else {"confirmed": False}),
        }

    def waiting(self) -> Self:
        """Rejected for now: it goes again."""
        return replace(self, state="waiting")


@dataclass(frozen=True)
class Answer:
    """The provider took the call. Whatever it left out, or wrote in a way nobody can read, is None."""

    ticket: str | None
    cost: Decimal | None
    """Of the whole call."""
    balance: Decimal | None
    currency: str | None
    """ISO 4217."""
    send_at: datetime | None
    """When the provider says that it will send. None where the API does not echo it."""
    segments: int | None
    """Of the whole call."""
    results: tuple[RecipientResult, ...]
    """One for each recipient asked for, in that order."""
    code: str = ""
    """The provider's own word for "accepted", for the record."""
    remark: str = ""
    """What somebody who looks at the message should know of the answer: a sentence, or ""."""


@dataclass(frozen=True)
class Credit:
    """Money left on the account."""

    amount: Decimal
    currency: str
    """ISO 4217."""


Event = Literal["receipt", "reply", "stop"]
"""What a provider calls back with."""


@dataclass(frozen=True)
class Parameters:
    """How the account is set up to call back."""

    addresses: Mapping[Event, str] = field(repr=False)
    """"" where none is set. They hold the secret by which a caller is known."""
    shape: str
    """Of what is sent there, in the provider's word; "" where it does not say."""
