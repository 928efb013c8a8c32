"""The frame of every page: its head, its search, its styles, and the rules that a browser keeps for it."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files

from octoworker.telemetry.escape import html as escape


def _read(name: str) -> str:
    return files("octoworker.web").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


STYLE, SCRIPT = _read("page.css"), _read("page.js")

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect x='3' y='6' width='26' "
    "height='18' rx='6' fill='%230f766e'/%3E%3Cpath d='M9 22v6l7-6' fill='%230f766e'/%3E%3Cpath d='M9 13h14M9 18h9' "
    "stroke='%23fff' stroke-width='2.4' stroke-linecap='round'/%3E%3C/svg%3E"
)

POLICY = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded from elsewhere. The one style and the one script are known by their hashes; the script asks this server
for the same page again, and nothing else."""

EVERY = 5
"""Seconds after which the page looks again."""

SEARCH = (
    '<form action="/" method="get" role="search"><label for="message">Message</label>'
    '<input id="message" name="message" placeholder="its id" spellcheck="false" autocomplete="off">'
    "<button>Find</button></form>"
)

PAUSE = (
    '<button id="pause" type="button" class="plain" aria-pressed="false" hidden>Pause updates</button>'
    '<span id="stale" role="status" class="warn badge" hidden>not updated: no answer</span>'
)


def whole(title: str, body: str, *, refresh: bool = False, at: datetime | None = None, search: bool = True) -> str:
    """A page. `refresh`: it looks again by itself; the parts named by `data-part` are what is replaced then."""
    when = f'<p class="when" data-part="when">{full(at)}</p>' if at else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{ICON}"><style>{STYLE}</style></head><body data-every="{EVERY if refresh else 0}">'
        f'<header><h1><a href="/">octoworker</a></h1>{when}{PAUSE if refresh else ""}{SEARCH if search else ""}</header>'
        f"<main>{body}</main><script>{SCRIPT}</script></body></html>"
    )


def notice(title: str, content: str, *, refresh: bool = False, search: bool = True) -> str:
    """A page that says one thing. `content` is HTML of ours."""
    return whole(title, f'<section class="notice"><h2>{title}</h2>{content}</section>', refresh=refresh, search=search)


def part(name: str, content: str, tag: str = "div", look: str = "") -> str:
    """What is replaced as one when the page looks again."""
    return f'<{tag} data-part="{name}"{f" class={look!r}" if look else ""}>{content}</{tag}>'


def time(at: datetime | None, shown: str) -> str:
    """An instant, as a person and as a machine reads it. Everything here is in UTC, and says so."""
    return f'<time datetime="{at.isoformat(timespec="milliseconds")}">{shown} UTC</time>' if at else ""


def since(at: datetime | None) -> str:
    """The time of day, and the day when it was not today."""
    if at is None:
        return ""
    return time(at, f"{at:%Y-%m-%d %H:%M}" if at.date() != datetime.now(UTC).date() else _of_day(at))


def moved(at: datetime) -> str:
    """The same with its second: in a story it matters what came how soon after what."""
    return time(at, f"{at:%Y-%m-%d %H:%M:%S}" if at.date() != datetime.now(UTC).date() else _of_day(at))


def full(at: datetime | None) -> str:
    return time(at, f"{at:%Y-%m-%d %H:%M:%S}") if at else ""


def _of_day(at: datetime) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
