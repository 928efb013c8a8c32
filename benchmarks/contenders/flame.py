"""Where the CPU of an octoworker worker goes: py-spy looks at it 200 times a second while messages go through.

`python -m contenders.flame` writes docs/images/flame.svg; `--format raw FILE` writes the stacks with their counts.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from contenders import gateway, measure, runs, surroundings
from octoworker import embedded

IMAGE = Path(__file__).parent.parent.parent / "docs" / "images" / "flame.svg"
RATE = "200"
WARM = 500
"""Calls before we look: what is loaded once is no part of what a message costs."""


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("file", nargs="?", type=Path, default=IMAGE)
    options.add_argument("--format", default="flamegraph")
    options.add_argument("--count", type=int, default=5000)
    options.add_argument("--module", default="octoworker_single")
    options.add_argument("--gil", action="store_true", help="only the thread that runs Python code")
    given = options.parse_args()
    surroundings.refuse_the_wrong_one()
    entry = runs.Entry("flame", given.module)
    with tempfile.TemporaryDirectory() as scratch, embedded.Server() as server, gateway.Stub(Path(scratch)) as stub:
        env = runs.environ(entry, server.url, stub.url)
        runs.described(entry, env, "prepare", str(given.count + WARM))
        with (Path(scratch) / "log").open("wb") as log:
            _, processes = runs.started(entry, env, log)
            try:
                runs.until(stub, WARM, processes, log)
                spy = Path(sys.executable).parent / "py-spy"
                looks = ["--rate", RATE, "--format", given.format, *(["--gil"] if given.gil else [])]
                command = [str(spy), "record", "--pid", str(processes[0].pid), *looks, "-o", str(given.file)]
                looking = subprocess.Popen(command, stdout=subprocess.DEVNULL)
                runs.until(stub, WARM + given.count, processes, log)
                looking.send_signal(signal.SIGINT)
                looking.wait(60)
            finally:
                measure.end(processes)


if __name__ == "__main__":
    main()
