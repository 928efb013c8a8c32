"""The status page as HTML: the board, the latest messages, the story of one. Every number is masked, no text is shown.

Made of strings, for there is little of it; all that comes from outside goes through `escape`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import escape
from importlib.resources import files

from octoworker.sms.record import Record, State, mask
from octoworker.store import Board, Lane, assessment
from octoworker.store.assessment import Grade, span, worst

STYLE = files("octoworker.web").joinpath("page.css").read_text(encoding="utf-8")

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect x='3' y='6' width='26' "
    "height='18' rx='6' fill='%230f766e'/%3E%3Cpath d='M9 22v6l7-6' fill='%230f766e'/%3E%3Cpath d='M9 13h14M9 18h9' "
    "stroke='%23fff' stroke-width='2.4' stroke-linecap='round'/%3E%3C/svg%3E"
)

POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded and nothing runs: the one style is known by its hash, and there is no script."""

EVERY = 5
"""Seconds after which the page looks again."""

TONES = {
    State.ACCEPTED: "good",
    State.DELIVERED: "good",
    State.REJECTED: "bad",
    State.DEAD: "bad",
    State.UNDELIVERED: "bad",
    State.EXPIRED: "bad",
    State.UNKNOWN: "warn",
    State.WAITING: "warn",
    State.CANCELLED: "dim",
}

NOT_READABLE = "This user of Redis may count, and not read records. To see messages here, give this process the user <b>worker</b>."


def board(seen: Board, latest: Sequence[Record] | None) -> str:
    """The front page. `latest` None: they may not be read."""
    parts = [
        _banner(seen),
        f'<section class="cards">{"".join(_cards(seen))}</section>',
        '<div class="columns">',
        f"<section><h2>Lanes</h2>{_lanes(seen)}</section>",
        f"<section><h2>Messages by state</h2>{_states(seen)}</section>",
        "</div>",
        f"<section><h2>Latest messages</h2>{_latest(latest)}</section>",
    ]
    return _whole("octoworker", "".join(parts), refresh=True, at=seen.states_at)


def story(record: Record) -> str:
    """Everything that happened to one message."""
    cost = f"{record.cost} {record.currency or ''}" if record.cost else None
    facts = {
        "Lane": record.lane,
        "Ticket": record.ticket,
        "Error code": record.error_code,
        "Cost": cost,
        "Segments": record.segments,
        "Attempts": record.attempts,
        "Accepted here": _full(record.created_at),
        "Due": _full(record.due_at),
        "Goes out": _full(record.goes_out_at),
    }
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts.items() if value is not None
    )
    moves = "".join(
        f'<li><time datetime="{move.at.isoformat()}">{_moved(move.at)}</time>{_state(move.state)}'
        f"<span>{escape(move.reason)}</span></li>"
        for move in record.history
    )
    people = "".join(_person(*each) for each in _people(record))
    parts = [
        '<p class="back"><a href="/">← All messages</a></p>',
        f'<h2 class="title"><code>{record.message_id}</code> {_state(record.state)}</h2>',
        f'<p class="why">{escape(record.reason)}</p>' if record.reason else "",
        f'<dl class="facts">{shown}</dl>',
        '<div class="columns">',
        f'<section><h2>What happened</h2><ol class="story">{moves}</ol></section>',
        f"<section><h2>Recipients</h2><table><tbody>{people}</tbody></table></section>",
        "</div>",
    ]
    return _whole(f"{record.message_id[:8]} · octoworker", "".join(parts), refresh=not record.final)


def locked() -> str:
    return _notice("Locked", "Open this page once with <code>?token=…</code> in its address: the token you gave it.")


def missing() -> str:
    return _notice("Not here", 'No message has this id, or it is older than records are kept. <a href="/">Back</a>')


def away(reason: str) -> str:
    return _notice(
        "Redis is away", f"{escape(reason)} Nothing is sent until it is back; nothing is lost.", refresh=True
    )


def _notice(title: str, sentence: str, *, refresh: bool = False) -> str:
    return _whole(title, f'<section class="notice"><h2>{title}</h2><p>{sentence}</p></section>', refresh=refresh)


def _whole(title: str, body: str, *, refresh: bool, at: datetime | None = None) -> str:
    again = f'<meta http-equiv="refresh" content="{EVERY}">' if refresh else ""
    when = f'<p class="when">{_full(at)}, looks again every {EVERY} s</p>' if at else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{again}'
        f'<link rel="icon" href="{ICON}"><style>{STYLE}</style></head><body>'
        f'<header><h1><a href="/">octoworker</a></h1>{when}'
        '<form action="/" method="get"><label for="message">Message</label>'
        '<input id="message" name="message" placeholder="its id" spellcheck="false" autocomplete="off">'
        "<button>Find</button></form></header>"
        f"<main>{body}</main></body></html>"
    )


GRADES = {Grade.OK: "good", Grade.WARNING: "warn", Grade.PROBLEM: "bad"}


def _banner(seen: Board) -> str:
    """What a person should know before anything else, or that there is nothing."""
    found = assessment.of(seen)
    said = "".join(
        f'<p><b>{escape(each.name.capitalize())}:</b> {escape(each.says)} <span class="do">{escape(each.do)}</span></p>'
        for each in found
    )
    return (
        f'<div class="banner {GRADES[worst(found)]}" role="status">{said or f"<p><b>{assessment.CALM}</b></p>"}</div>'
    )


