# ruff: noqa: INP001 - a script's other half, not a package
"""The diagrams as SVG. Plain shapes and words; they follow the reader's light or dark mode where the viewer does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise

from layers import place
from packages import Graph
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
  .implied { fill: none; stroke: #cdd6de; stroke-width: 1; marker-end: url(#pale) }
  .letter { font-weight: 700; font-size: 13px; fill: #1c2733 }
  .round { fill: #ffffff; stroke: #9aa9b6 }
  .page { fill: #ffffff }
  .tip { fill: #5b7083 }
  .pale { fill: #cdd6de }
  @media (prefers-color-scheme: dark) {
    text, .letter { fill: #e6edf3 } .small { fill: #9fb0bf } .page { fill: #11161c }
    .box { fill: #1d2833; stroke: #8aa0b4 } .final { fill: #173026; stroke: #63b188 } .doubt { fill: #352a12; stroke: #d3a447 }
    .ours { fill: #1b2740; stroke: #7d9fe0 } .round { fill: #11161c; stroke: #5b7083 } .arrow { stroke: #8aa0b4 } .tip { fill: #8aa0b4 }
    .implied { stroke: #33414e } .pale { fill: #33414e }
    .group { stroke: #5b7083 }
  }
"""

TIPS = "".join(
    f'<defs><marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
    f'<path class="{name}" d="M0 0 L10 5 L0 10 z"/></marker></defs>'
    for name in ("tip", "pale")
)

HALF = (62, 24)
"""Half of a state's box: width, height."""

FLOOR, MARGIN, GAP, FOOT = 92, 30, 26, 64
"""The picture of the packages, in px: height of a floor, room around the picture, room between two boxes, room for the words."""

LOOKS = {"gateway": "final", "sandbox": "doubt"}
"""Boxes that shall be noticed: the one that knows the provider, and the one that stands in for it."""

Point = tuple[int, int]


def page(width: int, height: int, title: str, shapes: Iterable[str]) -> str:
    """A whole SVG file."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            TIPS,
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
    letters = "".join(
        f'<circle class="round" cx="{x}" cy="{y}" r="11"/><text class="letter" x="{x}" y="{y}">{arrow.letter}</text>'
        for x, y in arrow.at
    )
    # A path ends in one tip only, so each line is a path of its own.
    paths = [f'<path class="arrow" d="M{line}"/>' for line in arrow.drawn.removeprefix("M").split(" M")]
    words = [
        f'<text class="small" x="{x}" y="{y}">{escape(text)}</text>'
        for text, x, y in ([arrow.note] if arrow.note else [])
    ]
    return (
        f'<g data-letter="{arrow.letter}" data-from="{" ".join(arrow.sources)}" data-to="{arrow.target}">'
        f"<title>{arrow.letter}: {' or '.join(arrow.sources)} to {arrow.target}</title>"
        f"{''.join(paths)}{letters}{''.join(words)}</g>"
    )


def packages(graph: Graph) -> str:
    """Which part imports which. `data-from` and `data-to` of an arrow name its boxes, for the test."""
    widths = {box: 2.0 * _half(box, graph)[0] for box in graph.modules}
    layout = place(graph.floors, graph.plain, graph.arrows - graph.plain, widths, GAP)
    height = MARGIN + FLOOR * len(graph.floors) + FOOT
    middles = {
        box: (round(MARGIN + layout.at[box]), height - FOOT - FLOOR * graph.floor_of[box] + FLOOR // 2)
        for box in graph.modules
    }
    width = max(x + _half(box, graph)[0] for box, (x, _) in middles.items()) + MARGIN
    arrows = sorted(graph.arrows, key=lambda arrow: (arrow in graph.plain, arrow))
    drawn = (
        _import(arrow, middles, [round(MARGIN + x) for x in layout.through.get(arrow, ())], graph) for arrow in arrows
    )
    boxes = [
        box(
            *middles[each],
            each,
            LOOKS.get(each, "ours" if _size(each, graph) else "box"),
            _half(each, graph),
            _size(each, graph),
        )
        for each in sorted(graph.modules)
    ]
    words = (
        f"{graph}. Green: knows the provider. Yellow: stands in for it.",
        "A box stands above all that it imports. A pale arrow adds nothing to that order.",
    )
    foot = [
        f'<text class="small" x="{width // 2}" y="{height - 20 * n - 20}">{escape(line)}</text>'
        for n, line in enumerate(reversed(words))
    ]
    return page(width, height, "Which part of octoworker imports which", [*drawn, *boxes, *foot])


def _half(box: str, graph: Graph) -> tuple[int, int]:
    return (58, 25) if _size(box, graph) else (56, 17)


def _size(box: str, graph: Graph) -> str:
    """How many modules are in it; nothing for a module."""
    count = graph.modules[box]
    return f"{count} modules" if count > 1 else ""


def _import(arrow: tuple[str, str], middles: Mapping[str, Point], through: Sequence[int], graph: Graph) -> str:
    """An arrow from the lower edge of the box that imports to the upper edge of the imported one."""
    importer, imported = arrow
    (x, y), (to_x, to_y) = middles[importer], middles[imported]
    points = [
        (x, y + _half(importer, graph)[1]),
        *((each, y + FLOOR * n) for n, each in enumerate(through, 1)),
        (to_x, to_y - _half(imported, graph)[1]),
    ]
    line = f"M{points[0][0]} {points[0][1]}"
    for (from_x, from_y), (next_x, next_y) in pairwise(points):
        middle = (from_y + next_y) // 2
        line += f" C{from_x} {middle} {next_x} {middle} {next_x} {next_y}"
    kind = "arrow" if arrow in graph.plain else "implied"
    return (
        f'<g data-from="{importer}" data-to="{imported}"><title>{importer} imports {imported}</title>'
        f'<path class="{kind}" d="{line}"/></g>'
    )
