"""What Octopush says of its own accord during a run, and what the web app hears: a receiver that is killed, an address of the web
app that fails and goes away, and two judges.

1. A call that was answered 200 has come to its message, with whatever word says most, however often and in whatever order.
2. Each move that is told has its event under an id of its own, by each of the two ways, and no event is without its move.
"""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import sys
import threading
from collections import Counter, defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import own_port, until
from standardwebhooks.webhooks import Webhook
from store_kit import owner_of

from chaos.closing import Look
from octoworker.client.client import client
from octoworker.gateway.callbacks import meaning
from octoworker.sms.recipient import called

TOKEN = "chaos-" + "t" * 24
QUEUE = "shop"

TOLD = re.compile(r"evt_([0-9a-f]{32})_([0-9]+)")
RANK = {"nothing": 1, "underway": 2, "undelivered": 3, "delivered": 4}

ASTRAY = {"twice": 0.15, "swapped": 0.15, "early": 0.15, "late": 0.1, "undelivered": 0.1, "unknown": 0.05}
"""Shares of the messages whose receipts come otherwise than they should."""


SECRET = "whsec_" + base64.b64encode(b"chaos-" + b"s" * 24).decode()

NOT_TAKEN = 0.03
"""Share of the events that the web app refuses when it is posted the first time."""


