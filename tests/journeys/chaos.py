"""The long run: messages flow while workers, Redis, the link and Octopush fail at random. `make chaos KILLS=1000`.

1. A private Redis with AOF, the sandbox, two thread workers (one behind a proxy that can swallow) and one prefork worker.
2. A producer enqueues all the while; a random fault follows the last one closely. A kill is a SIGKILL of a worker, of a
   prefork child, or of Redis.
3. At the end the faults stop, and every message gets a verdict: lost, twice, stuck, wrong, for a person, or fine.

A worker that ends by itself is a bug: the end of its log is kept in the folder of the report, with its return code.
Exit status 0 when nothing is lost, twice, stuck or wrong, and no worker ended by itself. The same seed gives the same plan, not the same race.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import redis
from harness import House, Worker
from proxy import Proxy

from octoworker.client.client import Client
from octoworker.errors import EnqueueError, StoreError
from octoworker.sandbox import Sandbox
from octoworker.sms.record import FINAL, State
from octoworker.store import embedded

PACE = 0.02
"""Seconds between two messages of the producer."""

GATEWAY_FAULTS = (
    {"fault": "hang_after", "seconds": 1.5},
    {"fault": "hang_before", "seconds": 1.5},
    {"fault": "reset_before"},
    {"fault": "reset_after"},
    {"fault": "cut"},
    {"fault": "html", "accept": True},
    {"fault": "html", "accept": False},
    {"fault": "status", "status": 500, "accept": True},
    {"fault": "status", "status": 502, "accept": False},
    {"fault": "status", "status": 503, "accept": False, "retry_after": 1},
    {"fault": "status", "status": 429, "retry_after": 1},
    {"fault": "drip", "seconds": 0.05},
    {"fault": "code", "code": "153"},
    {"fault": "code", "code": "104"},
    {"fault": "code", "code": "500"},
    {"fault": "refuse", "seconds": 0.5},
)

LAST_LINES = 60
"""Lines of the log that are kept of a worker that ended by itself."""

SETTINGS = {
    "OCTOWORKER_CONCURRENCY": "4",
    "OCTOWORKER_MAX_CRASHES": "50",
    "OCTOWORKER_MAX_ATTEMPTS": "1000",
    "OCTOWORKER_LOG_LEVEL": "WARNING",
    # Shorter than the tests': here a call that ends too late and a lease that runs out are welcome.
    "OCTOWORKER_HTTP_TIMEOUT": "1",
    "OCTOWORKER_LEASE": "3",
    "OCTOWORKER_VISIBILITY_TIMEOUT": "6",
}


class Run:
    """One run: its house, its plan, and what it counted."""

    def __init__(self, house, proxy, kills, seed, folder):
        self.house, self.proxy, self.goal, self.folder = house, proxy, kills, folder
        self.chance = random.Random(seed)
        self.kills = 0
        self.counts = collections.Counter()
        self.ended = collections.Counter()
        self.recent = collections.deque(maxlen=5)
        self.sent: dict[str, str] = {}
        self.confirmed_at: dict[str, float] = {}
        self.redis_killed_at: list[float] = []
        self.refused_by_redis = 0
        self.over = threading.Event()
        self.admin = redis.Redis.from_url(house.server.url, socket_timeout=5)

    def produce(self):
        """Enqueue until the faults are over. A repeat of a failed enqueue carries the same key, as a web app's should."""
        number = 0
        while not self.over.is_set():
            number += 1
            text = f"chaos message {number}"
            while True:
                try:
                    message_id = self.house.enqueue(recipients=f"+336{number:08d}", text=text, idempotency_key=text)
                except EnqueueError:
                    self.refused_by_redis += 1
                    if self.over.wait(0.2):
                        break
                else:
                    self.confirmed_at[message_id] = time.monotonic()
                    self.sent[message_id] = text
                    break
            self.over.wait(PACE)

    def start_worker(self, place):
        pool = "prefork" if place == "prefork" else "threads"
        settings = {"REDIS_URL": self.proxy.url} if place == "proxied" else {}
        log = self.house.folder / f"{place}-{self.counts['workers started']}.log"
        self.counts["workers started"] += 1
        return Worker({**self.house.environ, **settings}, log, "-n", f"{place}@%h", pool=pool)

    def fault(self, workers):
        kind = self.chance.choices(
            ("kill", "child", "term", "freeze", "redis", "clients", "swallow", "full", "readonly", "gateway", "again"),
            (40, 22, 5, 3, 3, 4, 3, 2, 2, 12, 4),
        )[0]
        self.counts[kind] += 1
        self.recent.append(kind)
        getattr(self, f"do_{kind}")(workers)

    def do_kill(self, workers):
        place = self.chance.choice(list(workers))
        self.revive(workers)
        workers[place].kill()
        self.kills += 1
        workers[place] = self.start_worker(place)

    def do_term(self, workers):
        place = self.chance.choice(list(workers))
        self.revive(workers)
        workers[place].signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            workers[place].wait(20)
        workers[place].kill()
        workers[place] = self.start_worker(place)

    def do_child(self, workers):
        parent = workers["prefork"].process.pid
        children = subprocess.run(
            ["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False
        ).stdout.split()
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(self.chance.choice(children)), signal.SIGKILL)
                self.kills += 1

    def do_freeze(self, workers):
        frozen = workers[self.chance.choice(list(workers))]
        frozen.signal(signal.SIGSTOP)
        self.over.wait(self.chance.uniform(0.5, 5))
        frozen.signal(signal.SIGCONT)

    def do_redis(self, _):
        self.redis_killed_at.append(time.monotonic())
        self.house.server.kill()
        self.kills += 1
        self.over.wait(self.chance.uniform(0.1, 2))
        self.house.server.start()

    def do_clients(self, _):
        self.admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def do_swallow(self, _):
        self.proxy.swallow()
        self.over.wait(self.chance.uniform(1, 8))
        self.proxy.heal()

    def do_full(self, _):
        self.admin.config_set("maxmemory", "1")
        self.over.wait(self.chance.uniform(0.5, 2))
        self.admin.config_set("maxmemory", "0")

    def do_readonly(self, _):
        self.admin.execute_command("REPLICAOF", "127.0.0.1", "1")
        self.over.wait(self.chance.uniform(0.3, 1))
        self.admin.execute_command("REPLICAOF", "NO", "ONE")

    def do_gateway(self, _):
        with contextlib.suppress(ValueError):  # the door is shut already
            self.house.sandbox.fault(**self.chance.choice(GATEWAY_FAULTS), times=self.chance.randint(1, 5))

    def do_again(self, _):
        """A job delivered once more, out of order."""
        if self.sent:
            message_id = self.chance.choice(list(self.sent))
            with contextlib.suppress(StoreError):
                if record := self.house.record(message_id):
                    self.house.client.publish(message_id, record.arguments, record.lane)

    def revive(self, workers):
        for place, worker in workers.items():
            if worker.process.poll() is not None:
                self.keep(worker)
                workers[place] = self.start_worker(place)

    def keep(self, worker):
        """The return code, the faults just before, and the end of the log of a worker that ended by itself."""
        self.counts["workers that ended by themselves"] += 1
        code, log = worker.wait(), worker.log()
        cause = cause_of(code, log)
        self.ended[cause] += 1
        number = self.counts["workers that ended by themselves"]
        kept = self.folder / f"ended-{number:02d}-{worker.log_path.stem}.log"
        head = f"{cause}\nafter {self.kills} kills; the last faults: {', '.join(self.recent)}\n\n"
        kept.write_text(head + "\n".join(log.splitlines()[-LAST_LINES:]) + "\n")
        print(f"ended by itself: {cause}; {kept}", flush=True)

    def go(self):
        producer = threading.Thread(target=self.produce)
        producer.start()
        workers = {place: self.start_worker(place) for place in ("threads", "proxied", "prefork")}
        time.sleep(5)
        try:
            while self.kills < self.goal:
                with contextlib.suppress(redis.RedisError):
                    self.fault(workers)
                self.revive(workers)
                time.sleep(self.chance.uniform(0.05, 0.6))
                if self.kills % 25 == 0:
                    print(f"{self.kills} kills, {len(self.sent)} messages", flush=True)
        finally:
            self.over.set()
            producer.join()
        self.calm(workers)
        return self.verdicts()

    def calm(self, workers):
        """No more faults; wait until nothing moves any more, or five minutes have passed."""
        self.proxy.heal()
        self.house.sandbox.clear_faults()
        for worker in workers.values():
            with contextlib.suppress(ProcessLookupError):
                worker.signal(signal.SIGCONT)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and self.admin.zcard("ow:due"):
            self.revive(workers)
            time.sleep(0.5)
        for worker in workers.values():
            worker.stop()

    def before_a_kill_of_redis(self, message_id):
        """How long before the next one it was confirmed: tells what its AOF had not got yet from what was lost otherwise."""
        gaps = [at - self.confirmed_at[message_id] for at in self.redis_killed_at]
        return f"{min((gap for gap in gaps if gap > -1), default=float('inf')) * 1000:.1f} ms"

    def verdicts(self):
        rang = collections.Counter(
            message["text"] for messages in self.house.sandbox.handsets().values() for message in messages
        )
        verdicts = collections.Counter()
        for message_id, text in self.sent.items():
            record = self.house.record(message_id)
            outcome = judge(record, rang[text])
            verdicts[outcome] += 1
            if outcome in BAD:
                print(
                    outcome,
                    message_id,
                    f"rang {rang[text]}",
                    f"confirmed {self.before_a_kill_of_redis(message_id)} before a SIGKILL of Redis",
                    record and [(m.at.isoformat(), m.state.value, m.reason) for m in record.history],
                )
        return verdicts


