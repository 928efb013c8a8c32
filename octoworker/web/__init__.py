"""Everything over HTTP: metrics for Prometheus, and a status page for people. Read-only.

1. `gauges`   the board of the store as metrics.
2. `access`   who may see the page: whoever has the token.
3. `page`     the board, the latest messages and the story of one as HTML; `page.css` is its style sheet.
4. `site`     which path is what.
5. `request`  a request and a response, and how bytes become the one and the other.
6. `server`   an HTTP server that cannot be starved.

Import from the modules themselves: Flower needs the gauges, and has no library for the server.
"""
