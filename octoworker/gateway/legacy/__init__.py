"""The legacy API (`www.octopush-dm.com/api`): a form goes out, JSON or XML comes back. What it knows: docs/octopush.md.

1. `form`     a Submit becomes form fields.
2. `bodies`   bytes of JSON or XML become one plain tree; `answers` reads that tree.
3. `codes`    every error_code, and the kind of fact it is.
4. `client`   one call.
"""

from __future__ import annotations

from octoworker.gateway import keys, stop
from octoworker.gateway.gateway import Dialect
from octoworker.gateway.legacy import codes
from octoworker.gateway.legacy.client import LegacyGateway
from octoworker.gateway.values import Rules

STOP, OTHER_STOP = stop.SPELLINGS
"""The operator's short code is put in place of the five X. Exact case and count: seen live (docs/octopush.md)."""

RULES = Rules(
    url="https://www.octopush-dm.com/api",
    key_window=86400.0,
    # Three GSM-7 segments of 153.
    max_length=459,
    low_cost_length=160,
    # Octopush's advice for one call: above 500 it sees a growing risk of loss.
    max_recipients=500,
    stop_mentions=(STOP, OTHER_STOP),
    stop_advice=f'add "{STOP}" exactly so (five capital X)',
    # It fills them from lists that come with the call, and octoworker sends none.
    placeholders=(),
    codes={
        "no_recipient": "103",
        "sender": "106",
        "empty_text": "107",
        "text_too_long": "102",
        "text_too_long_for_low_cost": "119",
        "stop_missing": "121",
    },
    recall=None,
)

DIALECT = Dialect(
    name="legacy",
    rules=RULES,
    connect=LegacyGateway,
    # `request_id` is letters and digits only: Octopush's own clients strip everything else.
    key=keys.spelled,
    codes=codes.all_codes(),
    lookup=codes.lookup,
)
