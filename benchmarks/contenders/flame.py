"""Where the CPU of an octoworker worker goes: py-spy looks at it 200 times a second while messages go through.

`python -m contenders.flame` writes docs/images/flame.svg; `--format raw FILE` writes the stacks with their counts.
It looks at the thread that holds Python's lock: sixteen threads that wait for work or for the lock would hide it.
So time inside the kernel, without the lock, is not in the picture.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from contenders import gateway, measure, runs, surroundings
from octoworker.store import embedded

IMAGE = Path(__file__).parent.parent.parent / "docs" / "images" / "flame.svg"
RATE = "200"
TITLE = re.compile(r'(<text id="title"[^>]*>)[^<]*<')
WARM = 500
"""Calls before we look: what is loaded once is no part of what a message costs."""


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("file", nargs="?", type=Path, default=IMAGE)
    options.add_argument("--format", default="flamegraph")
    options.add_argument("--count", type=int, default=5000)
    options.add_argument("--module", default="octoworker_single")
    options.add_argument("--warm", type=int, default=WARM)
    options.add_argument("--per-call", type=int, default=1, help="recipients in the gateway's answer")
    given = options.parse_args()
    surroundings.refuse_the_wrong_one()
    entry = runs.Entry("flame", given.module, settings={"OCTOWORKER_PROCESSES": "1"})
    with (
        tempfile.TemporaryDirectory() as scratch,
        embedded.Server() as server,
        gateway.Stub(Path(scratch), 0, given.per_call) as stub,
    ):
        env = runs.environ(entry, server.url, stub.url)
        runs.described(entry, env, "prepare", str(given.count + given.warm))
        with (Path(scratch) / "log").open("wb") as log:
            _, processes = runs.started(entry, env, log)
            try:
                runs.until(stub, given.warm, processes, log)
                spy = Path(sys.executable).parent / "py-spy"
                looks = ["--gil", "--rate", RATE, "--format", given.format]
                command = [str(spy), "record", "--pid", str(processes[0].pid), *looks, "-o", str(given.file)]
                looking = subprocess.Popen(command, stdout=subprocess.DEVNULL)
                runs.until(stub, given.warm + given.count, processes, log)
                looking.send_signal(signal.SIGINT)
                looking.wait(60)
            finally:
                measure.end(processes)
    if given.format == "flamegraph":
        titled(given.file, f"octoworker worker, one message per job, {given.count:,} messages")


def titled(image, title):
    """py-spy writes its own command as the title, with paths of the machine it ran on."""
    text = image.read_text(encoding="utf-8")
    image.write_text(TITLE.sub(rf"\g<1>{title}<", text, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
