"""Octopush's HTTP. Nothing outside this room knows a field, an address or the shape of an answer.

1. `form`     what we ask: the account, the order, and the fields they become.
2. `lines`    the connections, which know whether a request could have left and when a call must end.
3. `http`     one call: out goes the form, back comes an answer or the one error that says what is known.
4. `bodies`   bytes of JSON or XML become one plain tree; `answers` reads that tree.
5. `faults`   whatever else came back, or nothing: was it sent? No, or maybe.
"""

from __future__ import annotations

from octoworker.gateway.gateway import Gateway
from octoworker.gateway.legacy.answers import Answer, Outcome
from octoworker.gateway.legacy.form import Account, Submit

__all__ = ["Account", "Answer", "Gateway", "Outcome", "Submit"]
