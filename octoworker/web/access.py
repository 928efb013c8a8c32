"""Access to the status page: the token opens it, in a header, or once in a form, which sets a cookie.

The cookie is not the token: it is made from it, so that a stolen one says nothing about the other, and a new token ends it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

COOKIE = "octoworker_status"

DAY = 24 * 3600


class Access:
    """One token. Every comparison takes the same time, whatever is shown."""

    def __init__(self, token: str) -> None:
        self._token = _digest(token)
        self._cookie = hmac.new(token.encode(), b"octoworker status page", sha256).hexdigest()

    def is_token(self, shown: str) -> bool:
        return hmac.compare_digest(_digest(shown), self._token)

    def may_see(self, headers: Mapping[str, str]) -> bool:
        """`Authorization: Bearer TOKEN`, or our cookie."""
        scheme, _, shown = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(shown.strip()):
            return True
        return hmac.compare_digest(_digest(_cookie(headers.get("Cookie", ""))), _digest(self._cookie))

    def cookie(self, *, secure: bool) -> str:
        """What the browser keeps: no script reads it, no other site sends it along with anything but a plain link."""
        parts = [f"{COOKIE}={self._cookie}", "Path=/", f"Max-Age={DAY}", "HttpOnly", "SameSite=Lax"]
        return "; ".join([*parts, "Secure"] if secure else parts)


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
