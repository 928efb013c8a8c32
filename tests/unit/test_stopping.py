"""A process that runs until a signal: it hears one in the midst of its waiting, too."""

from __future__ import annotations

import os
import queue
import signal
import threading

from octoworker.contrib.stopping import Stopping


def test_a_signal_in_the_midst_of_a_wait_is_heard():
    """With `threading.Event` this hangs at one of the first: its lock is held by who is interrupted."""
    stopping, heard = Stopping(), queue.SimpleQueue()

    def hear(*_):
        stopping.set()
        heard.put(None)

    def send():
        for _ in range(300):
            os.kill(os.getpid(), signal.SIGUSR1)
            heard.get()

    before = signal.signal(signal.SIGUSR1, hear)
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    while sender.is_alive():
        stopping.wait(0)
    signal.signal(signal.SIGUSR1, before)
    assert stopping.is_set()


def test_it_stays_set():
    stopping = Stopping()
    assert not stopping.is_set()
    assert not stopping.wait(0)
    stopping.set()
    assert stopping.wait()
    assert stopping.wait(0)
    assert stopping.is_set()
