"""Whether a Redis that took another one's place has all that the other one had, by the streams of their writes."""

from __future__ import annotations

import pytest

from octoworker.store.server import Lineage

SEEN = Lineage("a" * 40, 1000)


@pytest.mark.parametrize(
    ("found", "lost"),
    [
        (Lineage(SEEN.id, 2000), 0),
        (Lineage("b" * 40, 1500, SEEN.id, 1001), 0),
        (Lineage("b" * 40, 1500, SEEN.id, 1200), 0),
        (Lineage("b" * 40, 1500, SEEN.id, 901), 100),
        (Lineage("b" * 40, 1500, "c" * 40, 901), None),
        (Lineage("b" * 40, 0), None),
    ],
)
def test_what_a_promoted_replica_followed_tells_what_was_lost(found, lost):
    assert found.lost_since(SEEN) == lost
