"""`python -m octoworker.sandbox --port 8025`: the stand-in for Octopush, until Ctrl+C."""

from __future__ import annotations

import argparse
import queue
import signal
import sys

from octoworker.sandbox.front import Sandbox

PORT = 8025
BLOCK = """
Octopush sandbox. Nothing sent here leaves this machine; login and key are made up.

  page      http://127.0.0.1:{port}/
  v1        OCTOPUSH_API=v1 OCTOPUSH_URL={v1}

  export OCTOPUSH_URL={url}
  export OCTOPUSH_USER_LOGIN={login}
  export OCTOPUSH_API_KEY={key}

Ctrl+C stops it.
"""


def serve(port: int = PORT, user_login: str = "demo@example.com", api_key: str = "sandbox-key") -> None:
    """Run the sandbox until SIGINT or SIGTERM. SystemExit with one sentence when the port is taken."""
    asked = queue.SimpleQueue[None]()  # no event: its lock may be held by who is interrupted
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: asked.put(None))
    try:
        sandbox = Sandbox(port, user_login, api_key).start()
    except OSError as error:
        raise SystemExit(f"Port {port} cannot be used ({error.strerror}). Try another with --port.") from error
    block = BLOCK.format(port=sandbox.port, url=sandbox.url, v1=sandbox.urls["v1"], login=user_login, key=api_key)
    sys.stdout.write(block)
    sys.stdout.flush()
    asked.get()
    sandbox.close()


def main() -> None:
    """The command line."""
    options = argparse.ArgumentParser(prog="octoworker.sandbox", description=__doc__)
    options.add_argument("--port", type=int, default=PORT, help=f"0 takes a free one (default {PORT})")
    options.add_argument("--user-login", default="demo@example.com", help="the login it accepts")
    options.add_argument("--api-key", default="sandbox-key", help="the key it accepts")
    serve(**vars(options.parse_args()))


if __name__ == "__main__":
    main()
