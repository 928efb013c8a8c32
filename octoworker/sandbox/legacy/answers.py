"""Octopush's answers, letter by letter, in JSON and in XML. The two disagree with each other; so must we.

JSON: error_code is text, money and counts are numbers, a recipient is a number without +, one success stands bare and
several in a list, nothing is []. XML: everything is text, a recipient has its +, `<successs>` has three s.
Source: the scheduled sendings page, the XML returns page, the balance page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from octoworker.sandbox.orders import Accepted, Failure, Part, Refusal

SIMULATION = "XXXSIMULATIONXXX"
"""The ticket of every simulated call."""
EURO = "\N{EURO SIGN}"
"""currency_code is the sign, not EUR."""


@dataclass(frozen=True)
class Balance:
    """SMS left, by quality."""

    left: dict[str, str]


@dataclass(frozen=True)
class Credit:
    """Euros left."""

    left: str


Answer = Accepted | Refusal | Balance | Credit


def code(answer: Answer) -> str:
    """The code the answer stands for; balance and credit do not print theirs."""
    return answer.code if isinstance(answer, Refusal) else "000"


def written(answer: Answer, form: str) -> tuple[str, bytes]:
    """The content type and the body, `form` being json or xml."""
    if form == "json":
        return "application/json; charset=utf-8", json.dumps(JSON[type(answer)](answer)).encode()
    document = Element("octopush")
    XML[type(answer)](answer, document)
    return "text/xml; charset=utf-8", b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(document, "utf-8")


def _json_accepted(answer: Accepted) -> dict[str, Any]:
    order = answer.order
    return {
        "error_code": "000",
        "cost": float(order.cost),
        "balance": float(answer.balance),
        "ticket": answer.ticket or SIMULATION,
        "sending_date": answer.sending_date,
        "number_of_sendings": _sendings(answer),
        "currency_code": EURO,
        "failures": _bare([{"error_code": each.code, "recipient": _digits(each)} for each in order.failures]),
        "successs": _bare([_json_success(part) for part in order.parts]),
    }


def _json_success(part: Part) -> dict[str, Any]:
    return {
        "recipient": _digits(part),
        "country_code": part.country,
        "cost": float(part.cost),
        "sms_needed": part.segments,
    }


def _bare(items: Sequence[dict[str, Any]]) -> object:
    """One alone loses its list: their JSON is made from their XML."""
    return items[0] if len(items) == 1 else items


def _digits(of: Part | Failure) -> int | str:
    """The recipient as a number; what cannot be one stays text."""
    digits = of.recipient.removeprefix("+")
    return int(digits) if digits.isdecimal() else of.recipient


def _sendings(answer: Accepted) -> int:
    """The SMS of the whole call. A simulation always says 1, as seen in published dumps."""
    return 1 if answer.order.simulated else answer.order.segments


def _xml_accepted(answer: Accepted, document: Element) -> None:
    order = answer.order
    _leaf(document, "error_code", "000")
    _leaf(document, "cost", order.cost)
    _leaf(document, "balance", answer.balance)
    _leaf(document, "ticket", answer.ticket or SIMULATION)
    _leaf(document, "sending_date", answer.sending_date)
    _leaf(document, "number_of_sendings", _sendings(answer))
    _leaf(document, "currency_code", EURO)
    successes, failures = SubElement(document, "successs"), SubElement(document, "failures")
    for part in order.parts:
        _xml_success(part, SubElement(successes, "success"))
    for failure in order.failures:
        _xml_failure(failure, SubElement(failures, "failure"))


def _xml_success(part: Part, node: Element) -> None:
    _leaf(node, "recipient", part.recipient)
    _leaf(node, "country_code", part.country)
    _leaf(node, "cost", part.cost)
    _leaf(node, "sms_needed", part.segments)


def _xml_failure(failure: Failure, node: Element) -> None:
    _leaf(node, "error_code", failure.code)
    _leaf(node, "recipient", failure.recipient)


def _xml_balance(answer: Balance, document: Element) -> None:
    for quality, left in answer.left.items():
        SubElement(document, "balance", type=quality).text = left


def _leaf(parent: Element, tag: str, value: object) -> None:
    SubElement(parent, tag).text = str(value)


JSON: dict[type, Callable[[Any], dict[str, Any]]] = {
    Accepted: _json_accepted,
    Refusal: lambda answer: {"error_code": answer.code},
    Balance: lambda answer: {"balance": answer.left},
    Credit: lambda answer: {"credit": answer.left},
}
XML: dict[type, Callable[[Any, Element], None]] = {
    Accepted: _xml_accepted,
    Refusal: lambda answer, document: _leaf(document, "error_code", answer.code),
    Balance: _xml_balance,
    Credit: lambda answer, document: _leaf(document, "credit", answer.left),
}
