"""The producers: each door of octoworker, used as a web app, a script or a person at the command line would use it.

A call that failed is repeated with the same key until it is taken, as the error says. A door without a key is not asked
again: its message may have been taken (`Ledger.perhaps_taken`).
"""

from __future__ import annotations

import csv
import itertools
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

from celery import Celery
from kombu.exceptions import OperationalError

import octoworker
from chaos.ledger import Promise
from octoworker.client.client import client

WEIGHTS = {
    "enqueue": 30,
    "without_a_key": 6,
    "enqueue_many": 5,
    "several": 6,
    "campaign": 1,
    "bulk": 1,
    "send_task": 16,
    "replay": 4,
    "again": 4,
    "for_later": 5,
    "take_back": 5,
}

TASK = "octoworker.send_sms"

NOT_TOLD = (OperationalError, OSError, AttributeError)
"""What a plain producer's publish raises without saying whether it happened. The last is kombu's, on a connection that another
failure has closed."""

HOUR = 3600.0
LATEST = 2 * HOUR
"""Seconds ahead of which a message is handed over at the most."""

AGAIN = 0.2
"""Seconds before a call that failed is repeated."""


class Producer:
    """One producer: each door once, then by chance until it is over; what it asked for it repeats until it is taken."""

    def __init__(self, name, house, ledger, weather, over, seed, pace):
        self.name, self.house, self.ledger, self.weather, self.over = name, house, ledger, weather, over
        self.chance = random.Random(seed)
        self.pace = pace
        self.count = itertools.count(1)
        self.counts = Counter()
        self.for_later: list[str] = []
        self.failed = ""
        self.beside: threading.Thread | None = None
        """Somebody at the command line, who takes longer than any call."""
        self.shop = Celery("shop", broker=house.redis_url, set_as_current=False)
        self.shop.conf.broker_transport_options = {"socket_timeout": 5, "socket_connect_timeout": 3}

    def work(self):
        try:
            self._work()
        except Exception as error:
            self.failed = f"{self.name} failed: {error!r}"
            raise

    def _work(self):
        first = self.chance.sample(list(WEIGHTS), len(WEIGHTS))
        while not self.over.wait(self.chance.uniform(0, 2 * self.pace)):
            door = first.pop() if first else self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            self.counts[door] += 1
            getattr(self, f"do_{door}")()
        if self.beside:
            self.beside.join()

    def do_enqueue(self):
        self._enqueue("enqueue", [self._somebody()])

    def do_several(self):
        self._enqueue("several recipients", [self._somebody() for _ in range(self.chance.randint(2, 5))])

    def do_without_a_key(self):
        number, text = self._somebody(), self._text()
        try:
            message_id = octoworker.enqueue(recipients=number, text=text, transactional=True)
        except (octoworker.EnqueueError, octoworker.StoreError):
            self.ledger.perhaps_taken([Promise("enqueue without a key", number, text)])
        else:
            self.ledger.taken([Promise("enqueue without a key", number, text, message_id)])
            # Nobody can ask for it again; its job may come again.
            kwargs = {"recipients": number, "text": text, "transactional": True, "message_id": message_id}
            self.ledger.asked(lambda: self.shop.send_task(TASK, kwargs=kwargs, task_id=message_id, queue="sms"))

    def do_for_later(self):
        """Handed over at once, and Octopush holds it."""
        self.for_later.append(self._enqueue("for later", [self._somebody()], send_at=time.time() + HOUR))

    def do_take_back(self):
        """Somebody cancels or moves what Octopush holds, or is on its way there."""
        if not self.for_later:
            return
        message_id = self.chance.choice(self.for_later[-10:])
        self.weather.forecast_of_a_recall()
        try:
            if self.chance.random() < 0.5:
                octoworker.cancel(message_id)
            else:
                octoworker.reschedule(message_id, time.time() + LATEST)
            self.counts["taken back"] += 1
        except octoworker.OctoworkerError:
            return

    def do_enqueue_many(self):
        texts = [self._text() for _ in range(self.chance.randint(2, 40))]
        some = [
            {"recipients": self._somebody(), "text": text, "transactional": True, "idempotency_key": text}
            for text in texts
        ]
        ids = self._until_taken(lambda: octoworker.enqueue_many(some))
        self.ledger.taken(
            Promise("enqueue_many", each["recipients"], each["text"], message_id)
            for each, message_id in zip(some, ids, strict=True)
        )

    def do_campaign(self):
        """Without a key: what was asked is its identity. The second half of the time with one text for all."""
        name, rows = (
            f"campaign {self._text()}",
            [{"recipient": self._somebody(), "n": n} for n in range(self.chance.randint(5, 120))],
        )
        template = name if self.chance.random() < 0.5 else name + " for {n}"

        def ask():
            try:
                octoworker.campaign(template, rows, name=name, transactional=True)
            except octoworker.CampaignSentError:
                return  # an answer that was lost: it is all taken

        self._until_taken(ask)
        self.ledger.taken(Promise("campaign", row["recipient"], template.format(**row), campaign=name) for row in rows)

    def do_bulk(self):
        if self.beside is None or not self.beside.is_alive():
            self.beside = threading.Thread(target=self._bulk)
            self.beside.start()

    def _bulk(self):
        """The command, stopped in the middle and called again, until it says that all is taken."""
        path = self.house.folder / f"{self._text().replace(' ', '-')}.csv"
        rows = [(self._somebody(), n) for n in range(self.chance.randint(50, 300))]
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("numero", "n"), *rows])
        template = f"{path.stem} for {{n}}"
        self.ledger.asked(lambda: self._command(path, template, stop=False))
        for stopped in (True, True, False):
            if self._command(path, template, stop=stopped):
                break
        else:
            while not self._command(path, template, stop=False):
                time.sleep(AGAIN)
        self.ledger.taken(
            Promise("interrupted bulk", number, template.format(n=n), campaign=path.name) for number, n in rows
        )

    def _command(self, path, template, *, stop):
        """Whether it said that everybody is taken."""
        command = [sys.executable, "-m", "octoworker", "bulk", str(path), "--template", template]
        with subprocess.Popen(
            [*command, "--transactional", "--send", "--json"],
            env=self.house.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            if stop:
                try:
                    process.wait(self.chance.uniform(0.5, 4))
                except subprocess.TimeoutExpired:
                    process.send_signal(self.chance.choice((signal.SIGKILL, signal.SIGINT)))
                    self.counts["commands stopped"] += 1
            said, why = process.communicate()
        return (process.returncode == 0 and bool(said)) or "went out within the last day" in why

    def do_send_task(self):
        """Any Celery producer. It cannot know whether a publish that raised has happened."""
        number, text = self._somebody(), self._text()
        kwargs = {"recipients": [number], "text": text, "transactional": True}
        queue = self.chance.choice(("sms", "sms.urgent", "sms.bulk"))
        try:
            result = self.shop.send_task(TASK, kwargs=kwargs, queue=queue)
        except NOT_TOLD:
            self.ledger.perhaps_taken([Promise("send_task", number, text)])
        else:
            self.ledger.taken([Promise("send_task", number, text, result.id.replace("-", ""))])
            self.ledger.asked(lambda: self.shop.send_task(TASK, kwargs=kwargs, task_id=result.id, queue=queue))

    def do_replay(self):
        """An operator, who never forces anything."""
        if latest := self.ledger.latest(400):
            try:
                client().store.replay(self.chance.choice(latest), force=False)
                self.counts["replayed"] += 1
            except octoworker.OctoworkerError:
                return

    def do_again(self):
        """A job delivered once more, out of order."""
        for message_id in self.ledger.latest(100)[:1]:
            try:
                found = client().store.get(message_id)
                if found:
                    kwargs = {**found.arguments, "message_id": message_id}
                    self.shop.send_task(TASK, kwargs=kwargs, task_id=message_id, queue="sms")
            except (octoworker.StoreError, *NOT_TOLD):
                return

    def _enqueue(self, door, numbers, **more):
        text = self._text()
        message_id = self._until_taken(
            lambda: octoworker.enqueue(recipients=numbers, text=text, transactional=True, idempotency_key=text, **more)
        )
        self.ledger.taken(Promise(door, number, text, message_id) for number in numbers)
        return message_id

    def _until_taken(self, ask):
        while True:
            try:
                answer = ask()
            except (octoworker.EnqueueError, octoworker.StoreError):
                self.counts["calls repeated"] += 1
                time.sleep(AGAIN)
            else:
                self.ledger.asked(ask)
                return answer

    def _somebody(self):
        number = self.ledger.number()
        self.weather.forecast(number)
        return number

    def _text(self):
        return f"{self.name} {next(self.count)}"
