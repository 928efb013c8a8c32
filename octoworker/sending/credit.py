"""The account at Octopush: what is left on it, and letting go of the brake once money is back.

A brake for want of credit is asked about now and then, by one worker for all. Any other needs a person: a key does not
come back by itself.
"""

from __future__ import annotations

from decimal import Decimal

from octoworker.gateway import Gateway
from octoworker.gateway.legacy.codes import CREDIT
from octoworker.store import FlowControl
from octoworker.telemetry import log

CURRENCY = "EUR"
"""`/credit` answers in the account's currency without naming it; Octopush's accounts are in euros (octopush-api.md, 6)."""


def ask(gateway: Gateway, flow_control: FlowControl) -> Decimal:
    """Ask what is left, keep it, and let go of a brake that money mends. Raises what `Gateway.credit` and Redis raise."""
    left = gateway.credit()
    flow_control.balance_is(left, CURRENCY)
    hold = flow_control.account_hold()
    if hold and hold.code in CREDIT and left > 0 and flow_control.end_hold():
        log.warning("account.released", code=hold.code, hint="there is credit again: sending goes on")
    return left


def look_after(gateway: Gateway, flow_control: FlowControl, every: float) -> bool:
    """When the account is braked for want of credit, ask, if it is our turn. True: asked."""
    hold = flow_control.account_hold()
    if hold is None or hold.code not in CREDIT or not flow_control.may_ask(every):
        return False
    ask(gateway, flow_control)
    return True
