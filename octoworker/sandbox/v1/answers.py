"""The answers of v1: JSON with real HTTP statuses, codes as integers, messages in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from octoworker.sandbox.orders import SIMULATED, Accepted, Refusal
from octoworker.sandbox.replies import NO_CONTENT, Reply, in_json
from octoworker.sandbox.settings import Settings

MESSAGES: Mapping[str, str] = {
    "101": "Wrong credentials.",
    "103": "There is no recipient.",
    "104": "Not enough credit.",
    "106": "The sender is not valid.",
    "107": "The text is empty.",
    "120": "This request has been sent before.",
    "121": "The text needs a STOP mention ([STOP au {stop_code}]).",
    "157": "This campaign can no longer be cancelled.",
    "158": "There is no such campaign.",
    "181": "A phone number is not valid.",
    "182": "Loop detected.",
    "189": "The text is too long.",
    "401": "Unauthorized.",
    "403": "Forbidden.",
}
UNKNOWN_MESSAGE = "The request cannot be handled."
STATUSES = {"401": 401, "403": 403}
"""Every other refusal has the status that the account is set to: 400."""


@dataclass(frozen=True)
class Document:
    """Any answer that is no campaign: a JSON document, or with None an empty 204."""

    content: object = None


def written(answer: Accepted | Refusal | Document, settings: Settings | None) -> tuple[str, Reply]:
    """The code that the answer stands for (000 for success, as in the older API), and the answer on paper."""
    if isinstance(answer, Refusal):
        return answer.code, _refused(answer.code, settings)
    if isinstance(answer, Accepted):
        return "000", in_json(_campaign(answer, settings), settings.success_status if settings else 201)
    return "000", Reply(status=NO_CONTENT) if answer.content is None else in_json(answer.content)


def _refused(code: str, settings: Settings | None) -> Reply:
    message = MESSAGES.get(code, UNKNOWN_MESSAGE).format(stop_code=settings.stop_code if settings else "")
    document = {"code": int(code) if code.isdecimal() else code, "message": message}
    return in_json(document, STATUSES.get(code, settings.refusal_status if settings else 400))


def _campaign(answer: Accepted, settings: Settings | None) -> dict[str, Any]:
    order = answer.order
    document = {
        "sms_ticket": answer.ticket or SIMULATED,
        "number_of_contacts": len(order.parts),
        "total_cost": float(order.cost),
        "number_of_sms_needed": order.segments,
        "residual_credit": float(answer.balance),
    }
    if order.simulated and settings is not None and not settings.simulated_ticket:
        del document["sms_ticket"]
    return document
