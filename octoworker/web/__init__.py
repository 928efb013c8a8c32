"""What can be seen over HTTP: metrics for Prometheus, and a status page for people. Read-only.

1. `gauges`   the board of the store as metrics.
2. `access`   who may see the page: whoever has the token.
3. `page`     the board, the latest messages and the story of one as HTML; `page.css` is its look.
4. `server`   the standard library's HTTP server, and which path is what.
"""

from __future__ import annotations

from octoworker.web.gauges import Gauges
from octoworker.web.server import Server
from octoworker.web.site import Site

__all__ = ["Gauges", "Server", "Site"]
