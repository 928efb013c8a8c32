"""One run: producers use all doors while workers, Redis, the link, clocks and Octopush fail at random; then calm, and results.

1. A private Redis with AOF, the sandbox, and the workers of `fleet`.
2. Two producers note in a ledger what they were promised; a mishap follows the last one closely.
3. The mishaps stop, the late answers come, and every promise is judged (`oracle`).
4. Stories are cut short, everything is asked for once more, and nobody hears of it (`again`).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import redis
from harness import API_KEY, LOGIN, House
from proxy import Proxy

from chaos import callbacks, closing, doors, mishaps, oracle
from chaos.again import Again
from chaos.closing import Look
from chaos.doors import Producer
from chaos.fleet import PLACES, Fleet
from chaos.ledger import Ledger
from chaos.weather import Weather
from octoworker.client.client import client
from octoworker.errors import OctoworkerError
from octoworker.sandbox import Sandbox
from octoworker.store import embedded

SETTINGS = {
    "OCTOWORKER_CONCURRENCY": "4",
    "OCTOWORKER_PROCESSES": "0",
    "OCTOWORKER_MAX_CRASHES": "50",
    "OCTOWORKER_MAX_ATTEMPTS": "1000",
    "OCTOWORKER_LOG_LEVEL": "WARNING",
    # Shorter than the tests': here a call that ends too late and a lease that runs out are welcome.
    "OCTOWORKER_HTTP_TIMEOUT": "1",
    "OCTOWORKER_LEASE": f"{mishaps.LEASE:.0f}",
    "OCTOWORKER_VISIBILITY_TIMEOUT": "6",
}

CALM = {
    # What a busy machine needs a second for is no fault any more: a probe that ended too late would keep the breaker open.
    "OCTOWORKER_HTTP_TIMEOUT": "5",
    "OCTOWORKER_LEASE": "8",
    "OCTOWORKER_VISIBILITY_TIMEOUT": "12",
    # And a backlog of a hundred thousand is no crowd of lost jobs: looked for every second, they leave Redis no time for the rest.
    "OCTOWORKER_REQUEUE_AFTER": "5",
}
"""Settings of the workers that bring the run to its end."""

QUEUES = ("sms", "sms.urgent", "sms.bulk")


@contextmanager
def surroundings(appendfsync, api, seed):
    """Redis, the sandbox and the link; this process is the web app, with the patience of one."""
    with (
        tempfile.TemporaryDirectory(prefix="octoworker-chaos-") as folder,
        embedded.Server(appendfsync=appendfsync) as server,
        Sandbox(user_login=LOGIN, api_key=API_KEY, credit="1000000.00") as sandbox,
        Proxy(server.port) as proxy,
        callbacks.WebApp(seed) as web_app,
    ):
        house = House(
            server.url,
            sandbox,
            Path(folder),
            {**SETTINGS, **callbacks.settings(Path(folder), web_app), "OCTOPUSH_API": api},
        )
        house.server, house.web_app = server, web_app
        os.environ.update({name: value for name, value in house.environ.items() if name.startswith(("OCTO", "REDIS"))})
        try:
            yield house, proxy
        finally:
            house.close()


class Run:
    """One run, and what it counted."""

    def __init__(self, house, proxy, folder, chance, shares, pace, producers=2, patience=7200.0):
        self.house, self.chance, self.shares = house, chance, shares
        self.longest, self.gave_up, self.moving, self.calm_took = patience, [], False, 0.0
        self.kills = 0
        self.counts = Counter()
        self.over = threading.Event()
        self.admin = redis.Redis.from_url(house.redis_url, socket_timeout=30, decode_responses=True)
        self.ledger = Ledger()
        self.weather = Weather(house.sandbox, shares, chance.random())
        self.fleet = Fleet(house, proxy, chance, folder)
        self.proxy = proxy
        self.receiver = callbacks.Receiver(house)
        self.heard = callbacks.Judgement()
        self.again = Again(self.ledger, house.sandbox.handsets, self.admin)
        self.mishaps = mishaps.Mishaps(house, proxy, self.fleet, self.admin, chance, self.over.wait, self.receiver)
        self.producers = [
            Producer(f"chaos {n}", house, self.ledger, self.weather, self.over, chance.random(), pace)
            for n in range(producers)
        ]

    @property
    def ended(self):
        """Workers that ended by themselves, by why; and producers."""
        return self.fleet.ended + Counter(each.failed for each in self.producers if each.failed)

    def go(self, kills, ends_at):
        """Each mishap once, then by chance until so many kills; or until the instant (monotonic). The results."""
        for place in PLACES:
            self.fleet.start(place)
        callbacks.wait_until_told(self.admin)
        threads = [threading.Thread(target=producer.work) for producer in self.producers]
        for thread in threads:
            thread.start()
        time.sleep(5)
        said, first = 0, self.chance.sample(list(mishaps.WEIGHTS), len(mishaps.WEIGHTS))
        try:
            while (first or self.kills < kills) and time.monotonic() < ends_at:
                self._one(first.pop() if first else self._drawn())
                if self.kills * 2 >= kills:
                    self.fleet.change_to(self.shares.apis[-1])
                time.sleep(self.chance.uniform(0.05, 0.6))
                if self.kills >= said + 25:
                    said = self.kills
                    print(f"{self.kills} kills, {len(self.ledger.promises)} promises", flush=True)
        finally:
            patience = self._calm(threads)
        try:
            results = self._results()
            if not self.gave_up:
                self.again.ask()
                patience.wait("what was asked for again", self._messages_left)
                self.again.judge()
        finally:
            self.fleet.stop()
        return results

    def _drawn(self):
        return self.chance.choices(list(mishaps.WEIGHTS), list(mishaps.WEIGHTS.values()))[0]

    def _one(self, kind):
        self.counts[kind] += 1
        self.fleet.recent.append(kind)
        with contextlib.suppress(redis.RedisError):
            self.kills += getattr(self.mishaps, kind)()
        self.fleet.revive()

    def _calm(self, threads):
        """No more mishaps. Producers get what they asked for; then wait until nothing moves any more, or it is stuck."""
        self.weather.calm = True
        self.over.set()
        mishaps.quiet(self.admin)
        self.proxy.heal()
        self.fleet.thaw()
        self.house.sandbox.clear_faults()
        for thread in threads:
            thread.join()
        began, patience = time.monotonic(), closing.Patience(self.longest)
        self.fleet.renew(CALM)
        self.house.sandbox.advance(self.shares.late + 2)
        patience.wait("messages", self._messages_left)
        # The web app is back, and its operator waits for no next try.
        self.house.web_app.away.clear()
        client().store.webhooks.replay(datetime.fromtimestamp(0, UTC))
        # What Octopush holds goes out, and its receipts come.
        self.house.sandbox.advance(doors.LATEST + 60)
        patience.wait("receipts and events", callbacks.Quiet(self.house, self.admin).look)
        # What comes from now on is answered by nobody; what was answered is processed.
        self.receiver.stop()
        patience.wait("inbox and outbox", lambda: Look(callbacks.waiting(self.admin, self.house.folder)))
        self.gave_up, self.moving, self.calm_took = patience.gave_up, patience.moving, time.monotonic() - began
        return patience

    def _messages_left(self):
        """All that waits, is queued or in a worker's hands; and whether the breakers, which may hold it up, try on."""
        self.fleet.revive()
        # A plain job that was never claimed has no record yet: it is seen in its queue, or in a worker's hands.
        jobs = sum(self.admin.llen(queue) for queue in QUEUES) + self.admin.hlen("unacked")
        recalls = sum(self.admin.zcard(key) for key in self.admin.scan_iter("ow:recalls:*", count=5000))
        breakers = [self.admin.hgetall(key) for key in sorted(self.admin.scan_iter("ow:breaker:*", count=5000))]
        tries = tuple(tuple(each.get(name) for name in ("state", "since", "until", "step")) for each in breakers)
        return Look(self.admin.zcard("ow:due") + jobs + recalls, tries)

    def _results(self):
        self.heard.receipts(self.house.sandbox.callbacks(), self.admin)
        self.heard.events(self.admin, self.house.web_app)
        campaigns = self._campaigns()
        return oracle.results(
            self.ledger,
            self.house.sandbox.handsets(),
            self._record,
            lambda name, number: campaigns[name].get(number),
            burnt=self.shares.burnt,
            moving=self.moving,
        )

    def _record(self, message_id):
        """What `status` says, and two facts that an operator sees elsewhere. None: there is no record."""
        try:
            found = client().store.get(message_id)
        except OctoworkerError:
            return None
        if found is None:
            return None
        reviewed = bool(self.admin.hget(f"ow:message:{message_id}", "needs_review"))
        # Octopush may have cancelled it: it rang once, or not at all.
        reviewed |= found.recall is not None and found.recall.state == "needs_review"
        return {**found.as_json(), "maybe_sent": found.maybe_sent, "needs_review": reviewed}

    def _campaigns(self):
        """By the name of a campaign: who is in it, and what the record says."""
        people = defaultdict(dict)
        for key in self.admin.scan_iter("ow:campaign:*"):
            if self.admin.type(key) != "hash" or not (name := self.admin.hget(key, "name")):
                continue
            for message_id in self.admin.zrange(f"{key}:messages", 0, -1):
                record = self._record(message_id)
                listed = client().store.get(message_id).arguments["recipients"] if record else []
                for number in [listed] if isinstance(listed, str) else listed:
                    people[name][number] = record
        return people
