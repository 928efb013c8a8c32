"""What is left in the account, in the two shapes of the newer API, which have different names for the same products."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from octoworker.sandbox.account import Account
from octoworker.sandbox.clock import in_paris
from octoworker.sandbox.form import Request
from octoworker.sandbox.v1.reading import LOW_COST, PREMIUM

EUROS = "euros"
PRODUCTS = {PREMIUM: "FR", LOW_COST: "XXX"}
"""Names of products in check-balance, and the quality each one is."""
CREDITS = {"premium_sms": "FR", "low_cost_sms": "XXX"}
"""The same in check-credits."""
A_YEAR = 365 * 86_400
"""Seconds until bought credit expires; invented."""


def balance(account: Account, request: Request) -> dict[str, Any]:
    """`check-balance`: euros; with a product and a country, so many units of it."""
    product = request.query.get("product_name", "")
    counted = product in PRODUCTS and bool(request.query.get("country_code"))
    amount = _left(account, PRODUCTS[product]) if counted else Decimal(account.credit())
    answer: dict[str, Any] = {"amount": _number(amount), "unit": product if counted else EUROS}
    if request.query.get("with_details") in {"1", "true"}:
        answer["wallet_packs"] = [_pack(account, answer["amount"])]
    return answer


def credits_left(account: Account, request: Request) -> dict[str, dict[str, Any]]:
    """`check-credits`: units by country and product. Without a country it is France."""
    query = parse_qsl(urlsplit(request.target).query)
    countries = [value for name, value in query if name in {"country_codes[]", "country_codes"}] or ["FR"]
    left = {name: int(_left(account, quality)) for name, quality in CREDITS.items()}
    return dict.fromkeys(countries, left)


def _left(account: Account, quality: str) -> Decimal:
    """Whole SMS."""
    return account.balance()[quality].quantize(Decimal(1), ROUND_DOWN)


def _number(amount: Decimal) -> float | int:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _pack(account: Account, amount: float) -> dict[str, Any]:
    expires = in_paris(account.world.clock.now() + A_YEAR).strftime("%Y-%m-%d %H:%M:%S")
    return {"id": 1, "credit": amount, "expiration_date": expires}


READERS: dict[str, Callable[[Account, Request], dict[str, Any]]] = {"credit": balance, "balance": credits_left}
