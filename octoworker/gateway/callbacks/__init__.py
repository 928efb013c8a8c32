"""The calls that a provider makes to us: a body goes in, callbacks come out. Pure; both API generations share one reader.

1. `values`  what a call brings, in no provider's words; and what it is kept as when it cannot be read.
2. `words`   the operator's words in receipts, and what each means for a recipient.
3. `bodies`  the body: a form or JSON, whatever its Content-Type says; one event or many.
4. `fields`  the fields of one event, with the names that each generation and its clients give them.

Whoever calls is unknown and nothing is signed: a call never fails. What is no callback comes out as Unreadable.
"""

from __future__ import annotations

from octoworker.gateway.callbacks import bodies, fields
from octoworker.gateway.callbacks.values import Callback, Kind, Unreadable
from octoworker.gateway.callbacks.words import Delivery, Word, meaning

__all__ = ["Callback", "Delivery", "Kind", "Unreadable", "Word", "meaning", "read"]


def read(body: bytes, path_kind: Kind | None = None) -> list[Callback | Unreadable]:
    """Everything that a call brings, in its order. `path_kind`: what the address says that it is; its own fields count more.

    The caller has limited the size of the body. Sources: the pages on acknowledge-receipt, inbounds and opt-out management.
    """
    found = bodies.events(body)
    if isinstance(found, Unreadable):
        return [found]
    return [fields.callback(event, path_kind) for event in found]
