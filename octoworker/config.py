"""The settings, read once from the environment; every wrong variable is named in one error.

A secret may also be a mounted file: `OCTOPUSH_API_KEY_FILE=/run/secrets/key`.
The timings hold each other: sending (HTTP) fits in the lease, the lease in the visibility timeout.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property, reduce
from string import Formatter
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from octoworker import environment
from octoworker.errors import SettingsError
from octoworker.gateway import dialects
from octoworker.sms import lanes, schedule
from octoworker.sms.destinations import choices
from octoworker.sms.hours import parse as parse_hours
from octoworker.sms.policy import Policy

Seconds = Annotated[float, BeforeValidator(environment.seconds), Field(gt=0, allow_inf_nan=False)]
Patience = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]

EUROPE = "AD AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MC MT NL NO PL PT RO SE SI SK SM VA"
"""Countries an SMS may go to unless said otherwise. A list, because SMS pumping targets far and dear numbers."""

CONNECT_TIMEOUT = 3.0
"""Seconds to open a connection: a TCP handshake that takes longer than this will not get better."""

LONGEST_QUEUE = 86_400.0
"""Seconds that a job may stand in a queue and still find the record of its message: over a bad night, and a day of repair."""

SHORTEST_DETAIL = 72 * 3600.0
"""Seconds: what has no receipt by then gets none, and nothing asks again under its key."""

BROKEN_RULES = {
    "http_timeout": "OCTOWORKER_HTTP_TIMEOUT ({http_timeout:g} s) must be less than OCTOWORKER_LEASE ({lease:g} s): "
    "a call must end before another worker may take the message.",
    "lease": "OCTOWORKER_LEASE ({lease:g} s) must be less than OCTOWORKER_VISIBILITY_TIMEOUT "
    "({visibility_timeout:g} s): Redis would hand the job out again while it is being worked on.",
    "eta_horizon": "OCTOWORKER_ETA_HORIZON ({eta_horizon:g} s) must be at most a quarter of "
    "OCTOWORKER_VISIBILITY_TIMEOUT ({visibility_timeout:g} s): Celery repeats a longer wait.",
    "retry": "OCTOWORKER_RETRY_BASE ({retry_base:g} s) must be at most OCTOWORKER_RETRY_CAP ({retry_cap:g} s).",
    "breaker": "OCTOWORKER_BREAKER_BASE ({breaker_base:g} s) must be at most OCTOWORKER_BREAKER_CAP ({breaker_cap:g} s).",
    "detail_for": "OCTOWORKER_DETAIL_FOR ({detail_for:g} s) must be 0 or at least 259200 s, three days: receipts and replies still "
    "come until then.",
    "keep_for": "OCTOWORKER_KEEP_FOR ({keep_for:g} s) must be at least OCTOWORKER_KEY_WINDOW ({key_window:g} s) and a day: "
    "a forgotten record would let the same message go out again, and a job in a queue must find its record.",
}

UNSIGNED = (
    "OCTOWORKER_EVENT_URL is set and OCTOWORKER_EVENT_SECRET (or OCTOWORKER_EVENT_SECRET_FILE) is not: "
    "the web app could not tell our events from a stranger's."
)


def _loopback(host: str | None) -> bool:
    return host in {"localhost", "::1"} or (host or "").startswith("127.")


def _octopush_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
        raise ValueError("use https (plain http only to a loopback address)")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("give scheme, host and path only")
    return url.rstrip("/")


def _known_api(name: str) -> str:
    return dialects.named(name).name


def _countries(value: frozenset[str]) -> frozenset[str]:
    if wrong := [code for code in value if len(code) != 2 or not code.isalpha()]:
        raise ValueError(f"use two-letter country codes separated by commas, or * for all (not {len(wrong)} of these)")
    return value


def parse_countries(setting: str) -> dict[str, int]:
    """`FR=10000,*=100` as a dict. ValueError in words."""
    found = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        country, _, most = part.partition("=")
        country = country.strip().upper()
        if not (country == "*" or (len(country) == 2 and country.isalpha())) or not most.strip().isdigit():
            raise ValueError("write segments a day for each country, like FR=10000,*=100")
        found[country] = int(most)
    return found


def _countries_text(setting: str) -> str:
    parse_countries(setting)
    return setting


def _inbound_tokens(secret: SecretStr) -> SecretStr:
    environment.inbound_tokens(secret.get_secret_value())
    return secret


def _number_keys(secret: SecretStr) -> SecretStr:
    environment.number_keys(secret.get_secret_value())
    return secret


def _event_secrets(secret: SecretStr) -> SecretStr:
    environment.event_secrets(secret.get_secret_value())
    return secret


def _outside_url(url: str) -> str:
    if not url:
        return url
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
        raise ValueError("use https (plain http only to a loopback address)")
    if not parts.hostname or parts.fragment or parts.username:
        raise ValueError("give scheme, host, path and query only")
    return url


def _theirs(queue: str) -> str:
    if queue in lanes.QUEUES.values():
        raise ValueError("this is a queue of octoworker's own; name one of the web app's")
    return queue


def _hours(setting: str) -> str:
    parse_hours(setting)
    return setting


def _rules_of_destinations(setting: str) -> str:
    choices.parse(setting)
    return setting


def _senders(setting: str) -> str:
    choices.parse_senders(setting)
    return setting


class Group(BaseModel):
    """Settings that one part of the code asks for together: it gets the group, and no copy of it by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    @property
    def values(self) -> dict[str, Any]:
        """The group's own settings by name, for the part that asks for exactly these."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class Account(Group):
    """The account at Octopush, and how it is spoken to."""

    user_login: str | None = Field(
        default=None, validation_alias="OCTOPUSH_USER_LOGIN", description="Account (e-mail)."
    )
    api_key: SecretStr | None = Field(
        default=None, validation_alias="OCTOPUSH_API_KEY", description="Key of the account."
    )
    api: Annotated[str, AfterValidator(_known_api)] = Field(
        default=dialects.DEFAULT.name,
        validation_alias="OCTOPUSH_API",
        description=f"Generation of the API: {' or '.join(dialects.DIALECTS)}.",
    )
    url: Annotated[str, AfterValidator(_octopush_url)] = Field(
        default=dialects.DEFAULT.rules.url,
        validation_alias="OCTOPUSH_URL",
        description="Base address of the API; its default follows OCTOPUSH_API.",
    )
    format: Literal["json", "xml"] = Field(
        default="json", validation_alias="OCTOPUSH_FORMAT", description="Shape of the answers asked for."
    )
    simulate: bool = Field(
        validation_alias="OCTOWORKER_SIMULATE",
        default=False,
        description="Ask Octopush to simulate: nothing is sent, nothing is paid.",
    )


class Redis(Group):
    """Where the records, the jobs and Celery's results are."""

    records_url: Annotated[str, AfterValidator(environment.redis_address)] = Field(
        default=environment.DEFAULT_REDIS_URL,
        validation_alias=AliasChoices(*environment.RECORDS),
        repr=False,
        description="Records, and jobs unless said otherwise; sentinel://HOST,HOST,HOST/0?master_name=NAME where Sentinels say "
        "which Redis is the primary.",
    )
    broker_url: Annotated[str, AfterValidator(environment.broker_address)] = Field(
        default="",
        validation_alias=AliasChoices(*environment.BROKER),
        repr=False,
        description="Jobs; where the records are, when empty. With OCTOWORKER_REDIS_URL, CELERY_BROKER_URL does not count.",
    )
    result_backend: Annotated[str, AfterValidator(environment.broker_address)] = Field(
        default="",
        validation_alias=AliasChoices(*environment.RESULTS),
        repr=False,
        description="Celery results; where the records are, when empty. With OCTOWORKER_REDIS_URL it does not count.",
    )
    job_results: bool = Field(
        default=False,
        validation_alias=environment.JOB_RESULTS,
        description="Whether jobs of enqueue leave a Celery result, too; those of send_task always do.",
    )
    confirm_by: Literal["none", "disk", "replica"] = Field(
        default="none",
        validation_alias=environment.CONFIRM,
        description="What must have a message before it counts as taken, claimed or settled: disk demands appendfsync always.",
    )
    confirm_replicas: Annotated[str, AfterValidator(environment.how_many)] = Field(
        default="1",
        validation_alias=environment.CONFIRM_REPLICAS,
        description="With CONFIRM=replica, how many of them: a number, majority (of the replicas), or all.",
    )
    replicas: int = Field(
        default=0,
        ge=0,
        le=environment.MOST_REPLICAS,
        validation_alias=environment.REPLICAS,
        description="How many replicas there are, also while some are cut off; majority and all need it.",
    )
    confirm_within: Seconds = Field(
        default=environment.CONFIRMED_WITHIN,
        le=environment.LONGEST_CONFIRMATION,
        validation_alias=environment.CONFIRM_WITHIN,
        description="How long replicas may take to confirm, s; after that it is an outage.",
    )

    @property
    def asked_replicas(self) -> int:
        """How many must confirm; 0: none is asked."""
        return environment.asked_replicas(self.confirm_by, self.confirm_replicas, self.replicas)

    @property
    def broker(self) -> str:
        return self.broker_url or self.records_url

    @property
    def results(self) -> str:
        return self.result_backend or self.records_url


