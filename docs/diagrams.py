# ruff: noqa: INP001 - a script's other half, not a package
"""The diagrams as SVG. Plain shapes and words; they follow the reader's light or dark mode where the viewer does."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from states import ARROWS, BOXES, Arrow

from octoworker.sms.record import FINAL, State

STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #1c2733; text-anchor: middle; dominant-baseline: central }
  .small { font-size: 12.5px; fill: #51606e }
  .left { text-anchor: start }
  .box { fill: #eef3f8; stroke: #5b7083; stroke-width: 1.5 }
  .final { fill: #e3f2ea; stroke: #3d7a5a }
  .doubt { fill: #fdf1d8; stroke: #a87a1c }
  .ours { fill: #e7eefb; stroke: #4466a8 }
  .group { fill: none; stroke: #9aa9b6; stroke-width: 1.2; stroke-dasharray: 2 4 }
  .arrow { fill: none; stroke: #5b7083; stroke-width: 1.5; marker-end: url(#tip) }
  .never { stroke-dasharray: 5 5; stroke: #a9b5bf }
  .letter { font-weight: 700; font-size: 13px; fill: #1c2733 }
  .round { fill: #ffffff; stroke: #9aa9b6 }
  .page { fill: #ffffff }
  .tip { fill: #5b7083 }
  @media (prefers-color-scheme: dark) {
    text, .letter { fill: #e6edf3 } .small { fill: #9fb0bf } .page { fill: #11161c }
    .box { fill: #1d2833; stroke: #8aa0b4 } .final { fill: #173026; stroke: #63b188 } .doubt { fill: #352a12; stroke: #d3a447 }
    .ours { fill: #1b2740; stroke: #7d9fe0 } .round { fill: #11161c; stroke: #5b7083 } .arrow { stroke: #8aa0b4 } .tip { fill: #8aa0b4 }
    .never { stroke: #4a5a68 } .group { stroke: #5b7083 }
  }
"""

TIP = (
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
    '<path class="tip" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
)

HALF = (62, 24)
"""Half of a state's box: width, height."""


def page(width: int, height: int, title: str, shapes: Iterable[str]) -> str:
    """A whole SVG file."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            TIP,
            f'<rect class="page" width="{width}" height="{height}"/>',
            *shapes,
            "</svg>",
            "",
        ]
    )


def box(x: int, y: int, words: str, kind: str = "box", half: tuple[int, int] = HALF, small: str = "") -> str:
    """A box with a word in it, and perhaps a smaller line below."""
    wide, high = half
    lifted = y - 9 if small else y
    below = f'<text class="small" x="{x}" y="{y + 11}">{escape(small)}</text>' if small else ""
    return (
        f'<rect class="{kind}" x="{x - wide}" y="{y - high}" width="{2 * wide}" height="{2 * high}" rx="8"/>'
        f'<text x="{x}" y="{lifted}">{escape(words)}</text>{below}'
    )


def group(x: int, y: int, width: int, height: int, words: str) -> str:
    """A dotted frame around what belongs together."""
    return (
        f'<rect class="group" x="{x}" y="{y}" width="{width}" height="{height}" rx="12"/>'
        f'<text class="small left" x="{x + 10}" y="{y + 14}">{escape(words)}</text>'
    )


def states() -> str:
    """The lettered diagram. `data-from` and `data-to` of an arrow name its moves, for the test."""
    frames = [
        group(60, 30, 210, 510, "not on its way out yet"),
        group(720, 30, 400, 510, "over: only better knowledge moves it"),
        group(270, 610, 430, 100, "over, and not sent"),
    ]
    boxes = [box(*BOXES[state], state, _kind(state)) for state in BOXES]
    return page(
        1150, 800, "The states of a message and the moves between them", [*frames, *map(_arrow, ARROWS), *boxes]
    )


def _kind(state: str) -> str:
    if state == State.UNKNOWN:
        return "doubt"
    return "final" if State(state) in FINAL else "box"


def _arrow(arrow: Arrow) -> str:
    kind = "arrow never" if arrow.dashed else "arrow"
    letters = "".join(
        f'<circle class="round" cx="{x}" cy="{y}" r="11"/><text class="letter" x="{x}" y="{y}">{arrow.letter}</text>'
        for x, y in arrow.at
    )
    # A path ends in one tip only, so each line is a path of its own.
    paths = [f'<path class="{kind}" d="M{line}"/>' for line in arrow.drawn.removeprefix("M").split(" M")]
    words = [
        f'<text class="small" x="{x}" y="{y}">{escape(text)}</text>'
        for text, x, y in ([arrow.note] if arrow.note else [])
    ]
    return (
        f'<g data-letter="{arrow.letter}" data-from="{" ".join(arrow.sources)}" data-to="{arrow.target}">'
        f"<title>{arrow.letter}: {' or '.join(arrow.sources)} to {arrow.target}</title>"
        f"{''.join(paths)}{letters}{''.join(words)}</g>"
    )


def house() -> str:
    """The way of a message through the house."""
    wide = (105, 28)
    line = '<path class="arrow" d="{}"/>'
    word = '<text class="small" x="{}" y="{}">{}</text>'
    ways = (
        ("M250 72 H345", "1 write", 300, 58),
        ("M250 90 C300 90 300 180 345 180", "and publish", 300, 205),
        ("M555 180 H685", "2 take", 630, 166),
        ("M790 152 V108", "", 0, 0),
        ("M685 66 H555", "3 claim", 630, 52),
        ("M895 80 H970", "", 0, 0),
        ("M1110 80 H1210", "4 call", 1172, 66),
        ("M1040 108 V202", "", 0, 0),
        ("M970 220 C930 205 920 150 880 108", "", 0, 0),
        ("M685 94 H555", "5 settle", 630, 110),
        ("M555 290 C600 290 640 335 685 338", "6 due", 600, 280),
        ("M555 390 C600 390 640 360 685 356", "its turn", 600, 402),
        ("M760 312 C720 240 640 205 555 194", "7 ring again", 618, 246),
    )
    shapes = [
        group(20, 20, 250, 430, "your web app"),
        group(325, 20, 250, 430, "Redis"),
        group(665, 20, 465, 430, "every worker"),
        box(145, 80, "client", "ours", wide, "enqueue, status, cancel"),
        box(450, 80, "record", "doubt", wide, "ow:message:ID"),
        box(450, 180, "job", "box", wide, "sms.urgent, sms, sms.bulk"),
        box(450, 290, "due set", "box", wide, "ow:due"),
        box(450, 390, "flow control", "box", wide, "ow:backlog:*, ow:flow-control"),
        box(790, 80, "dispatch", "ours", wide, "claim, submit, settle"),
        box(790, 180, "tasks", "ours", wide, "Celery's side"),
        box(790, 340, "clock", "ours", wide, "five times a second"),
        box(1040, 80, "gateway", "ours", (70, 28), "HTTP"),
        box(1040, 230, "verdict, retry", "ours", (70, 28), "what it means"),
        box(1275, 80, "Octopush", "box", (65, 28)),
    ]
    for drawn, words, x, y in ways:
        shapes += [line.format(drawn), *([word.format(x, y, words)] if words else [])]
    return page(1360, 470, "The way of a message through the house", shapes)
