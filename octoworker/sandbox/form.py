"""The fields of a request, however a client chose to send them.

Clients that work against the real service use form POST, multipart, GET, and POST with everything in the query string.
A JSON body is not understood: it counts as no field at all, which is code 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """One HTTP request, read to its last byte."""

    method: str
    target: str
    content_type: str
    body: bytes = b""
    keep: bool = True
    """Whether the caller wants the connection to carry another call."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By name in lower case; of a header sent twice the last one counts."""

    @property
    def path(self) -> str:
        """The path without query and without the trailing slash, which is optional everywhere."""
        return urlsplit(self.target).path.rstrip("/") or "/"

    @property
    def query(self) -> dict[str, str]:
        """The fields in the query string; of a field sent twice the last one counts."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True, errors="replace"))

    def fields(self) -> dict[str, str]:
        """The fields of query and body together; the body wins."""
        return self.query | (self._body_fields() if self.method == "POST" else {})

    def _body_fields(self) -> dict[str, str]:
        if self.content_type.startswith("multipart/form-data"):
            return _multipart(self.content_type, self.body)
        if self.content_type.startswith("application/json"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = [part for part in message.iter_parts() if part.get_param("name", header="content-disposition")]
    return {
        str(part.get_param("name", header="content-disposition")): _text(part.get_payload(decode=True))
        for part in parts
    }


def _text(payload: object) -> str:
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