class Defaults(Group):
    """What a message is taken for when it does not say, and which numbers are taken."""

    sender: Annotated[str, AfterValidator(environment.sender)] | None = Field(
        validation_alias="OCTOWORKER_SENDER",
        default=None,
        description="Sender when a message names none.",
    )
    sms_type: Literal["FR", "XXX", "WWW"] = Field(
        validation_alias="OCTOWORKER_SMS_TYPE", default="FR", description="Type when a message names none."
    )
    region: Annotated[str, AfterValidator(environment.region)] = Field(
        validation_alias="OCTOWORKER_REGION",
        default="FR",
        description="Country whose way of writing national numbers counts.",
    )
    countries: Annotated[frozenset[str], AfterValidator(_countries)] = Field(
        validation_alias="OCTOWORKER_COUNTRIES",
        default=frozenset(EUROPE.split()),
        description="Countries an SMS may go to, separated by commas; * for all.",
    )
    allow_possible: bool = Field(
        validation_alias="OCTOWORKER_ALLOW_POSSIBLE",
        default=False,
        description="Take numbers of a possible length that the number plan does not list yet.",
    )
    strict: bool = Field(
        validation_alias="OCTOWORKER_STRICT",
        default=False,
        description="Refuse a whole message when one of its numbers cannot be read.",
    )


