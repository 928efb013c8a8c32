"""The plot of docs/performance.md: CPU per message of each contender, as bars. Plain SVG, written by hand."""

from __future__ import annotations

from html import escape

WIDTH, LEFT, ROW, TOP = 860, 330, 26, 64
BAR = WIDTH - LEFT - 110
OURS, OTHERS = "#0b7285", "#adb5bd"


def drawn(found):
    """Two readings a row: the bar is CPU, the text beside it adds the rate."""
    rows = sorted(found["contenders"].items(), key=lambda row: row[1]["cpu_us"])
    most = max(row["cpu_us"] for _, row in rows)
    height = TOP + ROW * len(rows) + 16
    note = (
        "Whole worker process tree, user + system; beside it SMS per second. "
        f"Medians of {found['rounds']} runs, {found['machine']['machine']}."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="24" font-size="16" font-weight="bold" fill="#212529">CPU per SMS, microseconds (shorter is better)</text>',
        f'<text x="16" y="44" fill="#495057">{escape(note)}</text>',
    ]
    for number, (name, row) in enumerate(rows):
        parts += _row(TOP + ROW * number, name, row, max(1.0, BAR * row["cpu_us"] / most))
    return "\n".join([*parts, "</svg>", ""])


def _row(y, name, row, length):
    colour = OURS if name.startswith("octoworker") else OTHERS
    middle = y + ROW * 0.66
    return [
        f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end" fill="#212529">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{y + 4}" width="{length:.0f}" height="{ROW - 8}" rx="2" fill="{colour}"/>',
        f'<text x="{LEFT + length + 6:.0f}" y="{middle:.0f}" fill="#495057">{row["cpu_us"]:,.0f} · {row["per_s"]:,.0f}/s</text>',
    ]
