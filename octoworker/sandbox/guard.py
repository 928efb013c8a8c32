"""Who may turn the controls: this machine's own programs and pages. A page from elsewhere, open in a browser here, may not.

The Host tells a page that has renamed itself to loopback (DNS rebinding), the Origin any other.
"""

from __future__ import annotations

from octoworker.sandbox.form import Request
from octoworker.sandbox.loopback import host_of, is_loopback


def is_foreign(request: Request) -> bool:
    """Whether a request names another machine as its host or its origin. Programs send no origin; `null` is foreign."""
    origin = request.headers.get("origin")
    return not is_loopback(host_of(f"//{request.headers.get('host', '')}")) or not (
        origin is None or is_loopback(host_of(origin))
    )
