"""The status page as HTML: the board, the latest messages, the story of one. Every number is masked, no text is shown.

Made of strings, for there is little of it; all that comes from outside goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from octoworker.sms.record import Record, State, mask
from octoworker.store import Board, Lane, assessment
from octoworker.store.assessment import Grade, span, worst
from octoworker.telemetry.escape import html as escape
from octoworker.web.frame import full, moved, notice, part, since, whole

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


def board(seen: Board, latest: Sequence[Record] | None, state: State | None = None) -> str:
    """The front page. `latest` None: they may not be read. `state`: those in this state alone."""
    parts = [
        part("banner", _banner(seen)),
        '<h2 class="unseen">Figures</h2>',
        part("cards", "".join(_cards(seen)), "section", "cards"),
        '<div class="columns">',
        part("lanes", f"<h2>Lanes</h2>{_lanes(seen)}", "section"),
        part("states", f"<h2>Messages by state</h2>{_states(seen, state)}", "section"),
        "</div>",
        FIND,
        part("latest", f"<h2>{_heading(state)}</h2>{_latest(latest)}", "section"),
    ]
    return whole("octoworker", "".join(parts), refresh=True, at=seen.states_at)


def _field(name: str, label: str, place: str) -> str:
    return (
        f'<label for="find-{name}">{label}</label> <input id="find-{name}" name="{name}" placeholder="{place}" '
        'maxlength="200" autocomplete="off" spellcheck="false">'
    )


_CHOICES = "".join(f"<option>{state.value}</option>" for state in State)

FIND = (
    '<details class="find"><summary>Find messages</summary><form method="post" action="/find" class="login">'
    + " ".join(
        _field(*each)
        for each in (
            ("number", "Number", "+33…"),
            ("reference", "Reference", "the whole of it"),
            ("campaign", "Campaign", "its id"),
            ("reason", "Reason", "a part, or a code"),
        )
    )
    + f' <label for="find-state">State</label> <select id="find-state" name="state"><option value="">any</option>{_CHOICES}'
    "</select> <button>Find</button></form></details>"
)
"""By what is known of them. In a body, so that no address holds a number."""


def found(records: Sequence[Record], says: str, *, readable: bool = True) -> str:
    """What a search has found. `readable`: records may be read."""
    said = f"<p>{escape(says)}</p>" if says else ""
    shown = _latest(records) if records else "" if readable else _latest(None)
    parts = [
        '<p class="back"><a href="/">← All messages</a></p>',
        FIND,
        f"<section><h2>Found</h2>{said}{shown}</section>",
    ]
    return whole("Found · octoworker", "".join(parts))


def _heading(state: State | None) -> str:
    return f'Messages: {state.value} <a class="all" href="/">show all</a>' if state else "Latest messages"


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
    }
    if record.hint:
        said = (
            f"perhaps {record.hint.word}: a receipt to its number, under the ticket {record.hint.ticket} of no message"
        )
        facts["Receipt"] = said
    elif record.no_receipt:
        facts["Receipt"] = record.no_receipt
    instants = {"Accepted here": record.created_at, "Due": record.due_at, "Goes out": record.goes_out_at}
    lines = {name: escape(str(value)) for name, value in facts.items() if value is not None}
    lines |= {name: full(at) for name, at in instants.items() if at}
    shown = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in lines.items())
    moves = "".join(
        f"<li>{moved(move.at)}{_state(move.state)}<span>{escape(move.reason)}</span></li>" for move in record.history
    )
    people = "".join(_person(*each) for each in _people(record))
    heads = _heads("Number", "State", "Code")
    parts = [
        '<p class="back"><a href="/">← All messages</a></p>',
        part("title", f"<code>{record.message_id}</code> {_state(record.state)}", "h2", "title"),
        part("why", escape(record.reason or ""), "p", "why"),
        part("facts", shown, "dl", "facts"),
        '<div class="columns">',
        part("story", f'<h2>What happened</h2><ol class="story">{moves}</ol>', "section"),
        part("people", f"<h2>Recipients</h2><table>{heads}<tbody>{people}</tbody></table>", "section"),
        part("replies", _replies(record), "section"),
        "</div>",
    ]
    return whole(f"{record.message_id[:8]} · octoworker", "".join(parts), refresh=not record.final)


def _replies(record: Record) -> str:
    """Who answered and when; what they wrote is for those who may see texts."""
    if not record.replies:
        return ""
    rows = "".join(
        f"<tr><td>{escape(mask(reply.number))}</td><td>{full(reply.arrived_at)}</td></tr>" for reply in record.replies
    )
    return f"<h2>Replies</h2><table>{_heads('Number', 'Came in')}<tbody>{rows}</tbody></table>"


def locked(place: str = "/", *, wrong: bool = False) -> str:
    """The token is asked for, and sent in the body of a POST, so that no address holds it. `place`: where to go then."""
    hint = '<p class="bad badge" id="wrong">That is not the token.</p>' if wrong else ""
    return notice(
        "Locked",
        f'{hint}<form method="post" action="/login" class="login"><input type="hidden" name="place" value="{escape(place)}">'
        '<label for="token">Token</label> <input id="token" name="token" type="password" required autofocus '
        f'autocomplete="current-password"{" aria-invalid=true aria-describedby=wrong" if wrong else ""}>'
        "<button>Open</button></form><p>It is what OCTOWORKER_STATUS_TOKEN is set to here.</p>",
        search=False,
    )


def missing() -> str:
    return notice(
        "Not here", '<p>No message has this id, or it is older than records are kept. <a href="/">Back</a></p>'
    )


def away(reason: str) -> str:
    return notice(
        "Redis is away", f"<p>{escape(reason)} Nothing is sent until it is back; nothing is lost.</p>", refresh=True
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
    yield _card(
        "Oldest waiting", "?" if hidden else span(oldest), f"scheduler {seen.due_lag.total_seconds():.1f} s behind"
    )
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
    return f'<table class="figures">{_heads("Lane", "Queued", "Held back", "Oldest")}<tbody>{rows}</tbody></table>'


def _heads(*names: str) -> str:
    return f"<thead><tr>{''.join(f'<th scope=col>{name}</th>' for name in names)}</tr></thead>"


def _oldest(lane: Lane) -> str:
    if lane.oldest is None:
        return "?"
    return span(lane.oldest) if lane.queued or lane.backlogged else "-"


def _states(seen: Board, chosen: State | None) -> str:
    """A bar for each state, as long as its share of the largest. Its badge shows the messages in it alone."""
    most = max([1, *seen.states.values()])
    rows = "".join(
        f"<li>{_filter(State(name), chosen)}{_bar(count / most)}<b>{count:,}</b></li>"
        for name, count in seen.states.items()
    )
    return f'<ul class="bars">{rows}</ul>'


def _filter(state: State, chosen: State | None) -> str:
    """A badge to press; pressing the one that is chosen shows all again."""
    place = 'href="/" aria-current="true"' if state is chosen else f'href="/?state={state.value}"'
    return f'<a class="badge {TONES.get(state, "moving")}" {place}>{state.value}</a>'


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
    heads = _heads("Since", "Message", "State", "Lane", "To", "Why")
    return f'<table class="latest">{heads}<tbody>{rows}</tbody></table>'


def _row(record: Record) -> str:
    people = _people(record)
    more = f" +{len(people) - 1:,}" if len(people) > 1 else ""
    to = escape(people[0][0] + more) if people else ""
    return (
        f'<tr><td class="since">{since(record.history[-1].at) if record.history else ""}</td>'
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
