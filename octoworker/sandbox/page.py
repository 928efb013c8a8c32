"""The page at `/`: one file, no outside resource, and a policy that forbids any."""

from __future__ import annotations

from pathlib import Path

from octoworker.sandbox.replies import HTML, Reply

FILE = Path(__file__).with_name("page.html")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"
"""Texts come from anywhere: even if one slipped through as markup, it could load nothing and call nobody."""


def home() -> Reply:
    """The page. Read anew each time, so that who works on it need not restart."""
    headers = (("Content-Security-Policy", POLICY), ("Cache-Control", "no-store"), ("X-Frame-Options", "DENY"))
    return Reply(FILE.read_bytes(), HTML, headers=headers)