class Times(Group):
    """When a message may go."""

    hold: bool = Field(
        validation_alias="OCTOWORKER_HOLD",
        default=False,
        description="Keep deferred messages here instead of handing them over.",
    )
    past: Literal["refuse", "send"] = Field(
        validation_alias="OCTOWORKER_PAST",
        default="refuse",
        description="What to do with a send_at more than a minute ago.",
    )
    max_ahead: Seconds = Field(
        validation_alias="OCTOWORKER_MAX_AHEAD",
        default=environment.MAX_AHEAD,
        description="How far ahead send_at may lie, s.",
    )
    hours: Annotated[str, AfterValidator(_hours)] = Field(
        validation_alias="OCTOWORKER_HOURS",
        default="",
        description="When marketing may be sent, where not as the table of destinations says: FR=08:00-20:00,BE=…@Zone/City; off: always.",
    )
    off_hours: Literal["wait", "refuse"] = Field(
        validation_alias="OCTOWORKER_OFF_HOURS",
        default="wait",
        description="What marketing does outside these hours.",
    )
    alsace_moselle: bool = Field(
        validation_alias="OCTOWORKER_ALSACE_MOSELLE",
        default=False,
        description="Also keep the holidays of Alsace and Moselle.",
    )


class Destinations(Group):
    """What the table of destinations does, and what it is to know."""

    rules: Annotated[str, AfterValidator(_rules_of_destinations)] = Field(
        validation_alias="OCTOWORKER_DESTINATIONS",
        default="",
        description="What a kind of rule does, everywhere or in one country: shortener=refuse,IE.sender_register=off.",
    )
    senders: Annotated[str, AfterValidator(_senders)] = Field(
        validation_alias="OCTOWORKER_SENDERS",
        default="",
        description="Where each sender is registered: MyShop=FR,ES;Alerts=FR.",
    )

    @property
    def choices(self) -> choices.Choices:
        """Both, read."""
        return choices.Choices(choices.parse(self.rules), choices.parse_senders(self.senders))


