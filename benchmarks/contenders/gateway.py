"""Starts the stub gateway and reads what it counted. C where there is a compiler, else asyncio with uvloop.

It must not be the bottleneck: `capacity` shows how many calls per second it answers, and at what CPU.
"""

from __future__ import annotations

import json
import mmap
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from contenders import measure
from octoworker.store.embedded import free_port

HERE = Path(__file__).parent
FIELDS = struct.Struct("=4Q")


def body(recipients):
    """What Octopush answers when it takes a message: one recipient is an object, several are a list."""
    accepted = [
        {"recipient": 33600000000 + n, "country_code": "FR", "cost": 0.055, "sms_needed": 1} for n in range(recipients)
    ]
    answer = {
        "error_code": "000",
        "cost": 0.055 * recipients,
        "balance": 6.93,
        "ticket": "api110000000021",
        "sending_date": 1455975613,
        "number_of_sendings": recipients,
        "currency_code": "€",
        "failures": [],
        "successs": accepted[0] if recipients == 1 else accepted,
    }
    return json.dumps(answer)


def built(folder):
    """The command of the stub: compiled into the folder when a compiler is here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        return [sys.executable, str(HERE / "stub.py")]
    program = folder / "stub"
    if not program.exists():
        subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "stub.c")], check=True)
    return [str(program)]


class Stub:
    """One gateway process. A context manager."""

    def __init__(self, folder, delay_ms=0, recipients=1):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._counts, text = folder / f"counts-{self.port}", folder / f"body-{recipients}"
        self._counts.write_bytes(bytes(FIELDS.size))
        text.write_text(body(recipients), encoding="utf-8")
        self._command = [*built(folder), str(self.port), str(delay_ms), str(text), str(self._counts)]

    def __enter__(self):
        self._process = subprocess.Popen(self._command)
        self.pid = self._process.pid
        with self._counts.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), FIELDS.size)
        deadline = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError("the stub gateway did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._map.close()

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def calls(self):
        return self.counted()[0]

    def counted(self):
        """Calls, messages, first call and last call (monotonic, ns)."""
        return FIELDS.unpack(self._map[:])


def capacity(folder, calls=40_000, lines=64):
    """Calls per second over so many connections, each with its next request as soon as it has its answer."""
    request = (
        b"POST /sms/json HTTP/1.1\r\nHost: stub\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 200\r\n\r\n" + b"x" * 200
    )
    with Stub(folder) as stub:
        sockets = [socket.create_connection(("127.0.0.1", stub.port)) for _ in range(lines)]
        selector = selectors.DefaultSelector()
        before, started = measure.cpu([stub.pid]), time.monotonic()
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
            each.sendall(request)
        while stub.calls < calls:
            for key, _ in selector.select():
                key.fileobj.recv(65536)
                key.fileobj.sendall(request)
        took, used, done = time.monotonic() - started, measure.cpu([stub.pid]) - before, stub.calls
        for each in sockets:
            each.close()
    return {"calls_per_s": done / took, "cpu_us_per_call": used / done * 1e6, "program": Path(built(folder)[0]).name}
