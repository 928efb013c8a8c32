"""The money on the account: what is left, and an end to the account hold once there is credit again.

A hold that credit mends is asked about now and then, by one worker for all. Any other waits for an operator: a key does
not come back by itself.
"""

from __future__ import annotations

from datetime import timedelta

from octoworker.gateway import Credit, Gateway
from octoworker.store import FlowControl
from octoworker.telemetry import log


def ask(gateway: Gateway, flow_control: FlowControl) -> Credit:
    """Ask what is left, keep it, and end a hold that credit mends. Raises what `Gateway.credit` and Redis raise."""
    left = gateway.credit()
    flow_control.balance_is(left.amount, left.currency)
    hold = flow_control.account_hold()
    if hold and hold.mended_by_credit and left.amount > 0 and flow_control.end_hold():
        log.warning("account.released", code=hold.code, hint="there is credit again: sending goes on")
    return left


def look_after(gateway: Gateway, flow_control: FlowControl, every: timedelta) -> bool:
    """When the account is on hold for want of credit, ask, if it is our turn. True: asked."""
    hold = flow_control.account_hold()
    if hold is None or not hold.mended_by_credit or not flow_control.may_ask(every):
        return False
    ask(gateway, flow_control)
    return True