UNRECOVERABLE = re.compile(r"Unrecoverable error: (.{1,160})")
ERROR_LINE = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b.{0,160}")


def cause_of(code, log):
    """What the log says last about why, without ports and addresses, so that equal causes are counted together."""
    said = UNRECOVERABLE.findall(log) or [line for line in log.splitlines() if ERROR_LINE.match(line)]
    why = re.sub(r"0x[0-9a-f]+|\d{3,}", "…", said[-1]) if said else "its log does not say why"
    return f"return code {code}: {why}"


BAD = ("lost", "twice", "stuck", "wrong")


def judge(record, rang):
    """What became of one message: the record's word against what the handset shows."""
    if rang > 1:
        return "twice"
    if record is None:
        return "lost"
    if record.state is State.UNKNOWN and record.due_at is None:
        return "for a person"
    if record.state not in FINAL:
        return "stuck"
    if (record.state is State.ACCEPTED) != (rang == 1):
        return "for a person" if record.state is State.DEAD and record.maybe_sent else "wrong"
    return "fine"


def report(run, verdicts, seconds, seed, appendfsync):
    faults = "\n".join(f"| {name} | {count} |" for name, count in sorted(run.counts.items()))
    ended = "\n".join(f"- {count} times {cause}" for cause, count in run.ended.most_common()) or "- none"
    rows = "\n".join(f"| {name} | {verdicts[name]} |" for name in (*BAD, "for a person", "fine"))
    return f"""# The last long run

`make chaos KILLS={run.goal}` (seed {seed}, `appendfsync {appendfsync}`) on {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}:
{len(run.sent)} messages, {run.kills} kills, {seconds:.0f} s. {run.refused_by_redis} enqueues failed while Redis was away, full or
read-only, and were repeated by the producer with the same key.

| verdict | messages |
|---|---|
{rows}

*lost*: no record, or accepted and the handset did not ring. *twice*: the handset rang again. *stuck*: not ended five
minutes after the last fault. *wrong*: the record says otherwise than the handset. *for a person*: parked as `unknown`
(or stopped as `dead`) and saying so, because no machine can know; the handset rang once or not at all.

| fault | times |
|---|---|
{faults}

*kill*: SIGKILL of a worker; *child*: of a prefork child; *redis*: of Redis, restarted with its AOF; *term*: SIGTERM;
*freeze*: SIGSTOP, up to beyond the lease; *clients*: CLIENT KILL of every connection; *swallow*: a link that takes bytes
and gives none back; *full*: maxmemory with noeviction; *readonly*: Redis turned replica; *gateway*: Octopush refusing,
hanging, resetting, cutting, dripping, answering 4xx, 5xx or HTML, before or after it accepted; *again*: a job published twice.

## Workers that ended by themselves
{ended}
"""


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument(
        "--appendfsync",
        default="always",
        help="of Redis; everysec may lose the moment before a SIGKILL, see docs/chaos.md",
    )
    options.add_argument("--report", type=Path, help="folder of the report; default: a new one in the temporary folder")
    given = options.parse_args()
    kept = given.report or Path(tempfile.mkdtemp(prefix="octoworker-chaos-report-"))
    kept.mkdir(parents=True, exist_ok=True)
    print(f"seed {given.seed}; the report goes to {kept}")
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="octoworker-chaos-") as folder,
        embedded.Server(appendfsync=given.appendfsync) as server,
        Sandbox(user_login="tests@example.com", api_key="MARKERKEY4711", credit="1000000.00") as sandbox,
        Proxy(server.port) as proxy,
    ):
        house = House(server.url, sandbox, Path(folder), SETTINGS)
        house.server = server
        house.client.close()
        house.client = Client(house.environ)  # a web app as it is, with no more patience than it has
        run = Run(house, proxy, given.kills, given.seed, kept)
        verdicts = run.go()
        house.close()
    text = report(run, verdicts, time.monotonic() - started, given.seed, given.appendfsync)
    print(text)
    (kept / "report.md").write_text(text)
    sys.exit(1 if run.ended or any(verdicts[bad] for bad in BAD) else 0)


if __name__ == "__main__":
    main()
