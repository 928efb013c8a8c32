"""How a primary goes: each leaves another one promoted, and then the cluster whole again."""

from __future__ import annotations

import random
import time

from harness import until

from failover.cluster import goes_on, stopped

WORDS = {
    "killed": "the primary is killed, and started again when another one was promoted",
    "frozen": "the primary stands still until another one was promoted, and goes on as if nothing had been",
    "asked for": "`SENTINEL FAILOVER` under load",
    "cut off": "the primary alone is cut off from all others, and clients still reach it",
    "cut in two": "the primary and one replica are cut off from the other replica and the Sentinels; clients still reach both",
}

PROMOTED_WITHIN = 60.0
WHOLE_WITHIN = 120.0

CUT_FOR = (0.2, 3.0)
"""Seconds that a cut goes on when another one has been promoted: both take calls then."""


class Mishaps:
    """Seconds without a primary that Sentinels agree on, and without a whole cluster, are noted for each."""

    def __init__(self, cluster, chance: random.Random):
        self.cluster, self.chance = cluster, chance
        self.lasted: list[tuple[str, float, float]] = []

    def one(self, kind):
        primary = self.cluster.primary()
        began = time.monotonic()
        promoted = getattr(self, f"_{kind.replace(' ', '_')}")(primary)
        until(self.cluster.is_whole, WHOLE_WITHIN, every=0.1)
        assert self.cluster.primary() is not primary
        self.lasted.append((kind, promoted - began, time.monotonic() - began))

    def _promoted(self, before):
        until(lambda: self.cluster.primary() not in (before, None), PROMOTED_WITHIN, every=0.05)
        return time.monotonic()

    def _killed(self, primary):
        primary.kill()
        at = self._promoted(primary)
        primary.start(self.cluster.binary)
        return at

    def _frozen(self, primary):
        stopped(primary)
        at = self._promoted(primary)
        goes_on(primary)
        return at

    def _asked_for(self, primary):
        until(self.cluster.failover, PROMOTED_WITHIN, every=0.2)
        return self._promoted(primary)

    def _cut_off(self, primary):
        others = [each for each in self.cluster.nodes.values() if each is not primary]
        return self._cut(primary, [primary], others)

    def _cut_in_two(self, primary):
        kept = self.chance.choice([each for each in self.cluster.servers if each is not primary])
        others = [each for each in self.cluster.nodes.values() if each not in (primary, kept)]
        return self._cut(primary, [primary, kept], others)

    def _cut(self, primary, one, other):
        self.cluster.cut(one, other)
        at = self._promoted(primary)
        time.sleep(self.chance.uniform(*CUT_FOR))
        self.cluster.cut()
        return at
