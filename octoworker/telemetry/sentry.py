"""Reports bugs to Sentry when the extra `sentry` is installed and OCTOWORKER_SENTRY_DSN (or SENTRY_DSN) is set. Otherwise this does nothing.

Only bugs are reported: a refused message is none. What goes out is picked, not filtered: the kind of the error, and the files,
functions and lines that led to it. No value of a variable, no text of an error that is not ours, no breadcrumb, no address.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from octoworker.errors import OctoworkerError

try:
    import sentry_sdk
except ImportError:
    HERE = False
else:
    HERE = True

KEPT = ("event_id", "timestamp", "platform", "level", "release", "environment", "sdk")
"""Of an event."""

KEPT_OF_FRAMES = ("filename", "function", "module", "lineno", "in_app")

KEPT_TAGS = ("job_id", "message_id")

FAREWELL = 2.0
"""Seconds that a worker which ends waits for Sentry."""

_on = False


def start(dsn: str, **options: Any) -> None:
    """Tell bugs from now on. "": do not. `options` are sentry_sdk's, for tests."""
    global _on  # noqa: PLW0603 - one per process is the point
    if not (HERE and dsn):
        return
    sentry_sdk.init(
        dsn=dsn,
        before_send=scrubbed,
        # Its integrations attach the arguments of jobs, the commands to Redis and the lines of the log.
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        server_name="",
        **options,
    )
    _on = True


def stop() -> None:
    """Send what is still to be sent, for a moment, and nothing after that."""
    global _on  # noqa: PLW0603 - one per process is the point
    if _on:
        _on = False
        with contextlib.suppress(Exception):
            sentry_sdk.get_client().close(timeout=FAREWELL)
            sentry_sdk.get_global_scope().set_client(None)


def bug(error: BaseException, **tags: str) -> None:
    """Tell one bug. Never raises."""
    if not _on:
        return
    with contextlib.suppress(Exception), sentry_sdk.new_scope() as scope:
        for name, value in tags.items():
            scope.set_tag(name, value)
        sentry_sdk.capture_exception(error)


def scrubbed(event: Any, hint: Mapping[str, Any]) -> Any:
    """What may leave this machine of an event."""
    error = (hint.get("exc_info") or (None, None, None))[1]
    kept = {name: event[name] for name in KEPT if name in event}
    kept["tags"] = {name: value for name, value in dict(event.get("tags") or {}).items() if name in KEPT_TAGS}
    kept["exception"] = {
        "values": [_exception(each, error) for each in (event.get("exception") or {}).get("values", [])]
    }
    return kept


def _exception(reply: Mapping[str, Any], error: BaseException | None) -> dict[str, Any]:
    """Its kind and its way. Its sentence only when it is ours: others quote what they stumbled over."""
    ours = isinstance(error, OctoworkerError) and reply.get("type") == type(error).__name__
    frames = (reply.get("stacktrace") or {}).get("frames", [])
    picked = [{name: frame[name] for name in KEPT_OF_FRAMES if name in frame} for frame in frames]
    return {
        "type": reply.get("type"),
        "module": reply.get("module"),
        "value": str(error) if ours else "",
        "stacktrace": {"frames": picked},
    }
