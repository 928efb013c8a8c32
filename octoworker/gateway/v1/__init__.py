"""The v1 API (`api.octopush.com/v1/public`): JSON goes out and comes back, with real HTTP statuses. What it knows: docs/octopush.md.

1. `body`     a Submit becomes a JSON object, and every name in it counts: v1 ignores what it does not know, and sends.
2. `answers`  status and body become an answer, or what it proves.
3. `codes`    every code, and the kind of fact it is.
4. `client`   one call.
"""

from __future__ import annotations

from datetime import timedelta

from octoworker.gateway import keys, stop
from octoworker.gateway.gateway import Dialect
from octoworker.gateway.v1 import body, codes, trials
from octoworker.gateway.v1.client import V1Gateway
from octoworker.gateway.values import RecallRules, Rules

RULES = Rules(
    url="https://api.octopush.com/v1/public",
    # It forgets a key after 24 hours, and then sends again. When the 24 hours begin is nowhere said, so one hour less.
    key_window=82800.0,
    # Eight GSM-7 segments of 153.
    max_length=1224,
    # Whether low cost keeps the 160 of the older API is nowhere said; when it does, v1 refuses it, and nothing is lost.
    low_cost_length=1224,
    max_recipients=500,
    stop_mentions=(body.STOP, *(each for each in stop.SPELLINGS if each != body.STOP)),
    stop_advice=f'add "{body.STOP}" exactly so',
    placeholders=tuple(f"{{{name}}}" for name in ("first_name", "last_name", *(f"param{n}" for n in range(1, 6)))),
    codes={
        "no_recipient": "103",
        "sender": "106",
        "empty_text": "107",
        "text_too_long": "189",
        "text_too_long_for_low_cost": "189",
        "stop_missing": "121",
    },
    recall=RecallRules(
        max_recipients=2,
        notice=timedelta(minutes=10),
        a_month=1000,
        limits="it cancels only what goes to fewer than 3 numbers, in more than 10 minutes, and 1,000 times a month",
    ),
)

DIALECT = Dialect(
    name="v1",
    rules=RULES,
    connect=V1Gateway,
    # Which characters a `request_id` may have is nowhere said; letters and digits pass everywhere.
    key=keys.spelled,
    codes=codes.all_codes(),
    lookup=codes.lookup,
    trials=trials.of,
)
