"""`python -m octoworker`."""

from octoworker.cli import main

main()
