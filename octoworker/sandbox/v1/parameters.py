"""The account's parameters: above all the addresses that Octopush calls, whose names have changed over the years.

Whatever comes in under a known name is taken, flat or inside `callbacks`; everything else is ignored, without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octoworker.sandbox.account import Account
from octoworker.sandbox.settings import Settings
from octoworker.sandbox.v1.reading import TYPES

NAMES: Mapping[str, Mapping[str, str]] = {
    "new": {
        "callback_url_for_deliveries": "url_deliveries",
        "callback_url_for_blacklisted_numbers": "url_stops",
        "callback_url_for_inbounds": "url_replies",
        "callback_url_for_visits": "url_visits",
        "email_for_inbounds": "email_replies",
    },
    "old": {
        "callback_url_for_sms_deliveries": "url_deliveries",
        "callback_url_for_blacklisted_numbers": "url_stops",
        "callback_url_for_inbounds": "url_replies",
        "callback_url_for_visits": "url_visits",
        "email_for_inbounds": "email_replies",
    },
}
"""Each generation of names, and our setting behind each name."""
ALL_NAMES = {name: setting for names in NAMES.values() for name, setting in names.items()}
OTHERS = {"payload_type": "payload_type", "sender_for_sms_premium": "default_sender", "type": "default_type"}
FITTING = {"payload_type": frozenset({"json", "html"}), "type": TYPES}
"""Values outside these are ignored."""


def read(account: Account) -> dict[str, Any]:
    """The parameters, nested or flat, under new or old names, as the account's settings say."""
    settings = account.settings
    addresses = {name: getattr(settings, setting) for name, setting in NAMES[settings.parameters_names].items()}
    return _others(settings) | ({"callbacks": addresses} if settings.parameters_nested else addresses)


def change(account: Account, content: Mapping[str, Any]) -> dict[str, Any]:
    """Take what is known and fits; answers with the parameters as they are now."""
    nested = content.get("callbacks")
    flat = {**content, **(nested if isinstance(nested, Mapping) else {})}
    changes = {
        setting: flat[name] or ""
        for name, setting in (ALL_NAMES | OTHERS).items()
        if name in flat and _fits(name, flat[name])
    }
    account.configure(**changes)
    return read(account)


def _fits(name: str, value: object) -> bool:
    if name in FITTING:
        return value in FITTING[name]
    return value is None or isinstance(value, str)


def _others(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, setting) for name, setting in OTHERS.items()}
