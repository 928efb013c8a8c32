"""The money on the account: what is left, and an end to the account hold once there is credit again.

A hold that credit mends is asked about now and then, by one worker for all. Any other waits for an operator: a key does
not come back by itself.
"""

from __future__ import annotations

from octoworker.gateway import Credit, Gateway
from octoworker.store import Gates
from octoworker.telemetry import log


def ask(gateway: Gateway, gates: Gates) -> Credit:
    """Ask what is left, keep it, and end a hold that credit mends. Raises what `Gateway.credit` and Redis raise."""
    left = gateway.credit()
    gates.balance_is(left.amount, left.currency)
    hold = gates.brake()
    if hold and hold.mended_by_credit and left.amount > 0 and gates.release():
        log.warning("account.released", code=hold.code, hint="there is credit again: sending goes on")
    return left


def look_after(gateway: Gateway, gates: Gates, every: float) -> bool:
    """When the account is on hold for want of credit, ask, if it is our turn. True: asked."""
    hold = gates.brake()
    if hold is None or not hold.mended_by_credit or not gates.may_ask(every):
        return False
    ask(gateway, gates)
    return True
