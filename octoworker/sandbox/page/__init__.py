"""The page at `/`: a few files beside this one, no outside resource, and a policy that forbids any."""

from __future__ import annotations

from pathlib import Path

from octoworker.sandbox.form import Request
from octoworker.sandbox.guard import is_foreign
from octoworker.sandbox.replies import HTML, Reply

FOLDER = Path(__file__).parent
SCRIPT = "text/javascript; charset=utf-8"
FILES = {
    "/": ("index.html", HTML),
    "/page/style.css": ("style.css", "text/css; charset=utf-8"),
    "/page/handsets.css": ("handsets.css", "text/css; charset=utf-8"),
    **{
        f"/page/{name}.js": (f"{name}.js", SCRIPT)
        for name in ("page", "wall", "head", "faults", "callbacks", "control", "dom")
    },
}
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:"
"""Texts come from anywhere: even if one slipped through as markup, it could load nothing and call nobody."""
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "no-store"),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
)


def served(request: Request) -> Reply | None:
    """A file of the page, None when there is no such. Read anew each time, so that its author need not restart."""
    if request.path not in FILES or is_foreign(request):
        return None
    name, content_type = FILES[request.path]
    return Reply((FOLDER / name).read_bytes(), content_type, headers=HEADERS)
