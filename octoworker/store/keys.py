"""Every key in Redis, its type, what is in it and when it goes.

| key | type | holds | goes |
|---|---|---|---|
| `ow:message:ID` | hash | one record | `keep_for` after its last change, once final; a message still on its way, or parked for a person, has no time to live: forgetting it would break a promise |
| `ow:due` | zset | id → ms at which the clock looks at it again; all records that are not final | with its members |
| `ow:marks` | hash | lane → ms at which the youngest claimed job was published | never: three short fields |
| `ow:state:STATE` | zset | id → ms of the last move (for scheduled and waiting: due), for `list` | members are pruned after `keep_for` |

The broker's own keys (`sms`, `sms.urgent`, `sms.bulk`, `unacked*`, `_kombu.*`) belong to Celery.
"""

from __future__ import annotations

RECORD_PREFIX = "ow:message:"
DUE = "ow:due"
MARKS = "ow:marks"
STATE_PREFIX = "ow:state:"


def record(message_id: str) -> str:
    return RECORD_PREFIX + message_id


def state(name: str) -> str:
    return STATE_PREFIX + name
