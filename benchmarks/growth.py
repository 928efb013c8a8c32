"""What a step costs beside many records: `python benchmarks/growth.py [--sizes 1000,100000,1000000]`

Redis is filled with that many records that have ended, as a worker leaves them, each with its places in the indexes, and a tenth
as many that are held for tomorrow. Then each step is timed on messages of its own, in rounds that take turns; medians. No figure
is to be more than twice that beside the fewest. Writes results/growth.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from octoworker.sms.record import State
from octoworker.store import ClaimRequest, Outcome, Store, connect, embedded
from octoworker.store.finding import Criteria
from octoworker.store.limits import Limits

RESULTS = Path(__file__).parent / "results" / "growth.json"
SIZES = "1000,100000,1000000"
ROUNDS = 40
SLICE = 100
MOST = 2.0
NUMBER = "+33600000006"

FILL = """
local now = tonumber(ARGV[3])
local function put(index, hash, word)
  local letters = 3
  while letters < 6 and redis.call('ZCARD', index .. string.sub(hash, 1, letters)) >= 64 do letters = letters + 1 end
  redis.call('ZADD', index .. string.sub(hash, 1, letters), math.floor(now / 1000), string.sub(hash, letters + 1) .. word)
end
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local id = string.format('%032x', n + 2 ^ 40)
  redis.call('HSET', 'ow:message:' .. id, 'state', 'accepted', 'fingerprint', id, 'payload', ARGV[4], 'lane', 'normal', 'job_id',
    id, 'created', now, 'published_at', now, 'reason', '', 'changed', now, 'history', ARGV[5], 'token', 1, 'key_uses', 1,
    'attempts', 1, 'segments', 1, 'cost', '0.055', 'currency', 'EUR', 'ticket', 'api' .. n, 'outcomes', ARGV[6])
  redis.call('PEXPIRE', 'ow:message:' .. id, 2592000000)
  redis.call('ZADD', 'ow:state:accepted', now + n % 1000, id)
  put('ow:ticket:', string.sub(redis.sha1hex('api' .. n), 1, 16), '0:' .. id)
  put('ow:found:', string.format('%012x', (n * 2654435761) % 2 ^ 48), id)
  if n % 10 == 0 then
    local held = string.format('%032x', n + 2 ^ 41)
    redis.call('HSET', 'ow:message:' .. held, 'state', 'scheduled', 'payload', ARGV[4], 'lane', 'normal', 'due', now + 86400000)
    redis.call('ZADD', 'ow:due', now + 86400000 + n, held)
    redis.call('ZADD', 'ow:state:scheduled', now + 86400000 + n, held)
  end
end
"""


def fill(client, first, last):
    """Records as they are after a send. A script of its own: a million through the worker would take half an hour."""
    script = client.register_script(FILL)
    now = int(client.time()[0]) * 1000
    payload = json.dumps({"sms_type": "FR", "recipients": NUMBER, "text": "x" * 100, "sender": "Octo"})
    history = f"{now}|queued|\n{now}|submitting|\n{now}|accepted|\n"
    outcomes = json.dumps({NUMBER: {"state": "accepted", "country": "FR", "cost": "0.055", "segments": 1}})
    for start in range(first, last, 1000):
        script([], [start, min(last, start + 1000) - 1, now, payload, history, outcomes])


class Steps:
    """What is timed, on messages that come and go."""

    def __init__(self, client, store):
        self.client, self.store, self._next = client, store, int(time.time()) << 20

    def taken(self):
        self._next += 1
        message_id = f"{self._next:032x}"
        payload = json.dumps({"recipients": "+33612345678", "text": "Bonjour", "sender": "Octo", "transactional": True})
        self.store.create(message_id, "print", "normal", payload)
        return ClaimRequest(message_id, "print", "normal", payload, segments=1, day="2026-11-26")

    def claim(self):
        request = self.taken()
        return timed(lambda: self.store.claim(request))

    def settle(self):
        request = self.taken()
        lease = self.store.claim(request)
        outcome = Outcome(State.ACCEPTED, "", 0, day="2026-11-26", fields={"ticket": f"t{self._next}", "cost": "0.055"})
        return timed(lambda: self.store.settle(request.message_id, lease.token, outcome))

    def stage(self):
        """A slice of a hundred that are due."""
        ids = [self.taken().message_id for _ in range(SLICE)]
        due = int(self.client.time()[0]) * 1000 - 1000
        with self.client.pipeline() as pipe:
            for each in ids:
                pipe.hset(f"ow:message:{each}", mapping={"state": "waiting", "due": due})
                pipe.zadd("ow:due", {each: due})
            pipe.execute()
        took = timed(lambda: self.store.due.stage(SLICE, timedelta()))
        with self.client.pipeline() as pipe:
            pipe.zrem("ow:due", *ids)
            pipe.delete(*(f"ow:message:{each}" for each in ids))
            pipe.execute()
        return took

    def stats(self):
        return timed(lambda: self.store.board({"urgent": "sms.urgent", "normal": "sms", "bulk": "sms.bulk"}))

    def list(self):
        return timed(lambda: list(self.store.list(State.ACCEPTED, 50)))

    def find(self):
        """The one message of a number."""
        wanted = Criteria(found_by=[f"{7 * 2654435761 % 2**48:012x}"], is_them=lambda number: number == NUMBER)
        found = []
        took = timed(lambda: found.extend(self.store.finder.find(wanted)))
        assert len(found) <= 1
        return took


def timed(act):
    started = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - started) / 1000


def measured(client, store):
    steps = Steps(client, store)
    names = ["claim", "settle", "stage", "stats", "list", "find"]
    found = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            found[name].append(getattr(steps, name)())
    return {name: statistics.median(each) for name, each in found.items()}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", default=SIZES, help="numbers of records, growing, separated by commas")
    sizes = [int(each) for each in options.parse_args().sizes.split(",")]
    found, filled = {}, 0
    with embedded.Server() as server:
        client = redis.Redis.from_url(server.url, decode_responses=True)
        spans = {"keep_for": timedelta(days=30), "requeue_after": timedelta(minutes=1), "lease": timedelta(seconds=45)}
        store = Store(connect(server.url), **spans, key_window=timedelta(days=1), max_crashes=5, limits=Limits())
        measured(client, store)  # scripts are loaded, connections are open
        for size in sizes:
            fill(client, filled, size)
            filled = size
            found[size] = measured(client, store)
            print(
                f"{size:>10,} records: " + ", ".join(f"{name} {us:,.0f} us" for name, us in found[size].items()),
                flush=True,
            )
    least, most = found[sizes[0]], found[sizes[-1]]
    grown = {name: most[name] / least[name] for name in least}
    for name, ratio in grown.items():
        print(f"{name:<8} x {ratio:.2f} at {sizes[-1]:,}  goal <= {MOST:g}  {'met' if ratio <= MOST else 'MISSED'}")
    at = f"{datetime.now(UTC):%Y-%m-%d}"
    result = {"at": at, "us": {str(size): each for size, each in found.items()}, "grown": grown, "goal": MOST}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
