"""What can be made to go wrong, and to which calls.

A fault is a kind, how often it still strikes, whom it strikes, and the kind's own options. KINDS is the whole list: what
each one needs, whether the call is nevertheless taken (the handset rings), and whether its answer can be read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

FOREVER = -1
"""`times` of a fault that strikes until it is cleared."""
REQUIRED = object()
CALLS = ("sms", "balance", "credit", "cancel", "parameters")
"""What a call is about, in both generations: the money left is `credit`, the SMS it would pay are `balance`."""
APIS = ("legacy", "v1")


@dataclass(frozen=True)
class Kind:
    """One way to go wrong. `accepts` is only the default where `accept` is an option."""

    story: str
    accepts: bool = True
    readable: bool = True
    options: Mapping[str, object] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    "code": Kind("refuses the call with this code", accepts=False, options={"code": REQUIRED}),
    "slow": Kind("takes the call, answers late", options={"seconds": 1.0}),
    "late_booking": Kind(
        "takes the key of a send, says nothing; the handset rings so many seconds after the caller has gone",
        options={"seconds": 1.0, "hold": 30.0},
    ),
    "hang_before": Kind("reads, takes nothing, hangs up", accepts=False, readable=False, options={"seconds": 30.0}),
    "hang_after": Kind("takes the call, says nothing, hangs up", readable=False, options={"seconds": 30.0}),
    "reset_before": Kind("takes nothing, resets the connection", accepts=False, readable=False),
    "reset_after": Kind("takes the call, resets the connection", readable=False),
    "cut": Kind("takes the call, sends half of the answer", readable=False),
    "html": Kind("answers 200 with a web page", readable=False, options={"accept": True}),
    "status": Kind(
        "answers with this HTTP status",
        readable=False,
        options={"status": REQUIRED, "accept": False, "retry_after": "", "body": ""},
    ),
    "drip": Kind("takes the call, answers byte by byte", options={"seconds": 0.01}),
    "partial": Kind("these numbers fail, the others are taken", options={"codes": REQUIRED}),
    "refuse": Kind("nobody can connect for a while", accepts=False, readable=False, options={"seconds": 1.0}),
    "gate": Kind("the call stands until the gate is opened", options={"name": REQUIRED, "when": "before"}),
}


@dataclass(frozen=True)
class Fault:
    """One scripted fault. `recipient` is E.164 or None for everybody, `call` one of CALLS, `api` None for both."""

    id: int
    kind: str
    times: int
    recipient: str | None = field(repr=False)
    call: str
    options: Mapping[str, object] = field(repr=False)
    api: str | None = None

    @property
    def accepts(self) -> bool:
        """Whether a struck call is taken all the same, so that its handsets ring."""
        return bool(self.options.get("accept", KINDS[self.kind].accepts))

    @property
    def readable(self) -> bool:
        """Whether the caller gets an answer it can read a code from."""
        return KINDS[self.kind].readable

    @property
    def seconds(self) -> float:
        return float(str(self.options["seconds"]))

    @property
    def codes(self) -> Mapping[str, str]:
        """The numbers that fail, each with its code."""
        codes = self.options.get("codes")
        return codes if isinstance(codes, Mapping) else {}

    def strikes(self, api: str, call: str, recipients: Collection[str]) -> bool:
        return (
            self.call == call and self.api in {None, api} and (self.recipient is None or self.recipient in recipients)
        )

    def stands(self, when: str) -> bool:
        """Whether a call must stand at this fault's gate before ("before") or after ("after") it is taken."""
        return self.kind == "gate" and self.options["when"] == when


class Faults:
    """The faults that still have something to strike. Safe to use from any thread."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self.latest = 0
        """The id of the youngest fault ever scripted."""
        self._active: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Script one more fault; it gets its id."""
        with self._lock:
            self.latest += 1
            fault = replace(fault, id=self.latest)
            self._active.append(fault)
        self._changed()
        return fault

    def take(self, api: str, call: str, recipients: Collection[str]) -> Fault | None:
        """The oldest fault that strikes this call, one strike used up; None when the call is spared."""
        with self._lock:
            fault = next((fault for fault in self._active if fault.strikes(api, call, recipients)), None)
            if fault is not None and fault.times != FOREVER:
                self._spend(fault)
        if fault is not None:
            self._changed()
        return fault

    def active(self) -> list[Fault]:
        with self._lock:
            return list(self._active)

    def drop(self, unwanted: Callable[[Fault], bool]) -> None:
        """Take out the faults that `unwanted` points at."""
        with self._lock:
            self._active = [fault for fault in self._active if not unwanted(fault)]
        self._changed()

    def _spend(self, fault: Fault) -> None:
        at = self._active.index(fault)
        left = fault.times - 1
        self._active[at : at + 1] = [replace(fault, times=left)] if left > 0 else []
