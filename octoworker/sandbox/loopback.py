"""Names of this machine. Nothing else is ever called, and nobody else may turn the controls."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str | None) -> bool:
    """Whether a host's name (no port) can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str | None:
    """The host in a URL, None when there is none to be read."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
