"""Where the jobs are, in the words that Celery has for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from octoworker import environment


@dataclass(frozen=True)
class Address:
    """An address as Celery takes it."""

    url: str = field(repr=False)
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    """What goes into the transport's options beside it."""
    tls: dict[str, Any] | None = None
    """Celery's `broker_use_ssl` or `redis_backend_use_ssl`; None where the address says it all."""


def address(url: str, timeout: float) -> Address:
    """For Celery, which has a form of its own for Sentinels. `timeout`: seconds for one of their answers."""
    if not environment.names_sentinels(url):
        return Address(url)
    known = environment.sentinels(url)
    user, password = (quote(known.login.get(part, ""), safe="") for part in ("username", "password"))
    login = f"{user}:{password}@" if known.login else ""
    tls = None if known.tls is None else dict(known.tls)
    return Address(
        ";".join(f"sentinel://{login}{_host(host)}:{port}/{known.database}" for host, port in known.hosts),
        {
            "master_name": known.master_name,
            "sentinel_kwargs": {
                "socket_timeout": timeout,
                "socket_connect_timeout": timeout,
                **known.sentinel_login,
                **({"ssl": True, **tls} if tls is not None else {}),
            },
        },
        tls,
    )


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
