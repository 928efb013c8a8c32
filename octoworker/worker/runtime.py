"""What one worker process holds: settings, records, the way to the provider, and the sender that joins them.

Made at the first need, so after the fork: a socket shared between two processes mixes up their answers.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from octoworker.client import client
from octoworker.config import Settings
from octoworker.errors import OctoworkerError, RefusedError, SettingsError
from octoworker.gateway import Account, Dialect, Gateway, dialects
from octoworker.sending import attempt, retry
from octoworker.sending import rules as sending_rules
from octoworker.sending.attempt import Sender
from octoworker.sending.batch import Bulk
from octoworker.sending.inbound import Inbound
from octoworker.sending.recall import Recaller
from octoworker.sms import lanes, message, schedule
from octoworker.sms.destinations.remarks import judge
from octoworker.store import Confirm, Store, connect
from octoworker.store.limits import Caps, Limits
from octoworker.worker import share

SPANS_OF_RETRY = ("base", "cap", "give_up_after", "account_wait", "key_window")
SPANS_OF_LIMITS = ("breaker_base", "breaker_cap", "breaker_ramp")
"""Settings that people give in seconds."""

BESIDE_CALLS = 48
"""Connections to Redis beside one for each call at once: sixteen that are kept at hand, eight lines of posted events, and a worker's
own threads. A bound, not a number that is opened."""

LOOK_TIMEOUT = 2.0
"""Seconds for one answer of Redis to somebody who watches: Prometheus gives up after ten."""


@dataclass(frozen=True)
class Runtime:
    """The parts of one process."""

    pid: int
    settings: Settings
    store: Store
    gateway: Gateway
    sender: Sender
    bulk: Bulk


at_step: attempt.Steps = attempt.no_step
"""Called with the name of each step of a send. For tests that kill a worker at a named step; nothing else sets it."""

_lock = threading.Lock()
_current: Runtime | None = None


def current() -> Runtime:
    """This process's runtime. Raises SettingsError when the environment is wrong, RefusedError while an outbox is open."""
    if client.stand_in() is not None:
        raise RefusedError("An outbox of octoworker.testing is open: nothing is sent in this process.")
    global _current  # noqa: PLW0603 - one per process is the point
    if _current is None or _current.pid != os.getpid():
        with _lock:
            if _current is None or _current.pid != os.getpid():
                _current = build(Settings.load())
    return _current


def warm_up(settings: Settings) -> None:
    """Load what the first message would wait for: the number plan and the rules. Before the fork, so once for all.

    Not the holidays: eleven megabytes, for marketing alone, which can wait a tenth of a second once.

    What is loaded by then stays: it is taken out of the garbage collector's sight, which would write into each object of it
    at every round, and so give each child of a prefork worker a copy of its own.
    """
    sample = {"recipients": ["+33612345678", "+4915112345678"], "text": "é", "sender": "Octo", "transactional": True}
    with contextlib.suppress(OctoworkerError):
        sms = message.parse(sample, replace(settings.policy, sms_type="WWW"))
        schedule.plan(sms, settings.time_rules, datetime.now(UTC))
        judge(sms, settings.destinations.choices)
    gc.collect()
    gc.freeze()


def build(settings: Settings) -> Runtime:
    """Put the parts together from the settings. Opens no connection. SettingsError: nothing may be sent from here."""
    if problems := settings.refused_in_tests():
        raise SettingsError(problems)
    store = open_store(settings)
    bulk_lines = share.mine.part(settings.bulk_lines)
    gateway = connect_gateway(settings, share.mine.part(settings.concurrency) + bulk_lines)
    sender = Sender(store, gateway, dialect(settings).key, rules(settings), at_step=at_step)
    bulk = Bulk(store, sender, concurrency=bulk_lines)
    return Runtime(os.getpid(), settings, store, gateway, sender, bulk)


def dialect(settings: Settings) -> Dialect:
    """The API generation that the settings name."""
    return dialects.named(settings.account.api)


