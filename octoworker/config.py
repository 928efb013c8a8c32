"""Which knobs exist. Read once from the environment; every wrong variable is named in one error.

A secret may also be a mounted file: `OCTOPUSH_API_KEY_FILE=/run/secrets/key`.
The timings hold each other: sending (HTTP) fits in the lease, the lease in the visibility timeout.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from octoworker import environment
from octoworker.errors import SettingsError
from octoworker.gateway import dialects
from octoworker.sms.hours import Window
from octoworker.sms.hours import parse as parse_hours

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Patience = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]

EUROPE = "AD AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MC MT NL NO PL PT RO SE SI SK SM VA"
"""Countries an SMS may go to unless said otherwise. A list, because SMS pumping targets far and dear numbers."""

CONNECT_TIMEOUT = 3.0
"""Seconds to open a connection: a TCP handshake that takes longer than this will not get better."""

BROKEN_RULES = {
    "http_timeout": "OCTOWORKER_HTTP_TIMEOUT ({http_timeout:g} s) must be less than OCTOWORKER_LEASE ({lease:g} s): "
    "a call must end before another worker may take the message.",
    "lease": "OCTOWORKER_LEASE ({lease:g} s) must be less than OCTOWORKER_VISIBILITY_TIMEOUT "
    "({visibility_timeout:g} s): Redis would hand the job out again while it is being worked on.",
    "eta_horizon": "OCTOWORKER_ETA_HORIZON ({eta_horizon:g} s) must be at most a quarter of "
    "OCTOWORKER_VISIBILITY_TIMEOUT ({visibility_timeout:g} s): Celery repeats a longer wait.",
    "retry": "OCTOWORKER_RETRY_BASE ({retry_base:g} s) must be at most OCTOWORKER_RETRY_CAP ({retry_cap:g} s).",
    "breaker": "OCTOWORKER_BREAKER_BASE ({breaker_base:g} s) must be at most OCTOWORKER_BREAKER_CAP ({breaker_cap:g} s).",
    "keep_for": "OCTOWORKER_KEEP_FOR ({keep_for:g} s) must be at least OCTOWORKER_KEY_WINDOW ({key_window:g} s): "
    "a forgotten record would let the same message go out again.",
}


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


def _redis_address(url: str) -> str:
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("use a redis://, rediss:// or unix:// address")
    return _verified(url)


def _verified(url: str) -> str:
    if missing := environment.unverified(url):
        raise ValueError(missing)
    return url


def _countries(value: frozenset[str]) -> frozenset[str]:
    if wrong := [code for code in value if len(code) != 2 or not code.isalpha()]:
        raise ValueError(f"use two-letter country codes separated by commas, or * for all (not {len(wrong)} of these)")
    return value


class Settings(BaseSettings):
    """Everything that can be set. `Settings.load()` reads it; nothing else reads the environment of a worker."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True)

    user_login: str | None = Field(None, validation_alias="OCTOPUSH_USER_LOGIN", description="Account (e-mail).")
    api_key: SecretStr | None = Field(None, validation_alias="OCTOPUSH_API_KEY", description="Key of the account.")
    api: Annotated[str, AfterValidator(_known_api)] = Field(
        dialects.DEFAULT.name,
        validation_alias="OCTOPUSH_API",
        description=f"Generation of the API: {' or '.join(dialects.DIALECTS)}.",
    )
    url: Annotated[str, AfterValidator(_octopush_url)] = Field(
        dialects.DEFAULT.rules.url,
        validation_alias="OCTOPUSH_URL",
        description="Base address of the API; its default follows OCTOPUSH_API.",
    )
    format: Literal["json", "xml"] = Field(
        "json", validation_alias="OCTOPUSH_FORMAT", description="Shape of the answers asked for."
    )
    redis_url: Annotated[str, AfterValidator(_redis_address)] = Field(
        environment.DEFAULT_REDIS_URL,
        validation_alias="REDIS_URL",
        repr=False,
        description="Records, and jobs unless said otherwise.",
    )
    broker_url: Annotated[str, AfterValidator(_verified)] = Field(
        "", validation_alias="CELERY_BROKER_URL", repr=False, description="Jobs; REDIS_URL when empty."
    )
    result_backend: Annotated[str, AfterValidator(_verified)] = Field(
        "", validation_alias="CELERY_RESULT_BACKEND", repr=False, description="Celery results; REDIS_URL when empty."
    )

    sender: str | None = Field(None, pattern=r"^[0-9A-Za-z]{3,11}$", description="Sender when a message names none.")
    sms_type: Literal["FR", "XXX", "WWW"] = Field("FR", description="Type when a message names none.")
    region: str = Field(
        "FR", pattern=r"^[A-Z]{2}$", description="Country whose way of writing national numbers counts."
    )
    countries: Annotated[frozenset[str], NoDecode, AfterValidator(_countries)] = Field(
        frozenset(EUROPE.split()), description="Countries an SMS may go to, separated by commas; * for all."
    )
    allow_possible: bool = Field(
        default=False, description="Take numbers of a possible length that the number plan does not list yet."
    )
    hold: bool = Field(default=False, description="Keep deferred messages here instead of handing them over.")
    past: Literal["refuse", "send"] = Field("refuse", description="What to do with a send_at more than a minute ago.")
    max_ahead: Seconds = Field(environment.MAX_AHEAD, description="How far ahead send_at may lie, s.")

    hours: str = Field(
        "FR=08:00-20:00",
        description="When advertising may be sent, per country: FR=08:00-20:00,BE=…@Zone/City, or off.",
    )
    off_hours: Literal["wait", "refuse"] = Field("wait", description="What advertising does outside these hours.")
    alsace_moselle: bool = Field(default=False, description="Also keep the holidays of Alsace and Moselle.")

    http_timeout: Seconds = Field(10.0, description="Longest wait for Octopush's answer, s.")
    lease: Seconds = Field(45.0, description="How long one worker has the only right to act on a message, s.")
    retry_base: Seconds = Field(2.0, description="First backoff, s; doubled each time, drawn between 0 and that.")
    retry_cap: Seconds = Field(300.0, description="Longest backoff, s.")
    retry_for: Seconds = Field(86400.0, description="How long a message is retried, from its first attempt on, s.")
    max_attempts: int = Field(50, ge=1, description="Submits after which a message is no longer retried.")
    account_retry: Seconds = Field(300.0, description="Wait after Octopush refused the account (credit, key), s.")
    key_window: Seconds = Field(
        dialects.DEFAULT.rules.key_window,
        description="How long Octopush is trusted to remember a key, s; its default follows OCTOPUSH_API.",
    )
    max_crashes: int = Field(5, ge=1, description="Workers a message may take down with it before it is stopped.")
    rate: float = Field(0.0, ge=0, allow_inf_nan=False, description="Segments per second, all workers; 0: no limit.")
    burst: float = Field(1.0, ge=1, allow_inf_nan=False, description="Segments that may go at once within that rate.")
    breaker_calls: int = Field(20, ge=0, description="Calls the breaker looks back on; 0: no breaker.")
    breaker_base: Seconds = Field(1.0, description="First wait for a probe when Octopush does not answer, s; doubled.")
    breaker_cap: Seconds = Field(60.0, description="Longest wait for a probe, s.")
    breaker_ramp: Seconds = Field(10.0, description="Time to come back to full pace after that, s.")
    low_balance: Money = Field(Decimal(0), description="Warn once when the balance falls below; 0: never.")
    cap_hour: int = Field(0, ge=0, description="SMS to one number in an hour; 0: no cap.")
    cap_day: int = Field(0, ge=0, description="SMS to one number in a day; 0: no cap.")
    cap_same_text: Patience = Field(0.0, description="The same text to the same number is refused for, s; 0: never.")
    cap_countries: str = Field("", description="Segments a day to a country, like FR=10000,*=100; empty: no cap.")
    cap_money: Money = Field(Decimal(0), description="Money a day, in the account's currency; 0: no cap.")
    capped: Literal["wait", "refuse"] = Field("wait", description="What a capped message does.")
    sweep_every: Seconds = Field(0.2, description="How often each worker looks for what is due or stranded, s.")
    requeue_after: Seconds = Field(
        environment.REQUEUE_AFTER, description="A job that nobody took is looked for after, s."
    )
    eta_horizon: Seconds = Field(60.0, description="Longest wait that may ride on Celery's ETA, s.")
    visibility_timeout: Seconds = Field(300.0, description="Redis hands an unacknowledged job out again after, s.")
    keep_for: Seconds = Field(environment.KEEP_FOR, description="How long a record is kept after its last change, s.")
    simulate: bool = Field(default=False, description="Ask Octopush to simulate: nothing is sent, nothing is paid.")

    bulk_lines: int = Field(128, ge=1, description="Calls at once of one process for its bulk jobs.")
    concurrency: int = Field(16, ge=1, description="Calls at once in one worker.")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="A worker serves its metrics on this port; 0: it does not."
    )
    metrics_host: str = Field("", description="Address that the metrics and the status page listen on; empty: all.")
    status_token: SecretStr | None = Field(
        None, min_length=16, description="Whoever has it may see the status page; without it there is none."
    )
    sentry_dsn: SecretStr | None = Field(
        None, validation_alias="SENTRY_DSN", description="Where bugs are told, when the extra `sentry` is installed."
    )
    health_dir: str = Field(
        "", description="Folder of the files that `octoworker health` looks at; one for each worker."
    )
    log_format: Literal["auto", "json", "console"] = Field("auto", description="Shape of the log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises SettingsError naming every wrong variable, never showing a value that is secret."""
        environ = os.environ if environ is None else environ
        problems: list[str] = []
        values = _values(environ, problems)
        settings = None
        try:
            settings = cls.model_validate({**_defaults_of(values.get("api", dialects.DEFAULT.name)), **values})
        except ValidationError as error:
            problems += [_sentence(detail["loc"], detail["msg"]) for detail in error.errors(include_input=False)]
        if settings is not None:
            problems += settings.contradictions()
        if problems or settings is None:
            raise SettingsError(problems)
        return settings

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)

    @classmethod
    def settings_customise_sources(cls, *_: Any, init_settings: Any, **__: Any) -> tuple[Any, ...]:  # type: ignore[override]
        """Only what `load` gathered: one reader of the environment, so that `_FILE` and the listing stay in one place."""
        return (init_settings,)

    def contradictions(self) -> list[str]:
        """One sentence for each pair of settings that would break a promise."""
        holds = {
            "http_timeout": self.http_timeout < self.lease,
            "lease": self.lease < self.visibility_timeout,
            "eta_horizon": self.eta_horizon <= self.visibility_timeout / 4,
            "retry": self.retry_base <= self.retry_cap,
            "breaker": self.breaker_base <= self.breaker_cap,
            "keep_for": self.key_window <= self.keep_for,
        }
        wrong = _wrong("OCTOWORKER_HOURS", lambda: parse_hours(self.hours, alsace_moselle=False))
        wrong += _wrong("OCTOWORKER_CAP_COUNTRIES", lambda: parse_countries(self.cap_countries))
        return wrong + [BROKEN_RULES[rule].format(**self.__dict__) for rule, held in holds.items() if not held]

    def missing_account(self) -> list[str]:
        """What is missing to send. Only the worker and `balance` need it; a producer does not."""
        wanted = {"OCTOPUSH_USER_LOGIN": self.user_login, "OCTOPUSH_API_KEY": self.api_key}
        return [
            f"{name} is not set (or give {name}_FILE): it is needed to send." for name, is_ in wanted.items() if not is_
        ]

    @property
    def windows(self) -> tuple[Window, ...]:
        """`hours`, read."""
        return parse_hours(self.hours, alsace_moselle=self.alsace_moselle)

    @property
    def country_caps(self) -> dict[str, int]:
        """`cap_countries`, read."""
        return parse_countries(self.cap_countries)

    @property
    def broker(self) -> str:
        return self.broker_url or self.redis_url

    @property
    def results(self) -> str:
        return self.result_backend or self.redis_url

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