class Retry(Group):
    """How patient the workers are."""

    base: Seconds = Field(
        validation_alias="OCTOWORKER_RETRY_BASE",
        default=2.0,
        description="First backoff, s; doubled each time, drawn between 0 and that.",
    )
    cap: Seconds = Field(validation_alias="OCTOWORKER_RETRY_CAP", default=300.0, description="Longest backoff, s.")
    give_up_after: Seconds = Field(
        validation_alias="OCTOWORKER_RETRY_FOR",
        default=86400.0,
        description="How long a message is retried, from its first attempt on, s.",
    )
    max_attempts: int = Field(
        validation_alias="OCTOWORKER_MAX_ATTEMPTS",
        default=50,
        ge=1,
        description="Submits after which a message is no longer retried.",
    )
    account_wait: Seconds = Field(
        validation_alias="OCTOWORKER_ACCOUNT_RETRY",
        default=300.0,
        description="Wait after Octopush refused the account (credit, key), s.",
    )
    key_window: Seconds = Field(
        validation_alias="OCTOWORKER_KEY_WINDOW",
        default=dialects.DEFAULT.rules.key_window,
        description="How long Octopush is trusted to remember a key, s; its default follows OCTOPUSH_API.",
    )
    unconfirmed: Literal["accept", "review"] = Field(
        validation_alias="OCTOWORKER_UNCONFIRMED",
        default="accept",
        description="A message whose answer was lost and whose key Octopush knows: accept it unconfirmed, "
        "or leave it to an operator (review).",
    )


class Limits(Group):
    """What the account allows: the pace, and the breaker."""

    rate: float = Field(
        validation_alias="OCTOWORKER_RATE",
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Segments per second, all workers; 0: no limit.",
    )
    burst: float = Field(
        validation_alias="OCTOWORKER_BURST",
        default=1.0,
        ge=1,
        allow_inf_nan=False,
        description="Segments that may go at once within that rate.",
    )
    breaker_calls: int = Field(
        validation_alias="OCTOWORKER_BREAKER_CALLS",
        default=20,
        ge=0,
        description="Calls the breaker looks back on; 0: no breaker.",
    )
    breaker_base: Seconds = Field(
        validation_alias="OCTOWORKER_BREAKER_BASE",
        default=1.0,
        description="First wait for a probe when Octopush does not answer, s; doubled.",
    )
    breaker_cap: Seconds = Field(
        validation_alias="OCTOWORKER_BREAKER_CAP", default=60.0, description="Longest wait for a probe, s."
    )
    breaker_ramp: Seconds = Field(
        validation_alias="OCTOWORKER_BREAKER_RAMP",
        default=10.0,
        description="Time to come back to full pace after that, s.",
    )
    low_balance: Money = Field(
        validation_alias="OCTOWORKER_LOW_BALANCE",
        default=Decimal(0),
        description="Warn once when the balance falls below; 0: never.",
    )
    campaign_pause_at: float = Field(
        validation_alias="OCTOWORKER_CAMPAIGN_PAUSE_AT",
        default=50.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="A campaign pauses itself when so many percent of its first 200 people with a last receipt failed; 0: never.",
    )


class Caps(Group):
    """What stops a runaway loop before it is paid for."""

    hour: int = Field(
        validation_alias="OCTOWORKER_CAP_HOUR", default=0, ge=0, description="SMS to one number in an hour; 0: no cap."
    )
    day: int = Field(
        validation_alias="OCTOWORKER_CAP_DAY", default=0, ge=0, description="SMS to one number in a day; 0: no cap."
    )
    week: int = Field(
        validation_alias="OCTOWORKER_CAP_WEEK",
        default=0,
        ge=0,
        description="Marketing SMS to one number in seven days; 0: no cap.",
    )
    same_text: Patience = Field(
        validation_alias="OCTOWORKER_CAP_SAME_TEXT",
        default=0.0,
        description="The same text to the same number is refused for, s; 0: never.",
    )
    countries_text: Annotated[str, AfterValidator(_countries_text)] = Field(
        validation_alias="OCTOWORKER_CAP_COUNTRIES",
        default="",
        description="Segments a day to a country, like FR=10000,*=100; empty: no cap.",
    )
    money: Money = Field(
        validation_alias="OCTOWORKER_CAP_MONEY",
        default=Decimal(0),
        description="Money a day, in the account's currency; 0: no cap.",
    )
    price: Money = Field(
        validation_alias="OCTOWORKER_CAP_PRICE",
        default=Decimal("0.10"),
        description="What a segment is held to cost until Octopush has said a price, in the account's currency.",
    )
    capped: Literal["wait", "refuse"] = Field(
        validation_alias="OCTOWORKER_CAPPED", default="wait", description="What a capped message does."
    )

    @property
    def countries(self) -> dict[str, int]:
        """`countries_text`, read."""
        return parse_countries(self.countries_text)


