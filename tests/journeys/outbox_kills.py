"""`python tests/journeys/outbox_kills.py --kills 1000`: processes of a Django project die around COMMIT, again and again.

Each child writes a booking and its SMS in one transaction and is killed somewhere: before COMMIT, right after it, in the midst of
the handing over, or not at all. The relay is killed from time to time, too. The oracle is the project's own table of
bookings, which was written by the same COMMIT: the text of each booking must have come to its handset once, and nothing else may.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from django_shop import Shop, environment
from harness import NUMBER, house, until

CHILDREN = f"""
import random, threading, time
from django.db import connections
from django.db.utils import OperationalError
chance = random.Random(int(os.environ["SEED"]))

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def book(text, fate, after):
    if fate == "somewhere":
        threading.Timer(after, die).start()
    with transaction.atomic():
        Booking.objects.create(state=text)
        if fate == "after COMMIT":
            transaction.on_commit(die)
        message = enqueue(recipients="{NUMBER}", text=text, transactional=True)
        Booking.objects.filter(state=text).update(sms=message)
        if fate == "before COMMIT":
            die()

killed = 0
for n in range(int(os.environ["FIRST"]), int(os.environ["FIRST"]) + int(os.environ["COUNT"])):
    fate = chance.choice(["before COMMIT", "after COMMIT", "after COMMIT", "somewhere", "somewhere", "nothing"])
    after = chance.random() * 0.02
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            book(f"nr {{n}}", fate, after)
        finally:
            os._exit(0)
    killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
answer = killed
"""

LOOK = "answer = dict(left=OutboxMessage.objects.count(), texts=list(Booking.objects.values_list('state', flat=True)))"


def run(kills: int, seed: int, folder: Path) -> dict[str, int]:
    """What came of it: bookings, killed processes, and how many messages were lost, came twice, or had no booking."""
    chance = random.Random(seed)
    with house(folder, {"OCTOWORKER_CONCURRENCY": "8"}) as it:
        shop = Shop(folder, environment(it))
        shop.manage("makemigrations", "shop")
        shop.manage("migrate")
        it.worker()
        relay, killed, first = shop.relay(), 0, 0
        while killed < kills:
            count = min(50, kills - killed + 10)
            killed += shop.run(CHILDREN, FIRST=str(first), COUNT=str(count), SEED=str(chance.randrange(2**32)))
            first += count
            relay.kill()
            relay.wait()
            relay = shop.relay()
        until(lambda: shop.run(LOOK)["left"] == 0, every=0.5)
        relay.terminate()
        relay.wait()
        booked = collections.Counter(shop.run(LOOK)["texts"])
        until(lambda: not it.redis.zcard("ow:due"))
        rang = collections.Counter(it.texts(NUMBER))
    return {
        "killed": killed,
        "booked": booked.total(),
        "lost": (booked - rang).total(),
        "twice": sum(times - 1 for times in rang.values()),
        "without a booking": len(rang.keys() - booked.keys()),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=100)
    asked.add_argument("--seed", type=int, default=int(time.time()))
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        found = run(given.kills, given.seed, Path(folder))
    print(f"seed {given.seed}, {time.monotonic() - began:.0f} s")
    for name, count in found.items():
        print(f"{name:<20}{count:>8,}")
    sys.exit(bool(found["lost"] or found["twice"] or found["without a booking"]))


if __name__ == "__main__":
    main()