def _wrong(name: str, parse: Callable[[], object]) -> list[str]:
    try:
        parse()
    except ValueError as error:
        return [f"{name}: {error}."]
    return []


def variable(field: str) -> str:
    """Environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias) if alias else f"OCTOWORKER_{field.upper()}"


def _values(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in Settings.model_fields:
        text = _text(variable(field), environ, problems)
        if text is not None:
            values[field] = _split(text) if field == "countries" else text
    return values


def _defaults_of(api: str) -> dict[str, Any]:
    """The defaults that follow the API. Of one that is not known: none, for the settings are refused anyway."""
    dialect = dialects.DIALECTS.get(api)
    return {"url": dialect.rules.url, "key_window": dialect.rules.key_window} if dialect else {}


def _split(text: str) -> frozenset[str]:
    return (
        frozenset()
        if text.strip() == "*"
        else frozenset(code.strip().upper() for code in text.split(",") if code.strip())
    )


def _text(name: str, environ: Mapping[str, str], problems: list[str]) -> str | None:
    """The value of a variable or of the file that `NAME_FILE` names; an empty value counts as not set."""
    path = environ.get(f"{name}_FILE")
    if not path:
        return environ.get(name) or None
    if environ.get(name):
        problems.append(f"{name} and {name}_FILE are both set: keep one.")
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        problems.append(f"{name}_FILE names a file that cannot be read.")
        return None


def _sentence(location: tuple[int | str, ...], problem: str) -> str:
    field = str(location[0]) if location else ""
    name = variable(field) if field in Settings.model_fields else field
    return f"{name}: {problem.removeprefix('Value error, ')}."
