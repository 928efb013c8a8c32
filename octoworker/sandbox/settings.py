"""What a test may turn, account by account.

Each field that stands for something no document tells is a switch, so that both answers can be tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Self

from octoworker.sandbox.setting_values import read


@dataclass(frozen=True)
class Settings:
    """What a test may turn. `key_window` and `latency` are seconds, `credit` is euros."""

    credit: Decimal
    latency: float = 0.0
    waived: tuple[str, ...] = ()
    """Codes not enforced."""

    key_window: float = 86_400.0
    """The newer API says 24 h; the older one says nothing."""
    duplicate_code: str = "120"
    """What a known request_id is answered with: 120 by the older table, 182 in the newer API."""
    consume_on_refusal: bool = False
    """Whether a refused call uses its request_id up."""
    consume_on_simulation: bool = False
    """Whether a simulated call looks at request_ids and uses its own up."""
    credit_first: bool = False
    """Whether too little credit is noticed before a known request_id."""
    key_first: bool = False
    """Whether a known request_id is noticed before anything that is wrong with a call."""
    calls_at_once: int = 0
    """How many calls are worked at once; 0: all that come. One integrator was told: one after the other."""
    beyond_calls_at_once: str = "refuse"
    """What becomes of the others: "refuse" answers 429, "queue" works them in turn."""

    success_status: int = 201
    """v1: the documents say 201, callers have seen 200."""
    refusal_status: int = 400
    """v1: of a refusal without a status of its own; one client is ready for 422."""
    longest_low_cost: int = 1224
    """v1: units; the older API takes 160."""
    low_cost_sender: bool = True
    """v1: whether a low cost call may name a sender."""
    many_recipients: str = "refuse"
    """v1: "refuse" answers 103 to more than 500, "cut" takes the first 500."""
    simulated_receipts: bool = False
    """v1: whether receipts follow a simulated call."""
    charge_blacklisted: bool = True
    """Whether an SMS that goes nowhere, for its number said STOP, costs what others do."""
    bad_numbers: str = "drop"
    """v1: "drop" leaves numbers out that cannot be repaired and says nothing, "refuse" answers 181."""
    stop_code: str = "30101"
    """v1: the number that the STOP mention must name."""
    stop_five_x: bool = False
    """v1: whether `STOP au XXXXX` is a mention too."""
    default_type: str = "sms_premium"
    """v1: the type of a call that names none, or one that there is not."""
    default_sender: str = "Octopush"
    simulated_ticket: bool = True
    """v1: whether a simulated answer has a ticket."""
    refund_on_cancel: bool = True
    cancels_a_month: int = 1000
    cancel_again: str = "refuse"
    """v1: "refuse" answers 400 to a cancelled ticket, "accept" answers 204 again."""
    parameters_nested: bool = True
    """v1: whether the addresses are answered inside `callbacks`, or beside the rest."""
    parameters_names: str = "new"
    """v1: "new" or "old" names of the addresses in answers; both are understood when they come in."""

    url_deliveries: str = ""
    url_stops: str = ""
    url_replies: str = ""
    url_visits: str = ""
    email_replies: str = ""
    payload_type: str = "html"
    """json or html, which is a form."""
    callback_numbers: str = "zeros"
    """plus +33…, bare 33…, zeros 0033…, national 06…"""
    callback_array: bool = False
    """Whether JSON comes as a list of events."""
    reply_date: str = "reception_date"
    """The name of a reply's date; English pages of the older API say answer_date."""
    receipts: Mapping[str, float] = field(default_factory=dict)
    """Shares between 0 and 1 of the messages whose receipts go astray, by the names in `callbacks.mishaps.MISHAPS`."""
    receipt_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By number: the words of its receipts, whatever the shares say."""
    stop_is_reply_too: bool = True
    """Whether a STOP that answers a message with replies is posted as a reply beside."""
    callback_tries: int = 1
    """How often an event is posted whose answer was none, or no 2xx."""
    undelivered_word: str = "NOT_DELIVERED"
    receipt_delay: float = 0.1
    """Seconds between the handset and each receipt."""
    late_seconds: float = 2.0
    """Seconds more for a receipt that is late."""

    def turned(self, changes: Mapping[str, object]) -> Self:
        """These settings with some changed. ValueError names the first unknown one, or the one that does not fit."""
        return replace(self, **read(changes))  # type: ignore[arg-type] # READERS converts each


def defaults(api: str, credit: Decimal) -> Settings:
    """How an account of this generation starts."""
    return Settings(credit, **DEFAULTS[api])  # type: ignore[arg-type] # written below, next to the fields they fill


DEFAULTS: dict[str, dict[str, object]] = {
    "legacy": {"waived": ("122",), "duplicate_code": "120", "payload_type": "html", "callback_numbers": "zeros"},
    "v1": {"duplicate_code": "182", "payload_type": "json", "callback_numbers": "plus"},
}
"""122 is not enforced by default: nobody has seen it, and texts without the mention have passed."""
