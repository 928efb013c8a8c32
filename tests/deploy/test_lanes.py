"""The manifests start one kind of worker per lane: `octoworker worker -Q QUEUE`."""

from __future__ import annotations

from pathlib import Path

from harness import TEXT, until

from octoworker.sms import lanes
from octoworker.sms.record import State

LANES = Path(__file__).parents[2] / "deploy" / "kubernetes" / "lanes"


def test_each_lane_has_a_folder_that_names_its_queue():
    assert {path.name for path in LANES.iterdir()} == set(lanes.QUEUES)
    for lane, queue in lanes.QUEUES.items():
        text = (LANES / lane / "kustomization.yaml").read_text()
        assert f"value: [worker, -Q, {queue}]" in text
        assert f"metadata/listName, value: {queue}}}" in text


def test_a_worker_of_one_lane_leaves_the_others_alone(house):
    house.worker("-Q", lanes.QUEUES["urgent"])
    bulk = house.enqueue(text="newsletter", lane="bulk")
    urgent = house.enqueue(lane="urgent")
    assert house.ended(urgent).state is State.ACCEPTED
    assert house.record(bulk).state is State.QUEUED
    assert house.texts() == [TEXT]
    house.worker("-Q", lanes.QUEUES["bulk"])
    assert house.ended(bulk).state is State.ACCEPTED
    until(lambda: house.texts() == [TEXT, "newsletter"])