class Inbound(Group):
    """How Octopush calls us."""

    token: Annotated[SecretStr, AfterValidator(_inbound_tokens)] | None = Field(
        default=None,
        validation_alias="OCTOWORKER_INBOUND_TOKEN",
        description="Secret of the address that Octopush calls; two, separated by a comma, while one replaces the other.",
    )

    url: Annotated[str, AfterValidator(_outside_url)] = Field(
        default="",
        validation_alias="OCTOWORKER_INBOUND_URL",
        max_length=2000,
        description="Where the receiver is reached from outside, as https://sms.example.com; `doctor` tries it.",
    )
    spool: str = Field(
        default="",
        validation_alias="OCTOWORKER_INBOUND_SPOOL",
        description="Folder in which the receiver keeps calls while Redis is away; without it they are refused then.",
    )

    @property
    def tokens(self) -> tuple[str, ...]:
        """Each of them is good."""
        return environment.inbound_tokens(self.token.get_secret_value() if self.token else "")


class Codes(Group):
    """One-time codes (`octoworker.otp`), which the web app sends and checks."""

    keys: Annotated[SecretStr, AfterValidator(_number_keys)] | None = Field(
        default=None,
        validation_alias="OCTOWORKER_CODE_KEYS",
        description="The web app's secret with which one-time codes are made; older ones behind it, after commas.",
    )
    guard: Literal["off", "monitor", "refuse"] = Field(
        default="monitor",
        validation_alias="OCTOWORKER_CODE_GUARD",
        description="What is done about codes that look like pumping: nothing, an event, or no SMS.",
    )


class OptOuts(Group):
    """The list of opt-outs."""

    keys: Annotated[SecretStr, AfterValidator(_number_keys)] | None = Field(
        default=None,
        validation_alias="OCTOWORKER_NUMBER_KEYS",
        description="Secret under which numbers stand in the list of opt-outs; older ones behind it, after commas.",
    )
    stop_words: str = Field(
        default="",
        validation_alias="OCTOWORKER_STOP_WORDS",
        description="Whole answers that mean STOP, beside the French and English ones, separated by commas.",
    )

    @property
    def number_keys(self) -> tuple[str, ...]:
        """The newest first."""
        return environment.number_keys(self.keys.get_secret_value() if self.keys else "")

    @property
    def words(self) -> tuple[str, ...]:
        """`stop_words`, read."""
        return environment.listed(self.stop_words)


