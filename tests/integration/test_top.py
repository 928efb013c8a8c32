"""`octoworker top`: one frame for a pipe, a live board for a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import contextmanager, suppress

import pytest
from harness import API_KEY, NUMBER, until

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][0-9A-Za-z])")


class Terminal:
    """A terminal with `octoworker top` in it."""

    def __init__(self, environ):
        self.ours, theirs = pty.openpty()
        os.set_blocking(self.ours, False)
        sized = {**environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
        command = [sys.executable, "-m", "octoworker", "top"]
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        # One system call in the child; without it nobody would turn Ctrl-C into a signal.
        self.process = subprocess.Popen(command, env=sized, **streams, start_new_session=True, preexec_fn=_take_it)  # noqa: PLW1509
        os.close(theirs)
        self._seen = ""

    def shows(self, text):
        """Whether it has come up since the last time that was asked with success."""
        with suppress(OSError):
            self._seen += os.read(self.ours, 65536).decode(errors="replace")
        plain = ESCAPES.sub("", self._seen)
        if text not in plain:
            return False
        self._seen = ""
        return True

    def press(self, key):
        os.write(self.ours, key)

    def ended(self):
        """Its exit status, once it has ended. Somebody has to read what it says on the way."""
        return until(lambda: self.shows("\0") or (None if self.process.poll() is None else [self.process.returncode]))[
            0
        ]


def _take_it():
    """In the child: this is the terminal whose Ctrl-C it hears."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def terminal(environ):
    it = Terminal(environ)
    try:
        yield it
    finally:
        it.process.kill()
        it.process.wait()
        os.close(it.ours)


def test_once_prints_one_frame_of_stats(house):
    house.store.flow_control.pause("marketing")
    house.worker()
    house.ended(house.enqueue())
    shown = house.command("top", "--once").stdout
    for words in ("octoworker", "urgent", "oldest s", "accepted     1", "breaker", "closed", "marketing", "EUR"):
        assert words in shown
    for secret in (NUMBER, NUMBER[3:], API_KEY):
        assert secret not in shown


def test_a_pipe_gets_one_frame(house):
    assert house.command("top").stdout.count(" octoworker   ") == 1


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "ctrl-c"])
def test_it_shows_what_changes_until_a_key_ends_it(house, key):
    with terminal(house.environ) as screen:
        until(lambda: screen.shows("in flight    0"))
        house.enqueue()
        until(lambda: screen.shows("in flight    1"))
        screen.press(key)
        assert screen.ended() == 0


def test_it_stays_while_redis_is_away(house):
    with terminal(house.environ) as screen:
        until(lambda: screen.shows("in flight"))
        house.server.kill()
        until(lambda: screen.shows("Looking again every second"))
        house.server.start()
        until(lambda: screen.shows("in flight"))


def test_redis_away_at_the_start_of_one_frame_is_exit_3(house):
    house.server.kill()
    assert house.command("top", "--once", check=False).returncode == 3
