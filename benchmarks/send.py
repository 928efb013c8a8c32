"""What one call to Octopush costs this process, and nothing else: `python benchmarks/send.py [calls]`

No worker and no Redis: one gateway submits over one connection to the stub. Prints the CPU of a call in microseconds, as the
median of five rounds. To compare two trees, run it in turns with PYTHONPATH set to one and the other.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from contenders.gateway import Stub

from octoworker.gateway import Account, Submit, dialects

ROUNDS = 5


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    order = Submit(
        key="k1a", recipients=("+33600000000",), text="Your code is 4711", sms_type="FR", sender="Octo",
        transactional=True, send_at=None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Stub(Path(folder)) as stub:
        url = f"http://127.0.0.1:{stub.port}"
        account = Account(url, "me@example.com", "key", "json", 5, 5, 10, simulate=False)
        octopush = dialects.named("legacy").connect(account, 1)
        took = []
        for _ in range(ROUNDS + 1):
            began = time.process_time()
            for _ in range(calls):
                octopush.submit(order)
            took.append((time.process_time() - began) / calls * 1e6)
        octopush.close()
    print(f"{statistics.median(took[1:]):.1f} us of CPU for a call ({', '.join(f'{each:.1f}' for each in took[1:])})")


if __name__ == "__main__":
    main()