def account_of(settings: Settings) -> str:
    """Whose keys the provider remembers: each account of each API has its own. "" without a login."""
    return dialect(settings).account_of(settings.account.user_login or "")


def connect_gateway(settings: Settings, connections: int = 1) -> Gateway:
    """The way to the account of the settings. Close it at the end."""
    return dialect(settings).connect(account(settings), connections)


def open_store(settings: Settings) -> Store:
    return Store(
        connect(settings.redis.records_url, connections=settings.concurrency + BESIDE_CALLS),
        keep_for=timedelta(seconds=settings.keep_for),
        requeue_after=timedelta(seconds=settings.requeue_after),
        lease=timedelta(seconds=settings.lease),
        key_window=timedelta(seconds=settings.retry.key_window),
        max_crashes=settings.max_crashes,
        limits=limits(settings),
        confirm=confirm(settings),
    )


def confirm(settings: Settings) -> Confirm | None:
    """What replicas must confirm; None: nobody asks them."""
    replicas = settings.redis.asked_replicas
    return Confirm(replicas, timedelta(seconds=settings.redis.confirm_within)) if replicas else None


def spans(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A group of settings, with these as spans: people set seconds."""
    return {name: timedelta(seconds=value) if name in names else value for name, value in values.items()}


def look(settings: Settings) -> Store:
    """The records for somebody who watches: few connections, and an answer soon, also when it is "Redis is away"."""
    client = connect(settings.redis.records_url, timeout=LOOK_TIMEOUT, connections=20, retries=0)
    return Store(
        client,
        keep_for=timedelta(seconds=settings.keep_for),
        requeue_after=timedelta(seconds=settings.requeue_after),
        limits=Limits(account=account_of(settings)),
        by_function=True,
    )


def account(settings: Settings) -> Account:
    return Account(
        url=settings.account.url,
        user_login=settings.account.user_login or "",
        api_key=settings.account.api_key.get_secret_value() if settings.account.api_key else "",
        format=settings.account.format,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.http_timeout,
        total_timeout=settings.send_budget,
        simulate=settings.account.simulate,
    )


def rules(settings: Settings) -> sending_rules.Rules:
    return sending_rules.Rules(
        payload=settings.policy,
        time=settings.time_rules,
        retry=retry.Policy(**spans(settings.retry.values, *SPANS_OF_RETRY)),
        budgets=sending_rules.Budgets(settings.lease, settings.send_budget, settings.record_budget),
        caps=caps(settings),
        recall=dialect(settings).rules.recall,
        number_keys=settings.opt_outs.number_keys,
        choices=settings.destinations.choices,
    )


def recaller(mine: Runtime) -> Recaller:
    """Asks Octopush to take messages back."""
    rules = mine.sender.rules
    return Recaller(mine.store, mine.gateway, rules.retry, rules.budgets, rules.recall, at_step=at_step)


def inbound(mine: Runtime) -> Inbound:
    """Processes what Octopush called us with."""
    settings = mine.settings
    return Inbound(
        mine.store,
        settings.message.region,
        settings.opt_outs.number_keys,
        settings.opt_outs.words,
        content_in_events=settings.events.content,
    )


def queues(settings: Settings) -> dict[str, str]:
    """Where the broker keeps each lane, when it is the same Redis as the records; else "": nobody can look."""
    same = settings.redis.broker == settings.redis.records_url
    return {lane: queue if same else "" for lane, queue in lanes.QUEUES.items()}


def limits(settings: Settings) -> Limits:
    recall = dialect(settings).rules.recall
    return Limits(
        **spans(settings.limits.values, *SPANS_OF_LIMITS),
        caps=caps(settings),
        account=account_of(settings),
        recalls_a_month=recall.a_month if recall else 0,
    )


def caps(settings: Settings) -> Caps:
    return Caps(
        hour=settings.caps.hour,
        day=settings.caps.day,
        week=settings.caps.week,
        same_text=timedelta(seconds=settings.caps.same_text),
        countries=settings.caps.countries,
        money=settings.caps.money,
        price=settings.caps.price,
        refuse=settings.caps.capped == "refuse",
    )