def _cards(seen: Board) -> Iterable[str]:
    oldest = max((lane.oldest or timedelta() for lane in seen.lanes.values()), default=timedelta())
    hidden = any(lane.oldest is None for lane in seen.lanes.values())
    money = seen.currency or ""
    yield _card("Workers", "?" if seen.workers is None else f"{len(seen.workers)}", _readers(seen))
    yield _card("In flight", f"{seen.in_flight:,}", f"{seen.due_soon:,} due within a minute")
    yield _card("Oldest waiting", "?" if hidden else span(oldest), f"clock {seen.due_lag.total_seconds():.1f} s behind")
    yield _card("Pace", f"{seen.pace:.1f}", "segments a second, last minute")
    yield _card("Breaker", seen.breaker, "does Octopush answer?", "good" if seen.breaker == "closed" else "bad")
    yield _card(
        "Account hold", seen.account_hold or "off", "is the account accepted?", "bad" if seen.account_hold else "good"
    )
    yield _card("Balance", "?" if seen.balance is None else f"{seen.balance:,}", money or "not known yet")
    yield _card("Spent today", f"{seen.spent.normalize():,f}", f"{money} for {seen.segments:,} segments".strip())


def _readers(seen: Board) -> str:
    """How many of them read each lane."""
    if seen.workers is None:
        return "not shown to this user of Redis"
    return ", ".join(f"{lane} {seen.readers(lane)}" for lane in seen.lanes)


def _card(name: str, value: str, note: str, tone: str = "") -> str:
    return (
        f'<div class="card {tone}"><h3>{escape(name)}</h3><p class="figure">{escape(value)}</p>'
        f'<p class="note">{escape(note)}</p></div>'
    )


def _lanes(seen: Board) -> str:
    rows = "".join(
        f'<tr><th scope="row">{name}{" <i>paused</i>" if {name, "all"} & {*seen.paused} else ""}</th><td>{lane.queued:,}</td>'
        f"<td>{lane.backlogged:,}</td><td>{_oldest(lane)}</td></tr>"
        for name, lane in seen.lanes.items()
    )
    heads = "<th>Lane</th><th>Queued</th><th>Held back</th><th>Oldest</th>"
    return f'<table class="figures"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _oldest(lane: Lane) -> str:
    if lane.oldest is None:
        return "?"
    return span(lane.oldest) if lane.queued or lane.backlogged else "-"


def _states(seen: Board) -> str:
    """A bar for each state, as long as its share of the largest."""
    most = max([1, *seen.states.values()])
    rows = "".join(
        f"<li>{_state(State(name))}{_bar(count / most)}<b>{count:,}</b></li>" for name, count in seen.states.items()
    )
    return f'<ul class="bars">{rows}</ul>'


def _bar(share: float) -> str:
    """Drawn, because the policy knows no style of a single element."""
    return (
        '<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{100 * share:.2f}" height="1"/></svg>'
    )


def _latest(latest: Sequence[Record] | None) -> str:
    if latest is None:
        return f'<p class="empty">{NOT_READABLE}</p>'
    if not latest:
        return '<p class="empty">No message yet.</p>'
    rows = "".join(_row(record) for record in latest)
    heads = "<th>Since</th><th>Message</th><th>State</th><th>Lane</th><th>To</th><th>Why</th>"
    return f'<table class="latest"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _row(record: Record) -> str:
    since = record.history[-1].at if record.history else None
    people = _people(record)
    more = f" +{len(people) - 1:,}" if len(people) > 1 else ""
    to = escape(people[0][0] + more) if people else ""
    return (
        f'<tr><td class="since"><time>{_since(since)}</time></td>'
        f'<td class="id"><a href="/message/{record.message_id}"><code>{record.message_id[:12]}…</code></a></td>'
        f'<td class="state">{_state(record.state)}</td><td class="lane">{escape(record.lane)}</td><td class="to">{to}</td>'
        f'<td class="reason">{escape(record.reason)}</td></tr>'
    )


def _people(record: Record) -> list[tuple[str, str, str]]:
    """Masked number, state and code of each recipient; before Octopush has answered, as they were asked for."""
    if record.recipients:
        return [
            (mask(number), str(result.get("state") or ""), str(result.get("error_code") or ""))
            for number, result in record.recipients.items()
        ]
    asked = record.arguments.get("recipients")
    numbers = [asked] if isinstance(asked, str) else asked if isinstance(asked, list) else []
    return [(mask(number) if isinstance(number, str) else "…", "", "") for number in numbers]


def _person(number: str, state: str, code: str) -> str:
    reply = _state(State(state)) if state in {each.value for each in State} else escape(state)
    return f"<tr><td>{escape(number)}</td><td>{reply}</td><td>{escape(code)}</td></tr>"


def _state(state: State) -> str:
    return f'<span class="badge {TONES.get(state, "moving")}">{state.value}</span>'


def _since(at: datetime | None) -> str:
    """The time of day, and the day when it was not today."""
    return f"{at:%Y-%m-%d %H:%M}" if at and at.date() != datetime.now(UTC).date() else _scheduler(at)


def _moved(at: datetime) -> str:
    """The same with its second: in a story it matters what came how soon after what."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at.date() != datetime.now(UTC).date() else _scheduler(at)


def _scheduler(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}" if at else ""


def _full(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else None
