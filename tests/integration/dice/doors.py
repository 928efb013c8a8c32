"""The producers of a game: every door, over a link that may give way, asked again until it is taken."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta

from dice.link import KilledError, Link
from octoworker.client.campaigns import campaign, loading
from octoworker.client.campaigns.spool import Spool
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client
from octoworker.errors import CampaignSentError, EnqueueError, KeyConflictError, StoreError
from octoworker.sms import jobs, lanes
from octoworker.sms.arguments import plain_arguments
from octoworker.store import Store

NUMBERS = (*(f"+336123456{n:02d}" for n in range(3)), "+596696123403")
"""The last one is overseas, where marketing has other hours by the clock: messages to it and to others go in parts."""
SPELLINGS = (
    lambda number: number,
    lambda number: "0" + number[3:],
    lambda number: f"0{number[3]} {number[4:6]} {number[6:8]} {number[8:10]} {number[10:]}",
    lambda number: "00" + number[1:],
)
UNREADABLE = ("0145789632", "061234", "nobody", "")
"""A landline, half a number, no number."""

STOP = " STOP au XXXXX"
LANES = lanes.LANES
NAMES = ("queue", "again")


class Doors:
    """Somebody who asks. `now` gives Redis' clock, `room` how many more messages the game takes."""

    def __init__(self, server, dice, book, now, environ):
        self.dice, self.book, self.now = dice, book, now
        self.link = Link(server)
        store = Store(self.link.client, keep_for=timedelta(days=30), requeue_after=timedelta(seconds=60))
        self.client = Client(environ, store=store)
        self.asked_before: list = []
        """Calls that may be made again, as they were."""
        self.ids: list[str] = []
        self.campaigns: list[str] = []
        self.count = 0

    def open(self):
        """Which doors still let somebody in: a game of more messages only takes longer."""
        left = 14 - len(self.ids)
        doors = [self.enqueue, self.several, self.without_a_key, self.send_task]
        return (doors if left > 0 else []) + ([self.enqueue_many, self.campaign, self.bulk] if left > 4 else [])

    def enqueue(self):
        self._with_key("enqueue", self._people(1)[0], self._options())

    def several(self):
        people = self._people(self.dice.choice([2, 3]))
        written = people + self.dice.sample(people, 1) + self.dice.sample(UNREADABLE, self.dice.choice([0, 0, 1]))
        self.dice.shuffle(written)
        self._with_key("several", written, self._options())

    def _with_key(self, door, written, options):
        wanted = {"text": self._text(), **options}
        wanted["idempotency_key"] = f"key {self.count}"
        people = self._whom(written)
        self.book.asked(people, wanted["text"])

        def ask():
            return self.client.enqueue({**wanted, "recipients": self._respelled(written)})

        message_id = self._until_taken(ask)
        self._is_in([message_id])
        self.book.promised(door, people, wanted["text"], message_id)
        self.asked_before.append((ask, message_id))

    def without_a_key(self):
        """Nobody can ask again: a failure may have been taken."""
        written, text = self._people(1)[0], self._text()
        people = self._whom(written)
        self.book.asked(people, text)
        try:
            with self._trouble():
                message_id = self.client.enqueue({"recipients": written, "text": text, **self._options()})
        except (EnqueueError, KilledError):
            return
        self._is_in([message_id])
        self.book.promised("without a key", people, text, message_id)

    def enqueue_many(self):
        some = []
        for _ in range(self.dice.choice([2, 3, 4])):
            written = self._people(1)[0] if self.dice.random() < 0.7 else [*self._people(2), "061234"]
            wanted = {"recipients": written, "text": self._text(), **self._options()}
            some.append({**wanted, "idempotency_key": f"key {self.count}"})
            self.book.asked(self._whom(written), wanted["text"])

        def ask():
            return self.client.enqueue_many(
                [{**each, "recipients": self._respelled(each["recipients"])} for each in some]
            )

        ids = self._until_taken(ask)
        self._is_in(ids)
        for message_id, each in zip(ids, some, strict=True):
            self.book.promised("enqueue_many", self._whom(each["recipients"]), each["text"], message_id)
        self.asked_before.append((ask, ids))

    def campaign(self):
        """Half of them with one text for all. A row twice, or a person in two spellings, is one SMS."""
        template, rows = self._rows()
        with Spool(rows, Template(template), "recipient") as read:
            asked = loading.Asked(template, plain_arguments(self._options()), read.digest)

            def ask():
                try:
                    return campaign.taken_by(self.client, asked, read, "")
                except CampaignSentError as sent:
                    return sent.campaign_id  # an answer that was lost: it is all taken

            own = self._until_taken(ask)
            assert own == ask(), "the same call again is the same campaign"
        self._is_taken("campaign", own, template, rows)

    def bulk(self):
        """As the command does it: two messages at once, stopped at any step, continued by the same command."""
        template, rows = self._rows()
        text, options = Template(template), plain_arguments(self._options())
        asked = loading.Asked(template, options, json.dumps(rows))

        def ask():
            try:
                opened = loading.begin(self.client, asked, "")
            except CampaignSentError as sent:
                return sent.campaign_id
            read = [(n, row["recipient"], row) for n, row in enumerate(rows, 1)]
            own = opened.id
            people, refused = loading.people(read, text, self.client.policy, opened.regions)
            taken = loading.take(self.client, own, text, people, options, at_once=2)
            self.client.store.campaigns.loaded(own, people=taken, refused=sum(refused.values()))
            return own

        own = self._until_taken(ask)
        assert own == ask(), "the same command again is the same campaign"
        self._is_taken("bulk", own, template, rows)

    def send_task(self):
        """A job from a Celery of somebody else's: it has no record, and nobody but its queue knows of it."""
        text, job_id = self._text(), f"{self.dice.getrandbits(128):032x}"
        written = self._people(self.dice.choice([1, 1, 2]))
        lane, people = self.dice.choice(LANES), self._whom(written)
        self.book.asked(people, text)
        kwargs = {"recipients": written, "text": text, **self._options(), "lane": lane}
        body = b64encode(json.dumps([[], kwargs, {}]).encode()).decode()
        job = {"body": body, "headers": {"task": jobs.TASK, "id": job_id}, "stranger": True}
        self.link.client.lpush(lanes.queue_of(lane), json.dumps(job))
        self._is_in([job_id])
        self.book.promised("send_task", people, text, job_id)

    def again(self):
        """The same call, in other spellings, at any later time: it is the same SMS, or its record is gone."""
        if self.asked_before:
            ask, before = self.dice.choice(self.asked_before)
            assert self._until_taken(ask) == before

    def a_key_of_another(self):
        """Other content under a known key is refused, and nobody rings for it."""
        if self.asked_before:
            wanted = {"recipients": NUMBERS[0], "text": self._text(), "transactional": True}
            keys = [f"key {n}" for n in range(1, self.count)]
            try:
                self.client.enqueue({**wanted, "idempotency_key": self.dice.choice(keys)})
            except KeyConflictError:
                return
            self.book.asked([NUMBERS[0]], wanted["text"])  # nobody had that key

    def _until_taken(self, ask):
        while True:
            try:
                with self._trouble():
                    return ask()
            except (EnqueueError, StoreError, KilledError):
                continue

    def _trouble(self):
        return _Trouble(self.link, self.dice)

    def _is_in(self, ids):
        self.ids += ids

    def _is_taken(self, door, own, template, rows):
        self.campaigns.append(own)
        self.ids += [message_id for message_id, _ in self.client.store.campaigns.ids(own)]
        by_text: dict[str, list[str]] = {}
        for row in rows:
            by_text.setdefault(template.format(**row), []).append(row["recipient"])
        for text, written in by_text.items():
            self.book.promised(door, self._whom(written), text, campaign=own)

    def _rows(self):
        """Some rows, booked."""
        template = self._text()
        if self.dice.random() < 0.5:
            template = "{n} " + template
        rows = [{"recipient": written, "n": str(n)} for n, written in enumerate(self._people(self.dice.choice([2, 3])))]
        rows += [{**row, "recipient": self._spelled(row["recipient"])} for row in self.dice.sample(rows, 1)]
        rows += [{"recipient": "0145789632", "n": "9"}] if self.dice.random() < 0.2 else []
        self.dice.shuffle(rows)
        by_text: dict[str, list[str]] = {}
        for row in rows:
            by_text.setdefault(template.format(**row), []).append(row["recipient"])
        for text, written in by_text.items():
            self.book.asked(self._whom(written), text)
        return template, rows

    def _options(self):
        pick = self.dice.choice
        send_in, expires_in = pick([None, None, 120, 200_000]), pick([None, None, 90, 400_000])
        if send_in and expires_in and expires_in <= send_in:
            expires_in = None
        return {
            "transactional": pick([True, False]),
            "lane": pick(LANES),
            **({"send_at": self.now() + send_in} if send_in else {}),
            **({"expires_at": self.now() + expires_in} if expires_in else {}),
        }

    def _text(self):
        """Mostly one that nothing else says."""
        self.count += 1
        return ("The same" if self.dice.random() < 0.2 else f"Text {self.count}") + STOP

    def _people(self, many):
        return [self._spelled(number) for number in self.dice.sample(NUMBERS, many)]

    def _spelled(self, written):
        known = _number(written)
        return self.dice.choice(SPELLINGS if known.startswith("+33") else (SPELLINGS[0], SPELLINGS[-1]))(known)

    def _respelled(self, written):
        if isinstance(written, list):
            return [self._spelled(each) if _number(each) else each for each in written]
        return self._spelled(written)

    def _whom(self, written):
        """Those who can be reached."""
        listed = written if isinstance(written, list) else [written]
        return [number for each in listed if (number := _number(each))]


def _number(written):
    """Who is meant. Not the product's reader: by the last two figures of the few who are in the game."""
    figures = "".join(sign for sign in written if sign.isdigit())
    return next((number for number in NUMBERS if figures.endswith(number[3:])), "")


class _Trouble:
    """For one call the link may give way."""

    def __init__(self, link, dice):
        self.link, self.dice = link, dice

    def __enter__(self):
        if self.dice.random() < 0.3:
            self.link.cut(self.dice)

    def __exit__(self, *_):
        self.link.mend()
