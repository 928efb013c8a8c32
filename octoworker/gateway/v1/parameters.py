"""The account's parameters: the addresses that Octopush calls, and the shape of what it sends there.

Their names have changed over the years, and they stand flat or inside `callbacks`. Both are read; the newest are written, in
both places, for v1 ignores what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from octoworker.gateway.values import Event, Parameters

NAMES: Mapping[Event, tuple[str, ...]] = {
    "receipt": ("callback_url_for_deliveries", "callback_url_for_sms_deliveries"),
    "reply": ("callback_url_for_inbounds",),
    "stop": ("callback_url_for_blacklisted_numbers",),
}
"""What each address is called, the newest name first."""

SHAPE = "payload_type"


def read(found: Mapping[str, Any]) -> Parameters:
    """What the account is set to. An address that is not set is ""."""
    nested = found.get("callbacks")
    flat = {**found, **nested} if isinstance(nested, dict) else dict(found)
    shape = flat.get(SHAPE)
    return Parameters(
        addresses={event: _first(flat, names) for event, names in NAMES.items()},
        shape=shape if isinstance(shape, str) else "",
    )


def written(wanted: Parameters) -> bytes:
    """The body that sets them."""
    addresses = {NAMES[event][0]: address for event, address in wanted.addresses.items()}
    return json.dumps({**addresses, "callbacks": addresses, SHAPE: wanted.shape}).encode()


def _first(flat: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(flat[name]) for name in names if isinstance(flat.get(name), str) and flat[name]), "")
