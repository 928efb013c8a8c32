"""octoworker: SMS through Octopush by Celery workers, never twice and never lost.

    from octoworker import enqueue, status

Names are loaded at their first use: `enqueue` costs a web process celery, kombu and redis, and nothing of the worker's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from octoworker.version import __version__ as __version__

if TYPE_CHECKING:
    from octoworker import correlation
    from octoworker.client.aio import acancel, aclose, aenqueue, aenqueue_many, areschedule, astatus
    from octoworker.client.campaigns.campaign import campaign
    from octoworker.client.checking import Check, check
    from octoworker.client.client import (
        MessageId,
        cancel,
        enqueue,
        enqueue_many,
        message_id,
        opted_out,
        reschedule,
        status,
    )
    from octoworker.errors import (
        BusyError,
        CampaignSentError,
        DuplicateKeyError,
        EnqueueError,
        GatewayError,
        KeyConflictError,
        MaybeSentError,
        NotSentError,
        OctoworkerError,
        PayloadError,
        RefusedByProviderError,
        RefusedError,
        SettingsError,
        StoreError,
        UnfitRedisError,
        UnknownMessageError,
        UnreachableError,
    )
    from octoworker.sms.shapes import (
        Consent,
        Event,
        EventData,
        EventName,
        LaneName,
        MessageRecord,
        MoveRecord,
        RecipientRecord,
        SmsArguments,
        SmsOptions,
        SmsType,
        StateName,
    )
    from octoworker.worker.tasks import send_sms

__all__ = [
    "BusyError",
    "CampaignSentError",
    "Check",
    "Consent",
    "DuplicateKeyError",
    "EnqueueError",
    "Event",
    "EventData",
    "EventName",
    "GatewayError",
    "KeyConflictError",
    "LaneName",
    "MaybeSentError",
    "MessageId",
    "MessageRecord",
    "MoveRecord",
    "NotSentError",
    "OctoworkerError",
    "PayloadError",
    "RecipientRecord",
    "RefusedByProviderError",
    "RefusedError",
    "SettingsError",
    "SmsArguments",
    "SmsOptions",
    "SmsType",
    "StateName",
    "StoreError",
    "UnfitRedisError",
    "UnknownMessageError",
    "UnreachableError",
    "acancel",
    "aclose",
    "aenqueue",
    "aenqueue_many",
    "areschedule",
    "astatus",
    "campaign",
    "cancel",
    "check",
    "correlation",
    "enqueue",
    "enqueue_many",
    "message_id",
    "opted_out",
    "reschedule",
    "send_sms",
    "status",
]

_HOMES = {
    "octoworker.client.aio": ("acancel", "aclose", "aenqueue", "aenqueue_many", "areschedule", "astatus"),
    "octoworker.client.campaigns.campaign": ("campaign",),
    "octoworker.client.checking": ("Check", "check"),
    "octoworker.client.client": (
        "MessageId",
        "cancel",
        "enqueue",
        "enqueue_many",
        "message_id",
        "opted_out",
        "reschedule",
        "status",
    ),
    "octoworker.errors": (
        "BusyError",
        "CampaignSentError",
        "DuplicateKeyError",
        "EnqueueError",
        "GatewayError",
        "KeyConflictError",
        "MaybeSentError",
        "NotSentError",
        "OctoworkerError",
        "PayloadError",
        "RefusedByProviderError",
        "RefusedError",
        "SettingsError",
        "StoreError",
        "UnfitRedisError",
        "UnknownMessageError",
        "UnreachableError",
    ),
    "octoworker.sms.shapes": (
        "Consent",
        "Event",
        "EventData",
        "EventName",
        "LaneName",
        "MessageRecord",
        "MoveRecord",
        "RecipientRecord",
        "SmsArguments",
        "SmsOptions",
        "SmsType",
        "StateName",
    ),
    "octoworker.worker.tasks": ("send_sms",),
}

if not TYPE_CHECKING:
    # A type checker that saw it would take every misspelt name for one of ours.
    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 - the whole point is to import late

        if name == "correlation":
            return import_module("octoworker.correlation")
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(home), name)
        raise AttributeError(f"module 'octoworker' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