class Events(Group):
    """Events for the web app."""

    task: str = Field(
        default="",
        validation_alias="OCTOWORKER_EVENT_TASK",
        max_length=200,
        description="Name of a Celery task of the web app that is called with each event; empty: none.",
    )
    queue: Annotated[str, AfterValidator(_theirs)] = Field(
        default="celery",
        validation_alias="OCTOWORKER_EVENT_QUEUE",
        pattern=r"^[0-9A-Za-z_.\-]{1,100}$",
        description="Queue of that task, on the broker.",
    )
    url: Annotated[str, AfterValidator(_outside_url)] = Field(
        default="",
        validation_alias="OCTOWORKER_EVENT_URL",
        max_length=2000,
        repr=False,
        description="Address of the web app that gets each event as a Standard Webhook; empty: none.",
    )
    secret: Annotated[SecretStr, AfterValidator(_event_secrets)] | None = Field(
        default=None,
        validation_alias="OCTOWORKER_EVENT_SECRET",
        description="Secret that signs them, whsec_ and base64 of 24 to 64 bytes; several, separated by commas, "
        "while one replaces another.",
    )

    content: bool = Field(
        default=False,
        validation_alias="OCTOWORKER_EVENT_CONTENT",
        description="Number and text stand in the events of replies, the number in those of opt-outs.",
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Each of them signs."""
        return environment.event_secrets(self.secret.get_secret_value() if self.secret else "")


class Settings(BaseSettings):
    """Everything that can be set. `Settings.load()` reads it; nothing else reads the environment of a worker."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True)

    account: Account = Account()
    redis: Redis = Redis()
    message: Defaults = Defaults()
    times: Times = Times()
    destinations: Destinations = Destinations()
    retry: Retry = Retry()
    limits: Limits = Limits()
    caps: Caps = Caps()
    inbound: Inbound = Inbound()
    codes: Codes = Codes()
    opt_outs: OptOuts = OptOuts()
    events: Events = Events()

    http_timeout: Seconds = Field(default=10.0, description="Longest wait for Octopush's answer, s.")
    lease: Seconds = Field(default=45.0, description="How long one worker has the only right to act on a message, s.")
    max_crashes: int = Field(
        default=5, ge=1, description="Workers a message may take down with it before it is stopped."
    )
    sweep_every: Seconds = Field(default=0.2, description="How often each worker looks for what is due or stranded, s.")
    requeue_after: Seconds = Field(
        default=environment.REQUEUE_AFTER, description="A job that nobody took is looked for after, s."
    )
    eta_horizon: Seconds = Field(default=60.0, description="Longest wait that may ride on Celery's ETA, s.")
    visibility_timeout: Seconds = Field(
        default=300.0, description="Redis hands an unacknowledged job out again after, s."
    )
    keep_for: Seconds = Field(
        default=environment.KEEP_FOR, description="How long a record is kept after its last change, s."
    )
    audit_for: Seconds = Field(
        default=environment.AUDIT_FOR, description="How long `octoworker audit` keeps who did what by hand, s."
    )
    actor: str = Field(
        default="",
        max_length=64,
        description="Who acts, for `octoworker audit`; empty: the user of the operating system.",
    )
    detail_for: Patience = Field(
        default=0.0,
        description="After how long a message that is over keeps only its state, ticket, cost and what makes a repeat the same, s; "
        "at least three days; 0: never, it keeps all for OCTOWORKER_KEEP_FOR.",
    )
    bulk_lines: int = Field(
        default=128,
        ge=1,
        description="Calls at once of one worker for its bulk jobs, all its processes together; of each prefork child.",
    )
    concurrency: int = Field(default=16, ge=1, description="Calls at once in one worker, all its processes together.")
    processes: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Processes of `octoworker worker` under threads; 0: as many as it has cores, at most two.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="A worker serves its metrics on this port; 0: it does not."
    )
    metrics_host: str = Field(
        default="", description="Address that the metrics and the status page listen on; empty: all."
    )
    status_token: SecretStr | None = Field(
        default=None, min_length=16, description="Whoever has it may see the status page; without it there is none."
    )
    sentry_dsn: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("OCTOWORKER_SENTRY_DSN", "SENTRY_DSN"),
        description="Where bugs are reported, when the extra `sentry` is installed.",
    )
    health_dir: str = Field(
        default="", description="Folder of the files that `octoworker health` looks at; one for each worker."
    )
    testing: Literal["", "outbox", "sandbox"] = Field(
        default="",
        description="For a test environment, where nothing real may be sent: `outbox` refuses to send at all but in "
        "octoworker.testing.outbox(), `sandbox` refuses any Octopush but one on this machine.",
    )
    log_format: Literal["auto", "json", "console"] = Field(default="auto", description="Shape of the log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, to_send: bool = False) -> Settings:
        """Read the environment. SettingsError lists everything that is wrong, and never shows a value that is secret.

        `to_send`: what is missing to send is wrong, too.
        """
        read = _read(os.environ if environ is None else environ)
        problems, wrong = list(read.problems), set(read.unread)
        try:
            settings = cls.model_validate(_with_defaults_of_the_api(read.values))
        except ValidationError as error:
            for detail in error.errors(include_input=False):
                name = _name_of(detail["loc"])
                wrong.add(name)
                problems.append(f"{read.variables[name]}: {detail['msg'].removeprefix('Value error, ')}.")
            # The others once more, because they may contradict each other.
            settings = cls.model_validate(_with_defaults_of_the_api(_nested(read.texts, besides=wrong)))
        problems += settings.contradictions(besides=wrong)
        if to_send:
            problems += settings.missing_account(besides=wrong)
        if problems:
            raise SettingsError(problems)
        return settings

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)

    @classmethod
    def settings_customise_sources(cls, *_: Any, init_settings: Any, **__: Any) -> tuple[Any, ...]:  # type: ignore[override]
        """Only what `load` gathered: one reader of the environment, so that `_FILE` and the listing stay in one place."""
        return (init_settings,)

    @property
    def policy(self) -> Policy:
        """What they say about messages."""
        return Policy(**self.message.values, rules=dialects.named(self.account.api).rules)

    @property
    def time_rules(self) -> schedule.Rules:
        """What they say about times."""
        return schedule.Rules(
            hold=self.times.hold,
            refuse_past=self.times.past == "refuse",
            max_ahead=timedelta(seconds=self.times.max_ahead),
            hours=parse_hours(
                self.times.hours,
                alsace_moselle=self.times.alsace_moselle,
                choices=self.destinations.choices,
                refuse=self.times.off_hours == "refuse",
            ),
        )

    def contradictions(self, besides: Collection[str] = ()) -> list[str]:
        """One sentence for each pair of settings that would break a promise. `besides`: settings that are wrong by themselves."""
        retry, limits = self.retry, self.limits
        holds = {
            "http_timeout": self.http_timeout < self.lease,
            "lease": self.lease < self.visibility_timeout,
            "eta_horizon": self.eta_horizon <= self.visibility_timeout / 4,
            "retry": retry.base <= retry.cap,
            "breaker": limits.breaker_base <= limits.breaker_cap,
            "detail_for": self.detail_for == 0 or self.detail_for >= SHORTEST_DETAIL,
            "keep_for": retry.key_window + LONGEST_QUEUE <= self.keep_for,
        }
        broken = (BROKEN_RULES[rule] for rule, held in holds.items() if not held)
        wrong = set(besides)
        unsigned = self.events.url and not self.events.secret and not {"event_url", "event_secret"} & wrong
        redis = self.redis
        unconfirmable = environment.unconfirmable(redis.confirm_by, redis.confirm_replicas, redis.replicas)
        said = unconfirmable and not {"confirm", "confirm_replicas", "replicas"} & wrong
        return [
            *(each.format(**self.by_knob()) for each in broken if not wrong.intersection(_named_in(each))),
            *([UNSIGNED] if unsigned else []),
            *([unconfirmable] if said else []),
        ]

    def by_knob(self) -> dict[str, Any]:
        """Every value by the name of its knob."""
        return {name: knob.value(self) for name, knob in KNOBS.items()}

    def refused_in_tests(self) -> list[str]:
        """Why nothing may be sent from here, where OCTOWORKER_TESTING says that this is a test environment."""
        if self.testing == "outbox":
            return ["OCTOWORKER_TESTING=outbox: no worker sends here; tests use octoworker.testing.outbox()."]
        if self.testing == "sandbox" and not _loopback(urlsplit(self.account.url).hostname):
            return [
                "OCTOWORKER_TESTING=sandbox: OCTOPUSH_URL must name a sandbox on this machine, and names another host."
            ]
        return []

    def missing_account(self, besides: Collection[str] = ()) -> list[str]:
        """What is missing to send. Only the worker and `balance` need it; a producer does not."""
        wanted = {"user_login": self.account.user_login, "api_key": self.account.api_key}
        return [
            f"{KNOBS[name].variable} is not set (or give {KNOBS[name].variable}_FILE): it is needed to send."
            for name, is_ in wanted.items()
            if not is_ and name not in besides
        ]

    @cached_property
    def connect_timeout(self) -> float:
        """Seconds to connect: never more than a quarter of the room that the lease leaves beside the answer."""
        return min(CONNECT_TIMEOUT, self.http_timeout, (self.lease - self.http_timeout) / 4)

    @property
    def send_budget(self) -> float:
        """Seconds a submit may take in all, from the claim to the last byte of the answer."""
        return self.connect_timeout + self.http_timeout

    @property
    def record_budget(self) -> float:
        """Seconds to write the outcome: half of what the lease leaves, so that the other half is room."""
        return (self.lease - self.send_budget) / 2


