# ruff: noqa: INP001 - a script's other half, not a package
"""Where the boxes of a graph stand: floors from the bottom up, and on each floor an order in which few arrows cross.

1. An arrow over several floors gets a place on each floor between, so that no box stands in its way.
2. Each floor is put in order by the middle of the places that it is joined to, up and down a few times.
3. Then every place moves towards that middle, as far as its neighbours leave it room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

ROUNDS = 60
"""Times that the order and the places are looked at again; both have long come to rest by then."""

STRAIGHT, NEAR, FAR = 6.0, 1.0, 0.15
"""How hard a place is pulled: along one long arrow, by an arrow with a way of its own, by any other."""

Place = tuple[str, ...]
"""A box, `("store",)`, or the point where an arrow crosses a floor, `("cli", "sandbox", "3")`."""

Pulls = dict[Place, dict[Place, float]]


@dataclass(frozen=True)
class Layout:
    """`at`: the middle of each box, in px from the left. `through`: where an arrow crosses the floors between, from above."""

    at: Mapping[str, float]
    through: Mapping[tuple[str, str], Sequence[float]]


def place(
    floors: Sequence[Sequence[str]],
    arrows: Iterable[tuple[str, str]],
    others: Iterable[tuple[str, str]],
    widths: Mapping[str, float],
    gap: float,
) -> Layout:
    """Place the boxes of these floors, lowest first. `arrows` get a way of their own; `others` are drawn behind the boxes."""
    floor_of = {box: floor for floor, boxes in enumerate(floors) for box in boxes}
    ways = {(upper, lower): _way(upper, lower, floor_of) for upper, lower in sorted(arrows)}
    rows: list[list[Place]] = [[(box,) for box in boxes] for boxes in floors]
    pulls: Pulls = {(box,): {} for box in floor_of}
    for (upper, _), way in ways.items():
        for floor, each in zip(range(floor_of[upper] - 1, -1, -1), way[1:-1], strict=False):
            rows[floor].append(each)
        for above, below in pairwise(way):
            _join(pulls, above, below, STRAIGHT if len(above) + len(below) > 2 else NEAR)
    for upper, lower in sorted(others):
        _join(pulls, (upper,), (lower,), FAR)
    _put_in_order(rows, pulls)
    room = {each: widths[each[0]] if len(each) == 1 else 0.0 for each in pulls}
    found = _spread(rows, pulls, room, gap)
    return Layout(
        {box: found[(box,)] for box in floor_of},
        {arrow: [found[each] for each in way[1:-1]] for arrow, way in ways.items()},
    )


def _way(upper: str, lower: str, floor_of: Mapping[str, int]) -> list[Place]:
    between = range(floor_of[upper] - 1, floor_of[lower], -1)
    return [(upper,), *((upper, lower, str(floor)) for floor in between), (lower,)]


def _join(pulls: Pulls, above: Place, below: Place, weight: float) -> None:
    pulls.setdefault(above, {})[below] = weight
    pulls.setdefault(below, {})[above] = weight


def _middle(each: Place, pulls: Pulls, at: Mapping[Place, float]) -> float:
    """Where the places that it is joined to would have it."""
    weights = pulls[each]
    if not weights:
        return at[each]
    return sum(at[other] * weight for other, weight in weights.items()) / sum(weights.values())


def _put_in_order(rows: list[list[Place]], pulls: Pulls) -> None:
    """Change the order of each row: joined places come to stand above each other, then neighbours are tried the other way."""
    for turn in range(ROUNDS):
        for row in rows if turn % 2 else reversed(rows):
            at = _numbered(rows)
            wanted = {each: _middle(each, pulls, at) for each in row}
            row.sort(key=wanted.__getitem__)
    fewest, before = _crossings(rows, pulls), -1
    while fewest != before:
        before = fewest
        for row in rows:
            for n in range(len(row) - 1):
                row[n : n + 2] = row[n + 1], row[n]
                if (found := _crossings(rows, pulls)) < fewest:
                    fewest = found
                else:
                    row[n : n + 2] = row[n + 1], row[n]


def _numbered(rows: Sequence[Sequence[Place]]) -> dict[Place, float]:
    """Each place's part of the way from the left end of its row to the right one."""
    return {each: (n + 0.5) / len(row) for row in rows for n, each in enumerate(row)}


def _crossings(rows: Sequence[Sequence[Place]], pulls: Pulls) -> int:
    """How often two arrows with ways of their own cross."""
    at, found = _numbered(rows), 0
    for row, above in pairwise(rows):
        higher = set(above)
        lines = [
            (at[low], at[high])
            for low in row
            for high, weight in pulls[low].items()
            if weight >= NEAR and high in higher
        ]
        found += sum((one[0] - two[0]) * (one[1] - two[1]) < 0 for one, two in combinations(lines, 2))
    return found


def _spread(
    rows: Sequence[Sequence[Place]], pulls: Pulls, room: Mapping[Place, float], gap: float
) -> dict[Place, float]:
    """Px from the left edge of the leftmost box."""
    at = {each: (n - len(row) / 2) * gap for row in rows for n, each in enumerate(row)}
    for turn in range(ROUNDS):
        for row in rows if turn % 2 else reversed(rows):
            at |= _apart(row, {each: _middle(each, pulls, at) for each in row}, room, gap)
    left = min(at[each] - room[each] / 2 for each in at)
    return {each: x - left for each, x in at.items()}


def _apart(
    row: Sequence[Place], wanted: Mapping[Place, float], room: Mapping[Place, float], gap: float
) -> dict[Place, float]:
    """The wanted places, moved until none overlaps: halfway between pushing all to the right and all to the left."""
    right, left = dict(wanted), dict(wanted)
    for before, each in pairwise(row):
        right[each] = max(right[each], right[before] + (room[before] + room[each]) / 2 + gap)
    for after, each in pairwise(reversed(row)):
        left[each] = min(left[each], left[after] - (room[after] + room[each]) / 2 - gap)
    return {each: (right[each] + left[each]) / 2 for each in row}
