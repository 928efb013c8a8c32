"""One-time codes: what a code is, and the text that carries it. Pure.

A code is not kept anywhere. It is six figures of an HMAC over the verification's id under a key that only the web app has: who
reads Redis finds no code, and a resend says the same one.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from ipaddress import ip_address, ip_network

DIGITS = 6

DEFAULT_TEXT = "Votre code est {code}. Ne le donnez à personne."

IPV6_OF_ONE = 64
"""Bits of an IPv6 address that all addresses of one connection share."""

RETRIEVER_BYTES = 140
"""The longest message that Android's SMS Retriever reads."""

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_APP_HASH = re.compile(r"[0-9A-Za-z+/]{11}")
_PURPOSE = re.compile(r"[0-9A-Za-z_.:-]{1,64}")

PLACE = b"octoworker codes: number and purpose"
CODE = b"octoworker codes: code"
ADDRESS = b"octoworker codes: address"


class CodeRefused(ValueError):  # noqa: N818 - as the other readers' refusals: told in the words of the argument
    """What is wrong, after the name of the argument."""

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")


def code_of(verification: str, key: str) -> str:
    """The code of a verification, with its zeros in front."""
    digest = hmac.new(key.encode(), CODE + verification.encode(), sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 10**DIGITS:0{DIGITS}}"


def name_of(key: str) -> str:
    """Tells the key under which a code was made from another one, and nothing else."""
    return hmac.new(key.encode(), b"octoworker codes: name", sha256).hexdigest()[:8]


def place_of(number: str, purpose: str, keys: Sequence[str]) -> list[str]:
    """Where the verification of a number (E.164) for a purpose is found: under the first key, or an older one."""
    written = PLACE + purpose.encode() + b"\0" + number.encode()
    return [hmac.new(key.encode(), written, sha256).hexdigest()[:32] for key in keys]


def address_of(ip: str, key: str) -> str:
    """An address as it is counted: who reads Redis cannot tell it. Of IPv6 the network, as one caller has 2^64 addresses of it."""
    return (
        hmac.new(key.encode(), ADDRESS + network_of(ip).encode("utf-8", "replace"), sha256).hexdigest()[:24]
        if ip
        else ""
    )


def network_of(ip: str) -> str:
    """Whom an address belongs to; what is none stands for itself."""
    try:
        found = ip_address(ip)
    except ValueError:
        return ip
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ip_network((int(found), IPV6_OF_ONE), strict=False))


def message_id_of(verification: str, send: int) -> str:
    """The id of the message that carries a code the nth time: lib/codes.lua computes the same."""
    return f"{verification[:30]}{send:02x}"


def guessed(verification: str, code: str, keys: Sequence[str]) -> Mapping[str, bool]:
    """For each key, by its name, whether this is its code. Takes as long for a wrong one as for the right one."""
    bare = "".join(code.split()).encode("utf-8", "replace")
    return {name_of(key): hmac.compare_digest(code_of(verification, key).encode(), bare) for key in keys}


def text_of(code: str, text: str, domain: str | None, app_hash: str | None) -> str:
    """The text of the message. CodeRefused: it cannot carry the code."""
    if text.count("{code}") != 1:
        raise CodeRefused("text", "write {code} in it once, where the code stands.")
    said = text.replace("{code}", code)
    if domain and app_hash:
        raise CodeRefused(
            "app_hash", "a message carries the line for browsers or the one for an app: give domain or app_hash."
        )
    if domain:
        if not _DOMAIN.fullmatch(domain):
            raise CodeRefused("domain", "write the bare name of the site in small letters, as in example.com.")
        return f"{said}\n\n@{domain} #{code}"
    if app_hash:
        if not _APP_HASH.fullmatch(app_hash):
            raise CodeRefused("app_hash", "it has 11 characters, as Google's tool prints them.")
        said = f"{said}\n{app_hash}"
        if len(said.encode()) > RETRIEVER_BYTES:
            raise CodeRefused(
                "text", f"Android reads at most {RETRIEVER_BYTES} bytes; with app_hash this has {len(said.encode())}."
            )
    return said


def purpose_of(purpose: str) -> str:
    """CodeRefused: it is none."""
    if not isinstance(purpose, str) or not _PURPOSE.fullmatch(purpose):
        raise CodeRefused("purpose", "use 1 to 64 letters, digits and . _ : -, as in login.")
    return purpose