@dataclass(frozen=True)
class Knob:
    """One setting: the variables that set it, the first one first, and where its value stands."""

    variables: tuple[str, ...]
    path: tuple[str, ...]
    field: FieldInfo

    @property
    def variable(self) -> str:
        """The one that comes first."""
        return self.variables[0]

    def value(self, settings: Settings) -> Any:
        found: Any = settings
        for name in self.path:
            found = getattr(found, name)
        return found


def _knobs(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[Knob]:
    for name, field in model.model_fields.items():
        kind, path = field.annotation, (*above, name)
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from _knobs(kind, path)
        else:
            yield Knob(_variables(name, field), path, field)


def _variables(name: str, field: FieldInfo) -> tuple[str, ...]:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(each) for each in alias.choices)
    return (str(alias or f"OCTOWORKER_{name.upper()}"),)


PREFIXES = ("OCTOWORKER_", "OCTOPUSH_", "CELERY_")

KNOBS: Mapping[str, Knob] = {
    reduce(str.removeprefix, PREFIXES, knob.variable).lower(): knob for knob in _knobs(Settings)
}
"""Every setting by its variable's name in lower case without the prefix: `retry_base`, `api_key`, `redis_url`."""


@dataclass(frozen=True)
class _Texts:
    """What the environment says, by the name of the knob."""

    texts: Mapping[str, str]
    variables: Mapping[str, str]
    """The variable that each is read from."""
    problems: Sequence[str]
    unread: Collection[str]

    @property
    def values(self) -> dict[str, Any]:
        return _nested(self.texts)


