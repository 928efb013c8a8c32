"""The workers of a run: threads, threads behind a link that breaks, and prefork; each with a wall clock that can be moved."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections import Counter, deque
from pathlib import Path

from harness import Worker
from moved_clock import WallClock

PLACES = ("threads", "proxied", "prefork")

STAYS = "proxied"
"""The one that keeps its API when the others change."""

LAST_LINES = 60
"""Lines of the log that are kept of a worker that ended by itself."""

UNRECOVERABLE = re.compile(r"Unrecoverable error: (.{1,160})")
ERROR_LINE = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b.{0,160}")


class Fleet:
    """A worker in each place. One that ended by itself is a bug: the end of its log is kept, with its return code."""

    def __init__(self, house, proxy, chance, kept):
        self.house, self.proxy, self.chance, self.kept = house, proxy, chance, kept
        self.clocks = {place: WallClock(house.folder / f"clock-{place}") for place in PLACES}
        self.all: dict[str, Worker] = {}
        self.started = 0
        self.ended = Counter()
        self.expected: set[int] = set()
        """Processes that were killed behind our back."""
        self.recent = deque(maxlen=5)
        self.api = dict.fromkeys(PLACES, house.api)
        self.calm: dict[str, str] = {}
        """Settings of those that bring the run to its end."""

    def start(self, place):
        settings = {
            **self.clocks[place].environ,
            "OCTOPUSH_API": self.api[place],
            "OCTOPUSH_URL": self.house.sandbox.urls[self.api[place]],
            "OCTOWORKER_HEALTH_DIR": str(self.house.folder / f"health-{place}"),
            **({"REDIS_URL": self.proxy.url} if place == "proxied" else {}),
            **self.calm,
        }
        log = self.house.folder / f"{place}-{self.started}.log"
        self.started += 1
        pool = "prefork" if place == "prefork" else "threads"
        self.all[place] = Worker({**self.house.environ, **settings}, log, "-n", f"{place}@%h", pool=pool)

    def change_to(self, api):
        """Workers come back with this API; one stays, for what may have been sent by the other."""
        self.api |= dict.fromkeys((place for place in PLACES if place != STAYS), api)

    def some(self):
        return self.chance.choice(PLACES)

    def children(self, place):
        with contextlib.suppress(OSError):
            return self.all[place].children()
        return []

    def pids(self):
        return [pid for place, worker in self.all.items() for pid in (worker.process.pid, *self.children(place))]

    def revive(self):
        for place, worker in list(self.all.items()):
            if worker.process.poll() is not None:
                if worker.process.pid not in self.expected:
                    self._keep(worker)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(worker.process.pid, signal.SIGKILL)  # children that outlived it
                self.start(place)

    def renew(self, settings):
        """All of them end, and come back with these settings."""
        self.calm = settings
        self.revive()
        for worker in self.all.values():
            worker.signal(signal.SIGTERM)
        for place, worker in list(self.all.items()):
            worker.stop()
            self.start(place)

    def thaw(self):
        for worker in self.all.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.process.pid, signal.SIGCONT)

    def stop(self):
        for worker in self.all.values():
            worker.stop()

    def _keep(self, worker):
        code, log = worker.wait(), worker.log()
        cause = cause_of(code, log)
        self.ended[cause] += 1
        path = Path(self.kept) / f"ended-{self.ended.total():02d}-{worker.log_path.stem}.log"
        head = f"{cause}\nthe last mishaps: {', '.join(self.recent)}\n\n"
        path.write_text(head + "\n".join(log.splitlines()[-LAST_LINES:]) + "\n")
        print(f"ended by itself: {cause}; {path}", flush=True)


def cause_of(code, log):
    """What the log says last about why, without ports and addresses, so that equal causes are counted together."""
    said = UNRECOVERABLE.findall(log) or [line for line in log.splitlines() if ERROR_LINE.match(line)]
    why = re.sub(r"0x[0-9a-f]+|\d{3,}", "…", said[-1]) if said else "its log does not say why"
    return f"return code {code}: {why}"
