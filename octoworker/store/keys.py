"""Every key in Redis, its type, what is in it and when it goes.

| key | type | holds | goes |
|---|---|---|---|
| `ow:message:ID` | hash | one record | `keep_for` after its last change, once final; a message still on its way, or left to an operator, has no time to live: forgetting it would break a promise |
| `ow:due` | zset | id → ms at which the scheduler looks at it again; all records that are not final | with its members |
| `ow:consumed-until` | hash | lane → ms at which the youngest claimed job was put into its queue, as far as that is known | never: three short fields |
| `ow:flow-control` | hash | what operators have paused, for all accounts (`lua/lib/flow_control.lua`) | never: one small hash, and a pause must outlast every restart |
| `ow:flow-control:ACCOUNT` | hash | an account's pace and its hold; ACCOUNT is the name of an API and a hash of the login | never: one small hash for each account |
| `ow:breaker:ACCOUNT` | hash | whether Octopush answers (`lua/lib/breaker.lua`) | never: one small hash for each account |
| `ow:accounts` | zset | ACCOUNT → ms at which one of its workers was here last (`lua/lib/accounts.lua`) | members are pruned after `keep_for` |
| `ow:deserted:ACCOUNT` | zset | id → ms; may have been sent by this account, of which no worker runs | the key window, or when a worker of the account takes them back |
| `ow:recalls` | zset | id → ms at which it goes out, or is given up to be looked at: what Octopush is asked, or is to be asked, to cancel (`lua/lib/recalls.lua`) | with its members, each at that time |
| `ow:recalls:ACCOUNT` | zset | the same, of one account: id → ms at which one of its workers is to ask Octopush | with its members |
| `ow:backlog:LANE:KIND` | zset | id → ms since which the message may go; those that flow control holds back; KIND is `transactional` or `marketing` | with its members |
| `ow:backlog:LANE:KIND:ACCOUNT` | zset | the same, of messages that may have been sent by this account, and that no other may send | with its members |
| `ow:backlog:campaign:ID` | zset | the same, of a paused campaign | with its members: resuming moves them to the backlogs of their lanes |
| `ow:account:ACCOUNT` | hash | balance, currency, at (ms), low; `price:XX`: last price of a segment, millionths; recalls, recalls_in: how many messages Octopush has cancelled in which month | never: one small hash for each account |
| `ow:credit-asked:ACCOUNT` | string | somebody is asking for the balance, so that an account on hold is asked once and not by every worker | `account_retry` |
| `ow:workers` | zset | what a worker says of itself (JSON: host, pid, lanes, ...) → ms of its last word | a member after a minute of silence, or when its worker ends; the set with the last of them |
| `ow:day:DATE` | hash | spent, pending, segments, `country:XX`, alerted_80, alerted_100 of a day in Paris | 8 days |
| `ow:cap:to:HASH` | zset | id → ms: what went to one number | an hour or a day |
| `ow:cap:week:HASH` | zset | id → ms: marketing to one number, by a keyed hash | a week |
| `ow:cap:same:HASH` | string | id that carried this text to this number last | `cap_same_text` |
| `ow:codes:ID` | hash | a verification by one-time code (`lua/lib/codes.lua`); the code itself stands nowhere | with the code: five minutes |
| `ow:codes:of:HASH` | string | the id of the verification that is open for a number and a purpose | with it |
| `ow:codes:day:DAY`, `ow:codes:hour:HOUR` | hash | codes that were sent, and typed in, by country; DAY and HOUR count on Redis' clock | 15 days, 2 hours |
| `ow:codes:total` | hash | codes that were started, verified, refused, and that expired, by country | never: a few counts for each country, which the metrics read |
| `ow:codes:open` | sorted set | COUNTRY:ID of the codes that may still be typed in, by the instant at which they expire | 15 days after the last one |
| `ow:codes:from:HASH:DAY` | hash | the same of one address: a keyed hash of it | a day |
| `ow:clocks` | hash | worker → when it reported (ms), and how far its wall clock is ahead of Redis' (ms); `alerted`: an operator knows that Redis' clock is wrong | six minutes after the last report |
| `ow:campaign:ID` | hash | a campaign: name, created, rows, template, lane, paused, ... | `keep_for` after the last change of one of its messages; while it is paused, never: they would go out |
| `ow:campaign:ID:counts` | hash | state → people in it | with the campaign |
| `ow:campaign:ID:reasons` | hash | the provider's code, or a reason without instants → people who failed for it; a hundred at the most | with the campaign |
| `ow:campaign:ID:messages` | zset | id → row of the file | with the campaign |
| `ow:campaign-file:HASH` | string | the campaign that was asked for by this key, or with this content | `keep_for`; a day, once all of it is taken |
| `ow:opt-outs` | hash | keyed hash of a number → JSON: since (ms), source, ticket, scope | never by itself: the law wants a STOP obeyed for years; an operator takes entries out |
| `ow:held:HASH` | zset | id → ms: marketing to one number (its keyed hash) that is held or backlogged, or that Octopush holds for later, so that a STOP ends it at once | 30 days after its last message was due |
| `ow:outbox` | stream | events for the web app that are still to be sent: id, content (JSON; number and text only with `OCTOWORKER_EVENT_CONTENT`); group `senders` | each once it is sent |
| `ow:events` | stream | all events of late, sent or not, so that they can be sent again: id, content (as in `ow:outbox`) | 7 days, and beyond the latest 100,000 |
| `ow:events-to` | string | some worker sends events, so they are written | a day after the last such worker |
| `ow:webhooks` | hash | id of an event → its content (as in `ow:outbox`): those that are still to be posted, and those that nobody took | each once it is posted; those that nobody took 30 days after they happened, and beyond the latest 100,000 |
| `ow:webhooks:due` | zset | id of an event → ms at which it is posted | with its members |
| `ow:webhooks:tries` | hash | id of an event → how often it was posted in vain | with the event |
| `ow:webhooks:dead` | zset | id of an event that nobody took → ms at which it happened | as in `ow:webhooks` |
| `ow:webhooks:endpoint` | hash | how the address answers: name (a hash of it), misses, open_until, probe_until, stopped (ms) | never: one short hash |
| `ow:webhooks-to` | string | some worker posts events to an address, so they are written | a day after the last such worker |
| `ow:ticket:PART` | zset | the rest of a hash of a ticket, the generation of a key, `:`, and the id of the message that has it → s at which it was noted; where two have it, neither has; PART is the begin of the hash, as in `ow:found:PART` | a member once its record has gone, when another is put beside it; the key a year and `keep_for` after its latest member |
| `ow:early:TICKET` | list | receipts that came before their ticket, as JSON | 72 hours |
| `ow:inbox` | stream | callbacks of Octopush that are still to be processed; group `workers` | each with its processing |
| `ow:unreadable` | stream | calls that were no callback, callbacks that no worker could process, and replies to no message of ours | 30 days, and beyond the latest 1,000 |
| `ow:campaign-sent:DAY:PART` | hash | hash of a number and a text → the campaign and the message that took it, and when (ms); DAY counts days of Redis' clock, PART is the begin of the hash | 2 days |
| `ow:state:STATE` | zset | id → ms of the last move (for scheduled and waiting: due), for `list` | members are pruned after `keep_for` |
| `ow:state:unconfirmed` | zset | id → ms at which a message was accepted of which Octopush knows the key, and nobody saw the answer | when it is confirmed, decided or replayed; pruned after `keep_for` |
| `ow:broken-records` | zset | id → ms at which a script failed on the record of a message: a field, or the key itself, is not as we write it | when an operator has dealt with it (`octoworker aside`) |
| `ow:deliveries` | hash | id of a job → times that a worker did not come back from it; on the Redis of the jobs | with the job's acknowledgement, else a day after the last |
| `ow:epoch` | hash | second_keys: how often a message has gone on to another key, in all, and at (ms): the last; what was left to an operator when Redis went back to an older state (`lua/lib/epoch.lua`) | never: one small hash |
| `ow:state:rolled-back` | zset | id → ms at which a message was left to an operator because of that | when it is decided or replayed; pruned after `keep_for` |
| `ow:found:PART` | zset | the rest of a keyed hash of a number, or of a reference, and the id of a message → s at which it was claimed first; PART is the begin of the hash: three letters, and one more for each set above it that is full | a member once its record has gone, when another is put beside it; the key a year and `keep_for` after its latest member; those of a number when it is forgotten |
| `ow:campaigns` | zset | id of a campaign → s at which it was begun | a member once its campaign has gone, when another is begun; the key a year and `keep_for` after the latest |
| `ow:audit` | stream | who did what by hand: act, who, where, what (an id, or a word); no number | each after OCTOWORKER_AUDIT_FOR; the stream so long after the latest |
| `ow:shortened` | hash | final state → ms of the last move up to which its messages have been shortened to tombstones (`OCTOWORKER_DETAIL_FOR`) | never: seven short fields |
| `ow:confirmed` | string | nothing; it is written so that replicas can be asked for all that was written before it | a day after the last |
| `ow:jobs-set-aside` | list | jobs that could not be read or ended several workers, as JSON: at (s), queue, reason, job; the latest 1,000; on the Redis of the jobs | 7 days after the last |

The broker's own keys (`sms`, `sms.urgent`, `sms.bulk`, `unacked*`, `_kombu.*`) belong to Celery.
"""

