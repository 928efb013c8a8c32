"""What v1 refuses, with which code, and in which order.

`refusal` walks RULES and stops at the first rule a call breaks; the order is ours, as no document gives one. `parts` then
says what each handset gets. Codes: those that published clients handle; 121 was seen live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

from octoworker.sandbox import alphabet
from octoworker.sandbox.callbacks.letters import SHORT_NUMBER
from octoworker.sandbox.orders import Part
from octoworker.sandbox.settings import Settings
from octoworker.sandbox.tariff import Fare, country_of, fare
from octoworker.sandbox.v1.reading import LOW_COST, PERSONAL, PREMIUM, Recipient, Wanted

MOST_RECIPIENTS = 500
"""Documented as a property of the service; what 501 are answered with is not."""
LONGEST_TEXT = 1224
"""Units: eight parts of 153."""
FIVE_X = "STOP au XXXXX"
SENDER = re.compile(r"[0-9a-zA-Z ]{3,11}")
REPLIES = Decimal("0.030")
"""Euros more for each SMS that may be answered."""
REMOVAL = Decimal("0.010")
"""Euros for a call that takes out blacklisted numbers."""
NOTHING = Decimal(0)
QUALITY = {PREMIUM: "FR", LOW_COST: "XXX"}
"""The names of the same products in the older API, which the tariff knows."""


def refusal(wanted: Wanted, settings: Settings) -> str | None:
    """The code of the first rule the call breaks, None when it keeps them all. Codes in `waived` are not enforced."""
    broken = (code for code, breaks in RULES if code not in settings.waived and breaks(wanted, settings))
    return next(broken, None)


def parts(wanted: Wanted, failing: Collection[str]) -> tuple[Part, ...]:
    """What each handset will get. Numbers that go nowhere, and those in `failing`, are left out without a word."""
    reached = [recipient for recipient in wanted.good if recipient.number not in failing]
    priced = ((recipient, _fare(recipient, wanted.type)) for recipient in reached)
    return tuple(_part(recipient, found, wanted) for recipient, found in priced if isinstance(found, Fare))[
        :MOST_RECIPIENTS
    ]


def sender(wanted: Wanted) -> str:
    """What the handset shows as the origin."""
    return SHORT_NUMBER if wanted.with_replies or wanted.type == LOW_COST else wanted.sender


def personal(text: str, values: Mapping[str, str]) -> str:
    """The text with every placeholder filled, or emptied when the recipient has no such value."""
    for name in PERSONAL:
        text = text.replace(f"{{{name}}}", values[name])
    return text


def _part(recipient: Recipient, priced: Fare, wanted: Wanted) -> Part:
    text = personal(wanted.text, recipient.personal)
    segments = alphabet.segments(text)
    each = priced.price + (REPLIES if wanted.with_replies and priced.country == "FR" else 0)
    return Part(str(recipient.number), text, alphabet.shown(text), priced.country, each * segments, segments)


def _fare(recipient: Recipient, kind: str) -> Fare | str:
    return fare(str(recipient.number), QUALITY[kind])


def _nobody(wanted: Wanted, settings: Settings) -> bool:
    reached = [recipient for recipient in wanted.good if isinstance(_fare(recipient, wanted.type), Fare)]
    return not reached or (len(wanted.recipients) > MOST_RECIPIENTS and settings.many_recipients == "refuse")


def _bad_number(wanted: Wanted, settings: Settings) -> bool:
    bad = [each for each in wanted.recipients if not each.number or isinstance(_fare(each, wanted.type), str)]
    return settings.bad_numbers == "refuse" and bool(bad)


def _without_stop(wanted: Wanted, settings: Settings) -> bool:
    mentions = [f"STOP au {settings.stop_code}"] + ([FIVE_X] if settings.stop_five_x else [])
    return _french_marketing(wanted) and not any(mention in wanted.text for mention in mentions)


def _french_marketing(wanted: Wanted) -> bool:
    french = any(country_of(str(recipient.number)) == "FR" for recipient in wanted.good)
    return french and wanted.type == PREMIUM and not wanted.alert


def _too_long(wanted: Wanted, settings: Settings) -> bool:
    longest = settings.longest_low_cost if wanted.type == LOW_COST else LONGEST_TEXT
    texts = (personal(wanted.text, recipient.personal) for recipient in wanted.recipients)
    return any(alphabet.units(text) > longest for text in texts)


RULES: tuple[tuple[str, Callable[[Wanted, Settings], bool]], ...] = (
    ("181", _bad_number),
    ("103", _nobody),
    ("107", lambda wanted, _: not wanted.text.strip()),
    ("106", lambda wanted, _: not SENDER.fullmatch(wanted.sender)),
    ("106", lambda wanted, settings: wanted.type == LOW_COST and wanted.names_sender and not settings.low_cost_sender),
    ("189", _too_long),
    ("121", _without_stop),
)
"""First broken rule wins."""
