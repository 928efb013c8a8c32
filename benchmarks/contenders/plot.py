"""The plot of docs/performance.md: CPU per message of each contender and its Redis, as bars. Plain SVG, written by hand."""

from __future__ import annotations

from html import escape

WIDTH, LEFT, ROW, TOP = 860, 330, 26, 64
BAR = WIDTH - LEFT - 110
OURS, OTHERS, REDIS = "#0b7285", "#adb5bd", "#e8590c"


def drawn(found):
    """Two readings a row: the bar is CPU, of the workers and then of Redis, the text beside it their sum and the rate."""
    rows = sorted(found["contenders"].items(), key=lambda row: row[1]["sum_us"])
    most = max(row["sum_us"] for _, row in rows)
    height = TOP + ROW * len(rows) + 16
    note = (
        "Workers with all their processes, then Redis (orange), user + system; beside it the sum, and SMS per second. "
        f"Medians of {found['rounds']} runs, {found['machine']['machine']}."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="24" font-size="16" font-weight="bold" fill="#212529">CPU per SMS, microseconds (shorter is better)</text>',
        f'<text x="16" y="44" fill="#495057">{escape(note)}</text>',
    ]
    for number, (name, row) in enumerate(rows):
        parts += _row(TOP + ROW * number, name, row, BAR / most)
    return "\n".join([*parts, "</svg>", ""])


def _row(y, name, row, scale):
    colour = OURS if name.startswith("octoworker") else OTHERS
    middle, length, redis = y + ROW * 0.66, max(1.0, row["cpu_us"] * scale), max(1.0, row["redis_us"] * scale)
    return [
        f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end" fill="#212529">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{y + 4}" width="{length:.0f}" height="{ROW - 8}" rx="2" fill="{colour}"/>',
        f'<rect x="{LEFT + length:.0f}" y="{y + 4}" width="{redis:.0f}" height="{ROW - 8}" rx="2" fill="{REDIS}"/>',
        f'<text x="{LEFT + length + redis + 6:.0f}" y="{middle:.0f}" fill="#495057">{row["sum_us"]:,.0f} · {row["per_s"]:,.0f}/s</text>',
    ]