from __future__ import annotations

RECORD_PREFIX = "ow:message:"
DUE = "ow:due"
CONSUMED_UNTIL = "ow:consumed-until"
STATE_PREFIX = "ow:state:"
UNCONFIRMED = STATE_PREFIX + "unconfirmed"
ROLLED_BACK = STATE_PREFIX + "rolled-back"
FLOW_CONTROL = "ow:flow-control"
BREAKER = "ow:breaker"
ACCOUNTS = "ow:accounts"
DESERTED_PREFIX = "ow:deserted:"
RECALLS = "ow:recalls"
BACKLOG_PREFIX = "ow:backlog:"
ACCOUNT = "ow:account"
BROKEN_RECORDS = "ow:broken-records"
DELIVERIES = "ow:deliveries"
JOBS_SET_ASIDE = "ow:jobs-set-aside"
CREDIT_ASKED = "ow:credit-asked"
WORKERS = "ow:workers"
DAY_PREFIX = "ow:day:"
CAP_PREFIX = "ow:cap:"
CODES = "ow:codes:"
CLOCKS = "ow:clocks"
CAMPAIGN_PREFIX = "ow:campaign:"
CAMPAIGN_FILE_PREFIX = "ow:campaign-file:"
OPT_OUTS = "ow:opt-outs"
HELD_PREFIX = "ow:held:"
OUTBOX = "ow:outbox"
EVENTS = "ow:events"
EVENTS_TO = "ow:events-to"
WEBHOOKS = "ow:webhooks"
WEBHOOKS_DUE = "ow:webhooks:due"
WEBHOOKS_TRIES = "ow:webhooks:tries"
WEBHOOKS_DEAD = "ow:webhooks:dead"
WEBHOOKS_ENDPOINT = "ow:webhooks:endpoint"
WEBHOOKS_TO = "ow:webhooks-to"
TICKET_PREFIX = "ow:ticket:"
EARLY_PREFIX = "ow:early:"
INBOX = "ow:inbox"
UNREADABLE = "ow:unreadable"
CAMPAIGN_SENT_PREFIX = "ow:campaign-sent:"
CONFIRMED = "ow:confirmed"
EPOCH = "ow:epoch"
FOUND_PREFIX = "ow:found:"
AUDIT = "ow:audit"
CAMPAIGN_LIST = "ow:campaigns"
SHORTENED = "ow:shortened"
NOWHERE = "ow:nowhere"
"""A key that never exists: asked for in place of one that cannot be reached."""


