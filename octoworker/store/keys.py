"""Every key in Redis, its type, what is in it and when it goes.

| key | type | holds | goes |
|---|---|---|---|
| `ow:message:ID` | hash | one record | `keep_for` after its last change, once final; a message still on its way, or parked for a person, has no time to live: forgetting it would break a promise |
| `ow:due` | zset | id → ms at which the clock looks at it again; all records that are not final | with its members |
| `ow:marks` | hash | lane → ms at which the youngest claimed job was published | never: three short fields |
| `ow:traffic` | hash | the account's pace, pauses and brake (`lua/_gates.lua`) | never: one small hash, and a pause must outlast every restart |
| `ow:breaker` | hash | whether Octopush answers (`lua/_gates.lua`) | never: one small hash |
| `ow:line:LANE:KIND` | zset | id → ms since which the message may go; those that wait for a gate; KIND is `t` or `m` (advertising) | with its members |
| `ow:line:campaign:ID` | zset | the same, of a paused campaign | with its members: resuming moves them to the lines of their lanes |
| `ow:account` | hash | balance, currency, at (ms), low; `price:XX`: last price of a segment, millionths | never: one small hash |
| `ow:asked` | string | somebody is asking for the balance, so that a braked account is asked once and not by every worker | `account_retry` |
| `ow:day:DATE` | hash | spent, pending, segments, `country:XX`, told_80, told_100 of a day in Paris | 8 days |
| `ow:cap:to:HASH` | zset | id → ms: what went to one number | an hour or a day |
| `ow:cap:same:HASH` | string | id that carried this text to this number last | `cap_same_text` |
| `ow:campaign:ID` | hash | a campaign: name, created, rows, template, lane, paused, ... | `keep_for` after the last change of one of its messages; while it is paused, never: they would go out |
| `ow:campaign:ID:counts` | hash | state → people in it | with the campaign |
| `ow:campaign:ID:reasons` | hash | reason → people whose message failed for it | with the campaign |
| `ow:campaign:ID:messages` | zset | id → row of the file | with the campaign |
| `ow:campaign-file:HASH` | string | the campaign that was asked for by this key, or with this content | `keep_for`; a day, once all of it is taken |
| `ow:state:STATE` | zset | id → ms of the last move (for scheduled and waiting: due), for `list` | members are pruned after `keep_for` |

The broker's own keys (`sms`, `sms.urgent`, `sms.bulk`, `unacked*`, `_kombu.*`) belong to Celery.
"""

from __future__ import annotations

RECORD_PREFIX = "ow:message:"
DUE = "ow:due"
MARKS = "ow:marks"
STATE_PREFIX = "ow:state:"
TRAFFIC = "ow:traffic"
BREAKER = "ow:breaker"
LINE_PREFIX = "ow:line:"
ACCOUNT = "ow:account"
ASKED = "ow:asked"
DAY_PREFIX = "ow:day:"
CAP_PREFIX = "ow:cap:"
CAMPAIGN_PREFIX = "ow:campaign:"
CAMPAIGN_FILE_PREFIX = "ow:campaign-file:"
NOWHERE = "ow:nowhere"
"""A key that never exists: asked for in place of one that cannot be reached."""


def record(message_id: str) -> str:
    return RECORD_PREFIX + message_id


def state(name: str) -> str:
    return STATE_PREFIX + name


def day(date: str) -> str:
    return DAY_PREFIX + date