class WebApp:
    """The web app's address. It keeps what it took, verified; it refuses some at first, and is away now and then."""

    def __init__(self, seed):
        self.kinds, self.bad, self._refused = defaultdict(set), [], set()
        self.taken = self.refused = 0
        self.away = threading.Event()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/sms"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def takes(self, headers, body):
        """The status that this post is answered."""
        event_id = headers.get("webhook-id", "")
        with self._lock:
            refuses = event_id not in self._refused and self._chance.random() < NOT_TAKEN
            if self.away.is_set() or refuses:
                self._refused.add(event_id)
                self.refused += 1
                return 503
            try:
                event = Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()})
                self.kinds[event_id].add(event["type"])
            except Exception as error:  # noqa: BLE001 - the run shall say so
                self.bad.append(f"an event that does not verify: {type(error).__name__}: {error}")
            self.taken += 1
            return 204

    def _handler(web_app):  # noqa: N805 - self is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(whole := int(self.headers["Content-Length"]))
                if len(body) < whole:  # its worker was killed between two writes: no server takes that for a call
                    self.close_connection = True
                    return
                self.send_response(web_app.takes(self.headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler


def settings(folder, web_app):
    """Of the workers and the receiver."""
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    return {
        "OCTOWORKER_INBOUND_TOKEN": TOKEN,
        "OCTOWORKER_INBOUND_SPOOL": str(spool),
        "OCTOWORKER_EVENT_TASK": "shop.sms_event",
        "OCTOWORKER_EVENT_QUEUE": QUEUE,
        "OCTOWORKER_EVENT_URL": web_app.url,
        "OCTOWORKER_EVENT_SECRET": SECRET,
    }


class Receiver:
    """`octoworker receive`, which calls find at one address through all its lives."""

    def __init__(self, house):
        self._environ, self._log = house.environ, (house.folder / "receiver.log").open("ab")
        self.port = own_port()
        self.url = f"http://127.0.0.1:{self.port}/octopush/{TOKEN}"
        self.process = None
        house.sandbox.settings(callback_url=self.url, receipt_delay=0, receipts=ASTRAY)
        self.start()

    def start(self):
        command = [sys.executable, "-m", "octoworker", "receive", "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self._environ, stdout=self._log, stderr=self._log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        self._log.close()


def waiting(admin, folder):
    """How much that came is not processed, and how much that is to be told is not told."""
    spooled = len(list((folder / "spool").glob("*.call")))
    return admin.xlen("ow:inbox") + admin.xlen("ow:outbox") + admin.zcard("ow:webhooks:due") + spooled


class Quiet:
    """Looks whether nothing has come for several looks in a row, and all that came is done with."""

    def __init__(self, house, admin):
        self._house, self._admin = house, admin
        self._counts = deque(maxlen=6)

    def look(self):
        self._counts.append(self._house.sandbox.wait(callbacks=0)["callbacks"])
        still = len(self._counts) == self._counts.maxlen and len(set(self._counts)) == 1
        left = waiting(self._admin, self._house.folder)
        return Look(left + (not still), (self._counts[-1],))


class Judgement:
    """What was wrong, each with a sentence, and how much was looked at."""

    def __init__(self):
        self.counts = Counter()
        self.bad: list[str] = []

    def receipts(self, answered, admin):
        """`answered`: the sandbox's own list of its calls, of which it keeps the latest ten thousand."""
        said = defaultdict(int)
        for each in answered:
            good = each["status"] == 200
            self.counts["calls answered 200" if good else "calls not answered 200"] += 1
            for fields in each["fields"] if good else ():
                key = str(fields["message_id"]), called(str(fields["number"]), "FR")
                said[key] = max(said[key], RANK[meaning(str(fields["status"])).delivery.value])
        for (ticket, number), rank in said.items():
            self._receipt(ticket, number, rank, admin)

    def _receipt(self, ticket, number, rank, admin):
        owner = owner_of(admin, ticket)
        if owner is None:
            # Nobody saw the answer of its call: it waits for its ticket.
            self.counts["receipts that wait for their ticket"] += 1
            if not admin.exists(f"ow:early:{ticket}"):
                self.bad.append(f"lost: a receipt of the ticket {ticket}, which no message has")
            return
        message_id, _, generation = owner.partition(":")
        record = f"ow:message:{message_id}"
        if int(generation or 0) < int(admin.hget(record, "receipts_from") or 0):
            self.counts["receipts of a call before a replay"] += 1
            return
        self.counts["receipts with their message"] += 1
        found = json.loads(admin.hget(record, "receipts") or "{}").get(number, {})
        if RANK.get(found.get("state"), 0) < rank:
            story = admin.hmget(record, "state", "ticket", "key_generation", "receipts_from", "history")
            waits = admin.exists(f"ow:early:{ticket}")
            self.bad.append(f"lost: a receipt of {owner}; it knows {found.get('state')}; {ticket} {waits} {story}")

    def events(self, admin, web_app):
        """All that stands in the web app's queue, and all that its address took, against the records."""
        self.bad += web_app.bad
        self.counts["posted events"], self.counts["posts that were refused"] = web_app.taken, web_app.refused
        self.counts["posted events under an id of their own"] = len(web_app.kinds)
        if dead := admin.zcard("ow:webhooks:dead"):
            self.bad.append(f"{dead} posted events were given up")
        kinds = defaultdict(set)
        for job in admin.lrange(QUEUE, 0, -1):
            ((event,), _, _) = json.loads(base64.b64decode(json.loads(job)["body"]))
            kinds[event["id"]].add(event["type"])
            self.counts["events"] += 1
        self.counts["events under an id of their own"] = len(kinds)
        self._against_the_records(kinds, admin, "called")
        self._against_the_records(web_app.kinds, admin, "posted")

    def _against_the_records(self, kinds, admin, way):
        self.bad += [f"two {way} events under {event_id}" for event_id, types in kinds.items() if len(types) > 1]
        heard = defaultdict(set)
        for event_id in kinds:
            message_id, sequence = TOLD.fullmatch(event_id).groups()
            heard[message_id].add(int(sequence))
        for key in admin.scan_iter("ow:message:*", count=1000):
            message_id = key.rpartition(":")[2]
            told = int(admin.hget(key, "sequence") or 0)
            missing, more = set(range(1, told + 1)) - heard[message_id], heard[message_id] - set(range(1, told + 1))
            self.bad += [f"no {way} event {message_id} {n} of {told}" for n in sorted(missing)]
            self.bad += [f"a {way} event {message_id} {n} without its move" for n in sorted(more)]
            record = client().store.get(message_id)
            if told and record.final and kinds[f"evt_{message_id}_{told}"] != {f"sms.{record.state}"}:
                self.bad.append(f"the last {way} event of {message_id} is not {record.state}")
            moves = [move.state for move in record.history]
            if moves.count("delivered") > 1 + moves[1:].count("queued"):
                self.bad.append(f"applied twice: a receipt of {message_id}")

    @property
    def page(self):
        """Its part of the report."""
        counts = "\n".join(f"| {what} | {count:,} |" for what, count in sorted(self.counts.items()))
        stories = "\n".join(f"- {each}" for each in self.bad[:50]) or "- nothing"
        return f"## Receipts and events\n\n| | |\n|---|---|\n{counts}\n\nLost, applied twice, or without their move:\n{stories}\n"


def wait_until_told(admin):
    """Events are written from when a worker says that it sends them."""
    until(lambda: admin.exists("ow:events-to", "ow:webhooks-to") == 2)