NAMES_IN_LUA = {
    "RECORDS": RECORD_PREFIX,
    "DUE": DUE,
    "BROKEN_RECORDS": BROKEN_RECORDS,
    "CONSUMED_UNTIL": CONSUMED_UNTIL,
    "STATES": STATE_PREFIX,
    "FLOW_CONTROL": FLOW_CONTROL,
    "BREAKER": BREAKER,
    "BACKLOGS": BACKLOG_PREFIX,
    "RECALLS": RECALLS,
    "ACCOUNT": ACCOUNT,
    "WORKERS": WORKERS,
    "ACCOUNTS": ACCOUNTS,
    "DESERTED": DESERTED_PREFIX,
    "DAYS": DAY_PREFIX,
    "CAPS": CAP_PREFIX,
    "CAMPAIGNS": CAMPAIGN_PREFIX,
    "OPT_OUTS": OPT_OUTS,
    "HELD": HELD_PREFIX,
    "OUTBOX": OUTBOX,
    "EVENTS": EVENTS,
    "EVENTS_TO": EVENTS_TO,
    "WEBHOOKS": WEBHOOKS,
    "WEBHOOKS_DUE": WEBHOOKS_DUE,
    "WEBHOOKS_TRIES": WEBHOOKS_TRIES,
    "WEBHOOKS_DEAD": WEBHOOKS_DEAD,
    "WEBHOOKS_ENDPOINT": WEBHOOKS_ENDPOINT,
    "WEBHOOKS_TO": WEBHOOKS_TO,
    "TICKETS": TICKET_PREFIX,
    "EARLY": EARLY_PREFIX,
    "INBOX": INBOX,
    "UNREADABLE": UNREADABLE,
    "CLOCKS": CLOCKS,
    "CODES": CODES,
    "SENT": CAMPAIGN_SENT_PREFIX,
    "EPOCH": EPOCH,
    "FOUND": FOUND_PREFIX,
    "AUDIT": AUDIT,
    "SHORTENED": SHORTENED,
}
"""What the scripts call them. One Redis holds them all, so only the record of a message is handed over as one of KEYS."""


def record(message_id: str) -> str:
    return RECORD_PREFIX + message_id


def state(name: str) -> str:
    return STATE_PREFIX + name


def day(date: str) -> str:
    return DAY_PREFIX + date


def of_account(key: str, account: str) -> str:
    """What is kept under this key for one account."""
    return f"{key}:{account}" if account else key