def _read(environ: Mapping[str, str]) -> _Texts:
    texts, variables, problems, unread = {}, {}, [], []
    for name, knob in KNOBS.items():
        variables[name] = knob.variable
        try:
            variables[name], text = environment.first_of(knob.variables, environ)
        except ValueError as error:
            problems.append(str(error))
            unread.append(name)
            continue
        if text is not None:
            texts[name] = text
    return _Texts(texts, variables, problems, unread)


def _nested(texts: Mapping[str, str], besides: Collection[str] = ()) -> dict[str, Any]:
    """The texts where their values stand, in their groups."""
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in besides:
            *groups, last = KNOBS[name].path
            inner = reduce(lambda found, group: found.setdefault(group, {}), groups, values)
            inner[last] = _split(text) if name == "countries" else text
    return values


def unknown_names(environ: Mapping[str, str] | None = None) -> list[str]:
    """One sentence for each variable that looks like one of ours and is none: most are misspelt, and their default holds."""
    known = {variable for knob in KNOBS.values() for variable in knob.variables}
    given = os.environ if environ is None else environ
    ours = sorted(name for name in given if name.startswith(("OCTOWORKER_", "OCTOPUSH_")))
    return [_unknown(name, known) for name in ours if not {name, name.removesuffix("_FILE")} & known]


def _unknown(name: str, known: Collection[str]) -> str:
    nearest = get_close_matches(name.removesuffix("_FILE"), known, n=1, cutoff=0.75)
    return f"{name} is no setting" + (f"; did you mean {nearest[0]}?" if nearest else ".")


def _named_in(rule: str) -> set[str]:
    """The knobs that a sentence speaks of."""
    return {name for _, name, _, _ in Formatter().parse(rule) if name}


def _with_defaults_of_the_api(values: dict[str, Any]) -> dict[str, Any]:
    """The same, with the defaults that follow the API. Of one that is not known: none, for it is refused anyway."""
    account, retry = values.get("account", {}), values.get("retry", {})
    dialect = dialects.DIALECTS.get(account.get("api", dialects.DEFAULT.name))
    if dialect is None:
        return values
    rules = dialect.rules
    return {**values, "account": {"url": rules.url, **account}, "retry": {"key_window": rules.key_window, **retry}}


def _split(text: str) -> frozenset[str]:
    return (
        frozenset()
        if text.strip() == "*"
        else frozenset(code.strip().upper() for code in text.split(",") if code.strip())
    )


def _name_of(location: tuple[int | str, ...]) -> str:
    """The name of the knob that pydantic means: it names a field by its place, or by one of its aliases."""
    names = {str(each) for each in location}
    return next(
        name
        for name, knob in KNOBS.items()
        if names.intersection(knob.variables) or knob.path == location[: len(knob.path)]
    )
