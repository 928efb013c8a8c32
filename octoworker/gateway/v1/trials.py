"""What nobody knows of v1, and how to find out with a handset of one's own (docs/v1.md#what-nobody-knows).

Here names and values are misspelt on purpose, so each body is written out. Nothing of this is in a record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from octoworker.errors import GatewayError
from octoworker.gateway.codes import normalise
from octoworker.gateway.connections import Reply
from octoworker.gateway.readings import amount, json_object
from octoworker.gateway.trials import Ear, Heard, Trial
from octoworker.gateway.v1 import body, parameters
from octoworker.gateway.v1.client import CANCEL, CONFIGURE, CREDIT, PARAMETERS, SEND, V1Gateway
from octoworker.gateway.v1.codes import lookup
from octoworker.gateway.values import Parameters

LONGEST = 400
"""Signs of an answer that are shown."""

NO_NUMBER = "+33100"
"""No telephone has it, and no repair makes it one."""

AHEAD = timedelta(hours=1)

MOST_CALLS = 20
"""Receipts that are waited for."""

PAST_THE_LIMIT = 1400
"""Signs: more than the longest text."""


def of(gateway: V1Gateway, to: str, ear: Ear | None) -> tuple[Trial, ...]:
    """The seven of them, in the order in which they are worth it."""
    bench = _Bench(gateway, to)
    return (
        Trial(
            "What is the same request_id answered the second time?",
            "sends one SMS, then the same call again",
            2,
            bench.same_key_twice,
        ),
        Trial(
            "Does a refused call use its request_id up?",
            "makes a call that must be refused (its text is too long), then a good one with the same request_id",
            1,
            bench.key_of_a_refusal,
        ),
        Trial(
            f'Is "{body.OTHER_STOP}" a STOP mention?',
            f'sends marketing that ends with "{body.OTHER_STOP}"',
            1,
            bench.five_x,
        ),
        Trial(
            "What does a misspelt purpose do?",
            'sends an SMS without a STOP mention and with the purpose "alerting"',
            1,
            bench.misspelt_purpose,
        ),
        Trial(
            "What becomes of the others when one number is bad?",
            "sends one SMS to you and to a number that does not exist",
            1,
            bench.bad_number,
        ),
        Trial(
            "How does Octopush call back, and does it call again after an error?",
            "sets the account's addresses to this machine, sends one SMS, answers the first receipt with an error, and sets the "
            "addresses back",
            1,
            partial(bench.receipts, ear),
            needs_ear=True,
        ),
        Trial(
            "What is the second cancel of one message answered, and does the money come back?",
            "hands over an SMS for in an hour and cancels it twice; it should not arrive",
            1,
            bench.cancel_twice,
        ),
    )


class _Bench:
    def __init__(self, gateway: V1Gateway, to: str) -> None:
        self._gateway = gateway
        self._to = to

    def same_key_twice(self) -> Iterator[str]:
        order = self._order("octoworker tries: the same request_id twice")
        first = self._send(order)
        yield _line("the first call", first)
        again = self._send(order)
        yield _line("the same again", again)
        yield _meaning(
            again, taken="It was SENT AGAIN: tell us, this breaks a promise.", refused="It was not sent again."
        )

    def key_of_a_refusal(self) -> Iterator[str]:
        order = self._order("octoworker tries: a request_id of a refused call")
        refused = self._send({**order, "text": "x" * PAST_THE_LIMIT})
        yield _line("the call that must be refused", refused)
        good = self._send(order)
        yield _line("a good one with the same request_id", good)
        yield _meaning(
            good,
            taken="A refusal leaves the request_id as it was.",
            refused="A refusal uses the request_id up.",
        )

    def five_x(self) -> Iterator[str]:
        order = self._order(f"octoworker tries: {body.OTHER_STOP}", purpose=body.PURPOSES[False])
        found = self._send(order)
        yield _line("the call", found)
        yield _meaning(
            found, taken="It is taken. Look at the handset: which number stands there?", refused="It is no mention."
        )

    def misspelt_purpose(self) -> Iterator[str]:
        found = self._send(self._order("octoworker tries: a misspelt purpose", purpose="alerting"))
        yield _line("the call", found)
        yield _meaning(found, taken="It was sent: is it an alert?", refused="It was taken for marketing.")

    def bad_number(self) -> Iterator[str]:
        numbers = [{"phone_number": self._to}, {"phone_number": NO_NUMBER}]
        found = self._send({**self._order("octoworker tries: one bad number of two"), "recipients": numbers})
        yield _line("the call", found)
        took = _said(found).get("number_of_contacts")
        yield _meaning(found, taken=f"It was taken, for {took} of 2.", refused="The whole call was refused.")

    def receipts(self, ear: Ear | None) -> Iterator[str]:
        if ear is None:
            return
        before = self._gateway.exchange(PARAMETERS)
        yield _line("the parameters", before)
        was = parameters.read(_said(before))
        try:
            yield from self._called_back(ear)
        finally:
            back = self._gateway.exchange(CONFIGURE, parameters.written(was))
        yield _line("the addresses are set back", back)

    def _called_back(self, ear: Ear) -> Iterator[str]:
        here = Parameters(dict.fromkeys(parameters.NAMES, ear.url), "json")
        yield _line("the addresses are set", self._gateway.exchange(CONFIGURE, parameters.written(here)))
        found = parameters.read(_said(self._gateway.exchange(PARAMETERS)))
        yield f"payload_type is now {found.shape or 'not told'}"
        ear.fail_once()
        yield _line("the call", self._send(self._order("octoworker tries: a receipt")))
        heard = list(islice(iter(ear.hear, None), MOST_CALLS))
        for n, each in enumerate(heard):
            yield from _heard("the first call, answered with an error" if n == 0 else "then", each)
        if not heard:
            yield "No receipt came in time."
        elif any(each.body == heard[0].body for each in heard[1:]):
            yield "It called again with the one that was answered with an error."
        else:
            yield "The one that was answered with an error did not come again in time."

    def cancel_twice(self) -> Iterator[str]:
        before = _amount(self._gateway.exchange(CREDIT))
        at = (datetime.now(UTC) + AHEAD).isoformat(timespec="seconds")
        held = self._send({**self._order("octoworker tries: this one was cancelled"), "send_at": at})
        yield _line("for in an hour", held)
        ticket = _said(held).get("sms_ticket")
        if not isinstance(ticket, str):
            yield "It has no ticket, so nothing can be cancelled."
            return
        yield _line("the first cancel", self._gateway.exchange(CANCEL, body.cancel(ticket)))
        yield _line("the second cancel", self._gateway.exchange(CANCEL, body.cancel(ticket)))
        yield f"credit before {before}, after {_amount(self._gateway.exchange(CREDIT))}"

    def _order(self, text: str, purpose: str = body.PURPOSES[True]) -> dict[str, Any]:
        return {
            "recipients": [{"phone_number": self._to}],
            "text": text,
            "type": body.TYPES["FR"],
            "purpose": purpose,
            "request_id": f"try{os.urandom(14).hex()}",
        }

    def _send(self, order: Mapping[str, Any]) -> Reply | GatewayError:
        return self._gateway.exchange(SEND, json.dumps(order, ensure_ascii=False).encode())


def _said(found: Reply | GatewayError) -> dict[str, Any]:
    return {} if isinstance(found, GatewayError) else json_object(found.body) or {}


def _amount(found: Reply | GatewayError) -> str:
    left = amount(_said(found).get("amount"))
    return "not told" if left is None else str(left)


def _line(what: str, found: Reply | GatewayError) -> str:
    if isinstance(found, GatewayError):
        return f"{what}: {found.reason}"
    text = found.body.decode("utf-8", "replace").strip()[:LONGEST]
    return f"{what}: HTTP {found.status} {text or '(nothing)'}"


def _meaning(found: Reply | GatewayError, *, taken: str, refused: str) -> str:
    said = _said(found)
    if said.get("sms_ticket"):
        return taken
    code = normalise(said.get("code"))
    if code is None or isinstance(found, GatewayError):
        return "It is not known what became of it: look at the handset."
    return f"{refused} Code {code}: {lookup(code).meaning}."


def _heard(what: str, heard: Heard) -> Iterator[str]:
    yield f"{what}, at {heard.at:%Y-%m-%d %H:%M:%S} UTC:"
    for name, value in heard.headers:
        yield f"  {name}: {value[:LONGEST]}"
    yield f"  {heard.body[:LONGEST]}"
