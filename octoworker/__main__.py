"""`octoworker`, and `python -m octoworker`. A probe's question is answered before anything else is imported."""

from __future__ import annotations

import sys

from octoworker.worker import health


def main() -> None:
    if sys.argv[1:2] == ["health"]:
        sys.exit(health.main(sys.argv[2:]))
    from octoworker import cli  # noqa: PLC0415 - a third of a second that a probe does not need

    cli.main()


if __name__ == "__main__":
    main()
