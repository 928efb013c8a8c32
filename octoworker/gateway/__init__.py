"""The only package that knows a provider. Outside it, nobody decides by a provider's code, field, limit or shape of answer.

1. `gateway`      what everybody else may call: the Gateway, and what a Dialect offers.
2. `values`       what goes out and comes back, in no provider's words.
3. `dialects`     the API generations that can be spoken, by the name of their setting.
4. `legacy`       the first of them: how its form is written, how its answers are read, what its codes mean.
5. `transport`    one HTTP exchange, and the proof of whether its request could have left. For all dialects.
6. `connections`  the sockets below it, which know that and when a call must end.
7. `faults`       whatever else came back, or nothing: was it sent? No, or maybe.
8. `callbacks`    the calls that the provider makes to us: a body goes in, receipts, replies and STOPs come out.
"""

from __future__ import annotations

from octoworker.gateway.gateway import Configurable, Dialect, Gateway
from octoworker.gateway.values import (
    Account,
    Answer,
    Code,
    Credit,
    Event,
    Parameters,
    RecallRules,
    RecipientResult,
    Rules,
    Submit,
)

__all__ = [
    "Account",
    "Answer",
    "Code",
    "Configurable",
    "Credit",
    "Dialect",
    "Event",
    "Gateway",
    "Parameters",
    "RecallRules",
    "RecipientResult",
    "Rules",
    "Submit",
]
