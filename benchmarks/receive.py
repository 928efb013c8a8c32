"""The receiver beside sending, measured. `python benchmarks/receive.py [--calls 200] [--seconds 30]`

A worker sends what a producer enqueues; another process makes calls as Octopush would, at a steady pace, each on a connection
of its own, whether the ones before were answered or not. An answer's time counts from the instant at which its call was to
begin. Prints the times, and what became of the calls, and writes benchmarks/results/receive.json. Exit status 1 when the
slowest of a hundred exceeds the goal, a call was not answered 200 with nothing, or one that was is not processed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import redis

from octoworker.client.client import Client
from octoworker.sandbox import Sandbox
from octoworker.store import embedded

RESULTS = Path(__file__).parent / "results" / "receive.json"
GOAL = 0.050
"""Seconds for the slowest of a hundred."""

TOKEN = "bench-" + "t" * 30
ANSWER = b"HTTP/1.1 200 "


def call(port, number, due):
    """Seconds from when it was due to the end of its answer; None: it was not answered 200 with nothing."""
    body = f"message_id=bench{number}&number=0033612{number:06d}&status=DELIVERED&delivery_date=2026-11-26+09:00:04".encode()
    head = f"POST /octopush/{TOKEN} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    time.sleep(max(0, due - time.monotonic()))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    took = time.monotonic() - due
    return took if answer.startswith(ANSWER) and answer.endswith(b"\r\n\r\n") else None


def make_calls(port, pace, seconds):
    """In a process of its own: what else runs there would be taken for the receiver's time."""
    began = time.monotonic() + 0.5
    with ThreadPoolExecutor(64) as lines:
        due = [began + number / pace for number in range(round(pace * seconds))]
        took = list(lines.map(lambda each: call(port, *each), enumerate(due)))
    print(json.dumps(took))


def started(environ, folder, name, *words):
    """A process of octoworker's, once its log says that it is there."""
    log = Path(folder, f"{name}.log")
    process = subprocess.Popen(
        [sys.executable, "-m", "octoworker", *words], env=environ, stdout=log.open("wb"), stderr=subprocess.STDOUT
    )
    while not any(each in log.read_bytes() for each in (b" ready.", b"receiving on")):
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    return process, log


def produce(client, ids, over, pace):
    while not over.wait(1 / pace):
        number = len(ids)
        ids.append(
            client.enqueue({"recipients": f"+336{number:08d}", "text": f"message {number}", "transactional": True})
        )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=float, default=200, help="a second")
    options.add_argument("--messages", type=float, default=20, help="a second")
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--port", type=int, help="make the calls, and nothing else")
    given = options.parse_args()
    if given.port:
        make_calls(given.port, given.calls, given.seconds)
        return
    ids, over = [], threading.Event()
    with embedded.Server() as server, Sandbox(credit="1000000") as sandbox, tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "REDIS_URL": server.url,
            "OCTOPUSH_URL": sandbox.url,
            "OCTOPUSH_USER_LOGIN": sandbox.user_login,
            "OCTOPUSH_API_KEY": sandbox.api_key,
            "OCTOWORKER_SENDER": "Octo",
            "OCTOWORKER_INBOUND_TOKEN": TOKEN,
        }
        worker, _ = started(environ, folder, "worker", "worker")
        receiver, log = started(environ, folder, "receiver", "receive", "--host", "127.0.0.1", "--port", "0")
        port = int(log.read_text().partition("127.0.0.1:")[2].partition("/")[0])
        producer = threading.Thread(target=produce, args=(Client(environ), ids, over, given.messages))
        producer.start()
        calls = [sys.executable, __file__, "--port", str(port), "--calls", str(given.calls)]
        made = subprocess.run([*calls, "--seconds", str(given.seconds)], capture_output=True, text=True, check=True)
        over.set()
        producer.join()
        client = redis.Redis.from_url(server.url, decode_responses=True)
        deadline = time.monotonic() + 60
        while (client.xlen("ow:inbox") or client.zcard("ow:due")) and time.monotonic() < deadline:
            time.sleep(0.1)
        # No message has these tickets, so each receipt that was processed waits for its own.
        processed, sent = (
            sum(1 for _ in client.scan_iter("ow:early:bench*", count=1000)),
            client.zcard("ow:state:accepted"),
        )
        for process in (worker, receiver):
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    took = json.loads(made.stdout)
    good = sorted(each for each in took if each is not None)
    found = {
        "calls": len(took),
        "calls a second": given.calls,
        "not answered 200 with nothing": len(took) - len(good),
        "answered 200 and not processed": len(good) - processed,
        "messages sent meanwhile": sent,
        "messages not sent": len(ids) - sent,
        "p50 ms": round(statistics.median(good) * 1000, 1),
        "p99 ms": round(good[int(len(good) * 0.99)] * 1000, 1),
        "slowest ms": round(good[-1] * 1000, 1),
    }
    print(json.dumps(found, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    bad = (
        found["not answered 200 with nothing"] or found["answered 200 and not processed"] or found["messages not sent"]
    )
    sys.exit(1 if bad or found["p99 ms"] > GOAL * 1000 else 0)


if __name__ == "__main__":
    main()
