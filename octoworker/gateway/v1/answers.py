"""What v1 answered, in our words (sources: docs/octopush.md#v1-statuses-and-codes). Nothing here raises: what is odd is a maybe.

1. A body that is a JSON object speaks for the API, whatever its status from 200 to 499; any other speaks for a server in front.
2. A `code` other than 0 decides alone. Without one, a ticket means accepted; no ticket, and nothing is proven.
3. It tells nothing of single recipients: of an accepted call each is accepted, at a cost that is known of the whole call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal

from octoworker.errors import (
    DuplicateKeyError,
    GatewayError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.gateway import faults
from octoworker.gateway.codes import normalise
from octoworker.gateway.connections import Reply
from octoworker.gateway.readings import amount, count, json_object, word
from octoworker.gateway.v1 import parameters
from octoworker.gateway.v1.codes import lookup
from octoworker.gateway.values import Answer, Credit, Parameters, RecipientResult

CURRENCY = "EUR"
"""v1 names none; its balance is in euros."""

ACCEPTED = "000"

LOGIN_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""They refuse the account also without a code."""

PRODUCTS: Mapping[str, str] = {"premium_sms": "FR", "low_cost_sms": "XXX"}
"""What check-credits calls the types."""

HOME = "FR"
"""The country whose SMS the balance counts, as the older API does."""

TAKES_OTHERS = frozenset(range(200, 300)) | frozenset(range(400, 500)) - {HTTPStatus.TOO_MANY_REQUESTS}
"""Statuses with which v1 itself speaks. A 5xx may come after the work was done, and 429 before anybody read the call."""


def of_submit(reply: Reply, asked: Sequence[str], *, simulated: bool) -> Answer | GatewayError:
    """What a send was answered, about the recipients `asked`."""
    found = _said(reply)
    if isinstance(found, GatewayError):
        return found
    ticket, took = word(found.get("sms_ticket")), reply.status < HTTPStatus.BAD_REQUEST
    if refused := _refusal(reply, found):
        # A refusal with a ticket contradicts itself, so it proves nothing.
        return MaybeSentError(refused.reason, code=refused.code) if ticket else refused
    if not took or not (ticket or simulated):
        return MaybeSentError(
            f"Octopush's answer (HTTP {reply.status}) carries neither a ticket nor a code that can be read"
        )
    return _accepted(found, ticket, asked)


def of_cancel(reply: Reply) -> Literal[True] | GatewayError:
    """What a cancel was answered. Only 204 says that it is done; no page says so of any other success."""
    if reply.status == HTTPStatus.NO_CONTENT:
        return True
    found = _said(reply)
    if isinstance(found, GatewayError):
        return found
    return _refusal(reply, found) or MaybeSentError(
        f"Octopush's answer (HTTP {reply.status}) does not say what became of it"
    )


def of_credit(reply: Reply) -> Credit | GatewayError:
    """What check-balance said: money left."""
    found = _asked(reply)
    if isinstance(found, GatewayError):
        return found
    left, unit = amount(found.get("amount")), found.get("unit", "euros")
    # With a product and a country it would count units of that: no money.
    if left is None or unit not in {"euros", CURRENCY}:
        return UnreachableError("Octopush's answer carries no credit")
    return Credit(left, CURRENCY)


def of_balance(reply: Reply) -> dict[str, Decimal] | GatewayError:
    """What check-credits said: how many SMS of each type (FR, XXX) are left, with the country in front of it or without."""
    found = _asked(reply)
    if isinstance(found, GatewayError):
        return found
    home = found.get(HOME)
    counts = home if isinstance(home, dict) else found
    left = {kind: amount(counts.get(product)) for product, kind in PRODUCTS.items()}
    known = {kind: number for kind, number in left.items() if number is not None}
    return known or UnreachableError("Octopush's answer carries no balance")


def of_parameters(reply: Reply) -> Parameters | GatewayError:
    """What the account is set to."""
    found = _asked(reply)
    return found if isinstance(found, GatewayError) else parameters.read(found)


def of_change(reply: Reply) -> bool | GatewayError:
    """Whether it was taken: v1 may answer with the parameters, or with nothing."""
    if reply.status == HTTPStatus.NO_CONTENT:
        return True
    found = _asked(reply)
    return found if isinstance(found, GatewayError) else True


def _said(reply: Reply) -> dict[str, Any] | GatewayError:
    """The object that the API said, or what is proven without one."""
    found = json_object(reply.body) if reply.status in TAKES_OTHERS else None
    if found is not None:
        return found
    if reply.status == HTTPStatus.UNAUTHORIZED:
        # Whoever says so, nobody let the call in.
        return _refused(str(reply.status.real))
    if reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return MaybeSentError("Octopush's answer is no JSON object")
    return faults.of_status(reply.status, reply.headers)


def _asked(reply: Reply) -> dict[str, Any] | GatewayError:
    """What a question was answered."""
    found = _said(reply)
    if isinstance(found, GatewayError):
        return found
    if refused := _refusal(reply, found):
        return refused
    if reply.status >= HTTPStatus.BAD_REQUEST:
        return UnreachableError(f"Octopush gave HTTP {reply.status} instead of an answer")
    return found


def _refusal(reply: Reply, found: Mapping[str, Any]) -> GatewayError | None:
    """What a code says, or a status that refuses the account without one. None: no refusal."""
    written = found.get("code")
    code = normalise(written)
    if code is None and written is not None:
        return MaybeSentError("Octopush's answer carries a code that cannot be read")
    if code in (None, ACCEPTED):
        return _refused(str(reply.status)) if reply.status in LOGIN_REFUSED and code is None else None
    return _refused(code)


def _refused(written: str) -> GatewayError:
    code = lookup(written)
    reason = f"Octopush answered {code.code}: {code.meaning}"
    if code.kind is Kind.DUPLICATE:
        return DuplicateKeyError(reason, code=code.code)
    if code.kind is Kind.MAYBE:
        return MaybeSentError(reason, code=code.code)
    return RefusedByProviderError(
        reason,
        kind=code.kind,
        code=code.code,
        stops_account=code.stops_account,
        mended_by_credit=code.mended_by_credit,
    )


def _accepted(found: Mapping[str, Any], ticket: str | None, asked: Sequence[str]) -> Answer:
    cost, segments = amount(found.get("total_cost")), count(found.get("number_of_sms_needed"))
    balance, took = amount(found.get("residual_credit")), count(found.get("number_of_contacts"))
    # Of a call for one, all that is said is about that one.
    own = (cost, segments) if len(asked) == 1 and took in (1, None) else (None, None)
    fewer = took is not None and took < len(asked)
    return Answer(
        ticket=ticket,
        cost=cost,
        balance=balance,
        currency=None if cost is None and balance is None else CURRENCY,
        send_at=None,
        segments=segments,
        results=tuple(RecipientResult(number, "accepted", cost=own[0], segments=own[1]) for number in asked),
        code=ACCEPTED,
        remark=f"Octopush took {took} of {len(asked)} numbers, and does not say which" if fewer else "",
    )
