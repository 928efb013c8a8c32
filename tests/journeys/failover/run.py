"""One run: producers and workers under load and Octopush's faults while one primary after the other goes; then calm, and results.

1. A cluster with users and TLS, the sandbox, and three workers, which know the Sentinels and nothing else.
2. Producers note in a ledger what they were promised (`chaos.ledger`); a call that failed is repeated with its key until it is
   taken. A failover follows the last one as soon as the cluster is whole.
3. The failovers stop, what is under way ends, and the sandbox's own book of what rang is held against the records.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter

from chaos import oracle
from chaos.fleet import cause_of
from chaos.ledger import Ledger, Promise
from chaos.weather import Weather
from harness import API_KEY, FAST, LOGIN, Worker, until

from failover.mishaps import WORDS, Mishaps
from octoworker.client.client import Client
from octoworker.errors import OctoworkerError, RefusedError, StoreError
from octoworker.gateway import dialects

SETTINGS = {
    **FAST,
    "OCTOWORKER_CONCURRENCY": "4",
    "OCTOWORKER_MAX_CRASHES": "50",
    "OCTOWORKER_MAX_ATTEMPTS": "1000",
    "OCTOWORKER_HTTP_TIMEOUT": "1",
    "OCTOWORKER_LEASE": "4",
    "OCTOWORKER_VISIBILITY_TIMEOUT": "6",
}

POOLS = {"threads": "threads", "more-threads": "threads", "prefork": "prefork"}
"""The workers."""

AGAIN = 0.2
"""Seconds before a call that failed is repeated."""

BETWEEN = 120
"""People who are taken between two failovers, at the most."""

CALM = 180.0
"""Seconds after the last failover in which everything must have come to an end."""


class Producer:
    """Enqueues one and many, for somebody else each time."""

    def __init__(self, name, environ, ledger, weather, over, seed, pace):
        self.name, self.environ, self.ledger, self.weather, self.over = name, environ, ledger, weather, over
        self.chance = random.Random(seed)
        self.pace = pace
        self.count = itertools.count(1)
        self.refused = Counter()
        self.taken = self.over_unsent = 0
        self.longest = 0.0
        """Seconds until a call was taken, at the most."""
        self.failed = ""

    def work(self):
        try:
            self._work()
        except Exception as error:
            self.failed = f"{self.name} failed: {error!r}"
            raise

    def _work(self):
        client = Client(self.environ)
        try:
            while not self.over.wait(self.chance.uniform(0, 2 * self.pace)):
                if self.chance.random() < 0.15:
                    self._several(client)
                else:
                    message = self._message()
                    self._promised(
                        "enqueue", [message], [self._until_taken(lambda message=message: client.enqueue(message))]
                    )
        finally:
            client.close()

    def _several(self, client):
        messages = [self._message() for _ in range(self.chance.randint(2, 20))]
        self._promised("enqueue_many", messages, self._until_taken(lambda: client.enqueue_many(messages)))

    def _message(self):
        number, text = self.ledger.number(), f"{self.name} {next(self.count)}"
        self.weather.forecast(number)
        return {"recipients": number, "text": text, "transactional": True, "idempotency_key": text}

    def _promised(self, door, messages, ids):
        self.taken += len(ids)
        self.over_unsent += sum(bool(each.state) for each in ids)
        self.ledger.taken(
            Promise(door, message["recipients"], message["text"], message_id)
            for message, message_id in zip(messages, ids, strict=True)
        )

    def _until_taken(self, call):
        began = time.monotonic()
        while True:
            try:
                answer = call()
            except RefusedError:
                raise
            except OctoworkerError as error:
                self.refused[str(error).partition(":")[0]] += 1
                time.sleep(AGAIN)
            else:
                self.longest = max(self.longest, time.monotonic() - began)
                return answer


class Run:
    """One run, and what it counted."""

    def __init__(self, cluster, sandbox, folder, chance, shares, settings, *, pace, producers=2):
        self.cluster, self.sandbox, self.folder, self.chance, self.shares = cluster, sandbox, folder, chance, shares
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OCTO", "CELERY", "REDIS"))}
        self.environ = {
            **clean,
            **SETTINGS,
            "OCTOPUSH_API": next(iter(dialects.DIALECTS)),
            "OCTOPUSH_URL": sandbox.urls[next(iter(dialects.DIALECTS))],
            "OCTOPUSH_USER_LOGIN": LOGIN,
            "OCTOPUSH_API_KEY": API_KEY,
            "OCTOWORKER_REDIS_URL": cluster.url("worker"),
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self.over = threading.Event()
        self.ledger = Ledger()
        self.weather = Weather(sandbox, shares, chance.random())
        self.mishaps = Mishaps(cluster, chance)
        self.counts = Counter()
        self.workers: dict[str, Worker] = {}
        self.started = 0
        self.ended = Counter()
        as_producer = {**self.environ, "OCTOWORKER_REDIS_URL": cluster.url("producer")}
        self.producers = [
            Producer(f"failover {n}", as_producer, self.ledger, self.weather, self.over, chance.random(), pace)
            for n in range(producers)
        ]

    def go(self, failovers):
        """Each kind in turn, in an order of its own each time, until so many failovers. The results."""
        for name in POOLS:
            self._start(name)
        for worker in self.workers.values():
            worker.ready()
        threads = [threading.Thread(target=producer.work) for producer in self.producers]
        for thread in threads:
            thread.start()
        until(lambda: len(self.ledger.promises) > 20)
        kinds = []
        try:
            for n in range(1, failovers + 1):
                kinds = kinds or self.chance.sample(list(WORDS), len(WORDS))
                kind = kinds.pop()
                self.mishaps.one(kind)
                self.counts[kind] += 1
                self._revive()
                some = len(self.ledger.promises) + self.chance.randint(1, BETWEEN)
                until(lambda some=some: len(self.ledger.promises) > some)
                if n % 5 == 0:
                    print(f"{n} failovers, {len(self.ledger.promises)} people", flush=True)
        finally:
            self._calm(threads)
        return self._results()

    def _start(self, name):
        log = self.folder / f"{name}-{self.started}.log"
        self.started += 1
        environ = {**self.environ, "OCTOWORKER_HEALTH_DIR": str(self.folder / f"health-{name}")}
        self.workers[name] = Worker(environ, log, "-n", f"{name}@%h", pool=POOLS[name])

    def _revive(self):
        """A worker that ended by itself is a bug, and another one takes its place."""
        for name, worker in list(self.workers.items()):
            if worker.process.poll() is not None:
                self.ended[cause_of(worker.wait(), worker.log())] += 1
                self._start(name)

    def _calm(self, threads):
        """No more failovers. Producers get what they asked for; then wait until nothing moves any more, or it is stuck."""
        self.weather.calm = True
        self.over.set()
        self.sandbox.clear_faults()
        for thread in threads:
            thread.join()
        self.sandbox.advance(self.shares.late + 2)
        self.client = Client(self.environ, timeout=5.0)
        admin = self.cluster.admin(self.cluster.primary())

        def still():
            self._revive()
            jobs = sum(admin.llen(queue) for queue in ("sms", "sms.urgent", "sms.bulk")) + admin.hlen("unacked")
            return not admin.zcard("ow:due") and not jobs

        with contextlib.suppress(AssertionError):
            until(still, CALM, every=0.5)
        listed = self._command("list", "--rolled-back", "--limit", "100000", "--json")
        self.rolled_back = len(json.loads(listed))
        for worker in self.workers.values():
            worker.stop()

    def _command(self, *arguments):
        command = [sys.executable, "-m", "octoworker", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True, timeout=120).stdout

    def _results(self):
        found = oracle.results(self.ledger, self.sandbox.handsets(), self._record, None, burnt=self.shares.burnt)
        self.client.close()
        return found

    def _record(self, message_id):
        """What `status` says, and two facts that an operator sees elsewhere. None: there is no record."""
        try:
            found = self.client.store.get(message_id)
        except StoreError:
            return None
        if found is None:
            return None
        reviewed = bool(self.cluster.admin(self.cluster.primary()).hget(f"ow:message:{message_id}", "needs_review"))
        return {**found.as_json(), "maybe_sent": found.maybe_sent, "needs_review": reviewed}
