"""Whatever went wrong on the way, as the one error of ours that says what is proven: not sent, or maybe sent.

"Not sent" needs proof, because a wrong "not sent" makes a handset ring twice, and a wrong "maybe" costs only one more
call with the same key. So "maybe" is the answer to everything that no table here names.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException

from urllib3 import exceptions as urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from octoworker.errors import BusyError, GatewayError, MaybeSentError, UnreachableError

LONGEST_WAIT = 86400.0
"""Seconds. A day: a server that asks for more is mistaken, and the key would be forgotten by then."""


class TooLongError(Exception):
    """The answer is larger than any answer can be."""


class EncodedError(Exception):
    """The answer is compressed, and that was not asked for."""


_UNSENT: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.NameResolutionError, "The name of Octopush's server could not be resolved"),
    (urllib3.NewConnectionError, "Octopush's server refused the connection or cannot be reached"),
    (urllib3.ProxyError, "The proxy made no connection to Octopush's server"),
    (urllib3.TimeoutError, "No connection to Octopush's server was made in time"),
    (TimeoutError, "No connection to Octopush's server was made in time"),
    (ssl.SSLError, "No trusted connection to Octopush's server: TLS failed"),
    (CertificateError, "No trusted connection to Octopush's server: TLS failed"),
    (UnicodeError, "The text holds half a character, which cannot be written"),
)
"""Why nothing left, from the most special to the most general."""

_MAYBE: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "Octopush did not answer in time"),
    (TooLongError, "Octopush's answer is too long to be one"),
    (EncodedError, "Octopush's answer is compressed, which was not asked for"),
    (OSError, "The connection broke before a whole answer had come"),
    (HTTPException, "The connection broke before a whole answer had come"),
)


def of_exception(error: Exception, *, unsent: bool) -> GatewayError:
    """The call broke. `unsent` is the connections' proof that no byte of the request left this machine."""
    if unsent:
        return UnreachableError(_sentence(_UNSENT, error, "No connection to Octopush's server was made"))
    return MaybeSentError(_sentence(_MAYBE, error, "Octopush's answer could not be understood"))


def of_status(status: int, headers: Mapping[str, str]) -> GatewayError:
    """A status that comes in place of an answer: it speaks for the servers in front of the API.

    Only 429 says that the call was turned away unread. The other 4xx sound like it too, but who sent them, and
    before or after the API had the request, cannot be seen from here; so they are a maybe, as are 3xx and 5xx. A date to wait
    for is read by the clock of the server that wrote it.
    """
    wait = retry_after(headers.get("Retry-After", ""), _date(headers.get("Date", "")) or datetime.now(UTC))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return BusyError("Octopush has too many calls and turned this one away (HTTP 429)", retry_after=wait)
    return MaybeSentError(f"Octopush's server gave HTTP {status} instead of an answer", retry_after=wait)


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds to wait, from 0 to a day, out of a Retry-After header: a number or a date (RFC 9110). None: not readable."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        seconds = float(value)
    else:
        at = _date(value)
        if at is None:
            return None
        seconds = (at - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _date(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _sentence(table: tuple[tuple[type[Exception], str], ...], error: Exception, otherwise: str) -> str:
    return next((sentence for kind, sentence in table if isinstance(error, kind)), otherwise)
