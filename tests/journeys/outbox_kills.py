"""`python tests/journeys/outbox_kills.py --kills 1000`: processes of a Django project, or of an app with SQLAlchemy
(`--with sqlalchemy`), die around COMMIT, again and again.

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
from sqlalchemy_shop import SqlShop

CHILDREN = """
import random, threading, time
chance = random.Random(int(os.environ["SEED"]))

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

killed = 0
for n in range(int(os.environ["FIRST"]), int(os.environ["FIRST"]) + int(os.environ["COUNT"])):
    fate = chance.choice(["before COMMIT", "after COMMIT", "after COMMIT", "somewhere", "somewhere", "nothing"])
    after = chance.random() * 0.02
    fresh()
    child = os.fork()
    if not child:
        try:
            if fate == "somewhere":
                threading.Timer(after, die).start()
            book(f"nr {n}", fate, die)
        finally:
            os._exit(0)
    killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
answer = killed
"""

SHOPS = {"django": Shop, "sqlalchemy": SqlShop}


def run(kills: int, seed: int, folder: Path, kind: str) -> dict[str, int]:
    """What came of it: bookings, killed processes, and how many messages were lost, came twice, or had no booking."""
    chance = random.Random(seed)
    with house(folder, {"OCTOWORKER_CONCURRENCY": "8"}) as it:
        shop = SHOPS[kind](folder, environment(it))
        shop.migrate()
        it.worker()
        relay, killed, first = shop.relay(), 0, 0
        while killed < kills:
            count = min(50, kills - killed + 10)
            killed += shop.run(
                shop.BOOK + CHILDREN, FIRST=str(first), COUNT=str(count), SEED=str(chance.randrange(2**32))
            )
            first += count
            relay.kill()
            relay.wait()
            relay = shop.relay()
        until(lambda: shop.run(shop.LOOK)["left"] == 0, every=0.5)
        relay.terminate()
        relay.wait()
        booked = collections.Counter(shop.run(shop.LOOK)["texts"])
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
    asked.add_argument("--with", dest="kind", choices=SHOPS, default="django")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        found = run(given.kills, given.seed, Path(folder), given.kind)
    print(f"{given.kind}, seed {given.seed}, {time.monotonic() - began:.0f} s")
    for name, count in found.items():
        print(f"{name:<20}{count:>8,}")
    sys.exit(bool(found["lost"] or found["twice"] or found["without a booking"]))


if __name__ == "__main__":
    main()
