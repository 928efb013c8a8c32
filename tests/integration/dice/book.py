"""What was asked for, what rang, and whether both agree. It knows handsets, texts and the words of the states, nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

SENT = frozenset({"accepted", "delivered", "undelivered"})
NOT_SENT = frozenset({"rejected", "expired", "cancelled", "dead"})


@dataclass(frozen=True)
class Promise:
    """Somebody was promised to be told something: this much of it is known to whoever asked."""

    door: str
    number: str
    text: str
    message_id: str = ""
    campaign: str = ""


class Book:
    """`rang` counts rings by handset and text. `may_ring`: how often each was asked for, by separate asks."""

    def __init__(self):
        self.rang: Counter[tuple[str, str]] = Counter()
        self.may_ring: Counter[tuple[str, str]] = Counter()
        self.promises: list[Promise] = []

    def asked(self, numbers, text):
        """One SMS to these, which may be taken from now on."""
        for number in set(numbers):
            self.may_ring[number, text] += 1

    def promised(self, door, numbers, text, message_id="", campaign=""):
        """The door has answered."""
        self.promises += [Promise(door, number, text, message_id, campaign) for number in dict.fromkeys(numbers)]

    def nobody_rings_twice(self):
        """Nor anybody who was not asked for."""
        twice = [who for who, rings in self.rang.items() if rings > self.may_ring[who]]
        assert twice == [], twice

    def only_one_sms_says_this(self, promise):
        return self.may_ring[promise.number, promise.text] == 1

    def agrees(self, promise, record, *, reviewed, maybe_sent, decided, burnt):
        """Whether what the record says of this person is what their handset heard. `record`: as `status` shows it."""
        assert record is not None, f"lost: {promise}"
        if reviewed or decided or (record["state"] == "dead" and maybe_sent):
            return
        story = f"{promise.door}: rang {self.rang[promise.number, promise.text]}, {record['history']}"
        assert record["state"] in SENT | NOT_SENT, f"stuck: {story}"
        if not self.only_one_sms_says_this(promise):
            return
        sent = (record["recipients"].get(promise.number, {}).get("state") or record["state"]) in SENT
        rang = self.rang[promise.number, promise.text] > 0
        # Where a refused call uses its key up, a lost refusal and a lost success look alike: the record must say so.
        assert sent == rang or (burnt and sent and record["confirmed"] is False), f"wrong: {story}"
