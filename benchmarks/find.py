"""What `octoworker find` costs among many records: `python benchmarks/find.py [records]`

That many messages stand in a Redis of its own, made by the scripts themselves: each to a number of its own and with a reference
of its own, in ten campaigns, most accepted, some rejected or dead, some held. Then, for each way to search: the time to the first
page of a hundred, and the longest that one command kept Redis. Also what the index takes for each record.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

from octoworker.sms import terms
from octoworker.sms.record import State
from octoworker.store import ClaimRequest, NewMessage, Outcome, Store, connect, embedded, keys, person
from octoworker.store.finding import Criteria

KEY = ("k" * 32,)
AT_ONCE = 500
PAGE = 100
DAY = "2026-01-01"
HELD_UNTIL = datetime(2030, 1, 1, tzinfo=UTC)


def number_of(n):
    return f"+336{n % 100_000_000:08d}"


def filled(store, count):
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(count, start + AT_ONCE))
        payloads = [
            json.dumps({"recipients": number_of(n), "text": "Your parcel is here.", "reference": f"order-{n}"})
            for n in numbers
        ]
        news = [NewMessage(f"{n:032x}", "print", text, row=n) for n, text in zip(numbers, payloads, strict=True)]
        store.create_many("bulk", news, campaign=f"c{start // AT_ONCE % 10}")
        requests = [
            ClaimRequest(
                f"{n:032x}",
                "print",
                "bulk",
                text,
                segments=1,
                day=DAY,
                hold_until=HELD_UNTIL if n % 50 == 0 else None,
                found_by=terms.of_message([number_of(n)], f"order-{n}", KEY),
            )
            for n, text in zip(numbers, payloads, strict=True)
        ]
        claims = store.claim_many(requests)
        outcomes = [
            (each.message_id, claim.token, outcome_of(int(each.message_id, 16)))
            for each, claim in zip(requests, claims, strict=True)
            if int(each.message_id, 16) % 50
        ]
        store.settle_many(outcomes)


def outcome_of(n):
    state = State.DEAD if n % 100 == 1 else State.REJECTED if n % 10 == 3 else State.ACCEPTED
    reason = "" if state is State.ACCEPTED else "no such number" if n % 20 == 3 else "refused"
    return Outcome(state, reason, 0, key="used" if state is State.ACCEPTED else "unused", day=DAY)


def to(number):
    them = person.named(number, "FR", KEY)
    return Criteria(found_by=them.found_by(None), is_them=them.is_them)


def searches(count):
    middle = count // 2 + 1
    reference = f"order-{middle}"
    hour = datetime.now(UTC) - timedelta(hours=1)
    return {
        "number": to(number_of(middle)),
        "a number of nobody": to("+33799999999"),
        "reference": Criteria(found_by=terms.of_reference(reference, KEY), reference=reference),
        "campaign": Criteria(campaign="c3"),
        "campaign, dead": Criteria(campaign="c3", states=frozenset({State.DEAD})),
        "dead": Criteria(states=frozenset({State.DEAD})),
        "held": Criteria(states=frozenset({State.SCHEDULED})),
        "rejected, by reason": Criteria(states=frozenset({State.REJECTED}), reason="no such"),
        "of the last hour": Criteria(since=hour),
        "anything": Criteria(),
    }


def longest(client):
    """ms, of all commands since the log was emptied."""
    return max((each["duration"] for each in client.slowlog_get(10_000)), default=0) / 1000


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with embedded.Server() as server:
        client = connect(server.url, timeout=60)
        store = Store(
            client, keep_for=timedelta(days=30), requeue_after=timedelta(minutes=1), lease=timedelta(minutes=1)
        )
        before = client.info("memory")["used_memory"]
        filled(store, count)
        size = (client.info("memory")["used_memory"] - before) / count
        places = list(client.scan_iter(f"{keys.FOUND_PREFIX}*", count=10_000))
        index = sum(client.memory_usage(each, samples=0) for each in places)
        print(
            f"{count:,} records: {size:,.0f} bytes each; the index {index / count:,.0f} of them, two entries a record"
        )
        client.config_set("slowlog-max-len", 10_000)
        client.config_set("slowlog-log-slower-than", 0)
        for name, wanted in searches(count).items():
            client.slowlog_reset()
            began = time.perf_counter()
            found = list(islice(store.finder.find(wanted), PAGE))
            took = (time.perf_counter() - began) * 1000
            print(
                f"{name:<22} {len(found):>4} found  first page {took:7.1f} ms   longest step {longest(client):6.3f} ms"
            )


if __name__ == "__main__":
    main()
