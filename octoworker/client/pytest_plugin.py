"""The fixture `sms_outbox`, which pytest finds by the entry point `pytest11` of the installed package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from octoworker.client.testing.outbox import Outbox


@pytest.fixture
def sms_outbox() -> Iterator[Outbox]:
    """An outbox (`octoworker.testing.outbox`) for as long as the test runs: what is sent stands in it and goes nowhere."""
    from octoworker.client.testing.outbox import outbox  # noqa: PLC0415 - a test run without SMS pays nothing for it

    with outbox() as found:
        yield found
