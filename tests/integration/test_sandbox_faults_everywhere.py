"""Every fault works for every call of both generations."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sandbox_caller import FORM, NUMBER, OTHER, V1


@dataclass(frozen=True)
class Kind:
    """One kind of call: how it is asked, what it is called in a fault, and its status when all is well."""

    api: str
    call: str
    method: str
    path: str
    status: int = 200
    body: Any = None

    def ask(self, caller):
        """Status, headers and body."""
        if self.api == "legacy":
            return caller.ask(self.method, self.path, urlencode(caller.fields()), FORM)
        login = {"api-login": caller.sandbox.user_login, "api-key": caller.sandbox.api_key}
        body = caller.body_v1() if self.call == "sms" else self.body
        return caller.ask(self.method, f"{V1}{self.path}", None if body is None else json.dumps(body), login)


KINDS = [
    Kind("legacy", "sms", "POST", "/api/sms/json"),
    Kind("legacy", "sms", "POST", "/api/sms"),
    Kind("legacy", "balance", "POST", "/api/balance/json"),
    Kind("legacy", "credit", "POST", "/api/credit/json"),
    Kind("v1", "sms", "POST", "/sms-campaign/send", 201),
    Kind("v1", "balance", "GET", "/wallet/check-credits"),
    Kind("v1", "credit", "GET", "/wallet/check-balance"),
    Kind("v1", "cancel", "DELETE", "/sms-campaign/cancel", 400, {"ticket_number": "none"}),
    Kind("v1", "parameters", "GET", "/user/campaign-parameters"),
    Kind("v1", "parameters", "PATCH", "/user/campaign-parameters/edit", 200, {"type": "sms_low_cost"}),
]
every = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.api} {kind.method} {kind.path}")


@every
def test_without_a_fault_the_call_is_answered(caller, kind):
    assert kind.ask(caller)[0] == kind.status


UNANSWERED = [
    ("hang_before", {"seconds": 0.01}, http.client.RemoteDisconnected),
    ("hang_after", {"seconds": 0.01}, http.client.RemoteDisconnected),
    ("reset_before", {}, ConnectionResetError),
    ("reset_after", {}, ConnectionResetError),
    ("cut", {}, http.client.IncompleteRead),
]


@every
@pytest.mark.parametrize(("fault", "options", "seen"), UNANSWERED)
def test_a_call_is_left_without_an_answer(sandbox, caller, kind, fault, options, seen):
    sandbox.fault(fault, call=kind.call, api=kind.api, **options)
    with pytest.raises(seen):
        kind.ask(caller)
    caller.close()
    assert kind.ask(caller)[0] == kind.status


OTHER_ANSWERS = [
    ("html", {}, 200, "text/html; charset=utf-8"),
    ("status", {"status": 503}, 503, "text/html; charset=utf-8"),
    ("status", {"status": 429, "retry_after": "7"}, 429, "text/html; charset=utf-8"),
    ("status", {"status": 200, "body": "{}"}, 200, "application/json; charset=utf-8"),
]


@every
@pytest.mark.parametrize(("fault", "options", "status", "content_type"), OTHER_ANSWERS)
def test_a_call_is_answered_with_something_else(sandbox, caller, kind, fault, options, status, content_type):
    sandbox.fault(fault, call=kind.call, api=kind.api, **options)
    got, headers, body = kind.ask(caller)
    assert (got, headers["Content-Type"]) == (status, content_type)
    assert headers["Retry-After"] == options.get("retry_after")
    assert body == options["body"].encode() if "body" in options else body.startswith(b"<!doctype")


@every
@pytest.mark.parametrize(("fault", "options"), [("slow", {"seconds": 0.01}), ("drip", {"seconds": 0.0001})])
def test_a_call_is_answered_late_but_whole(sandbox, caller, kind, fault, options):
    sandbox.fault(fault, call=kind.call, api=kind.api, **options)
    assert kind.ask(caller)[0] == kind.status
    assert sandbox.faults() == []


@every
def test_a_call_is_refused_with_a_code(sandbox, caller, kind):
    sandbox.fault("code", code="113", call=kind.call, api=kind.api)
    status, _, body = kind.ask(caller)
    assert status == (400 if kind.api == "v1" else 200)
    assert b"113" in body
    assert (b'"113"' in body) is (kind.api == "legacy" and kind.path.endswith("json"))


@every
def test_a_fault_of_one_api_spares_the_other(sandbox, caller, kind):
    other = {"legacy": "v1", "v1": "legacy"}[kind.api]
    sandbox.fault("reset_before", call=kind.call, api=other)
    assert kind.ask(caller)[0] == kind.status
    assert len(sandbox.faults()) == 1


@every
def test_every_call_is_counted(sandbox, caller, kind):
    kind.ask(caller)
    (call,) = sandbox.calls()
    assert (call["api"], call["call"], call["method"]) == (kind.api, kind.call, kind.method)
    assert sandbox.api_key not in str(call)


WHETHER_TAKEN = [("reset_before", False), ("reset_after", True), ("hang_before", False), ("hang_after", True)]


@pytest.mark.parametrize(("fault", "taken"), WHETHER_TAKEN)
def test_a_cancel_without_an_answer_cancels_or_not(sandbox, caller, fault, taken):
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ticket = caller.send_v1(send_at=at)[1]["sms_ticket"]
    sandbox.fault(fault, call="cancel", **({"seconds": 0.01} if "hang" in fault else {}))
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        caller.ask_v1("DELETE", "/sms-campaign/cancel", {"ticket_number": ticket})
    assert len(sandbox.state()["held"]) == (0 if taken else 1)


def test_an_empty_answer_is_cut_in_its_head(sandbox, caller):
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ticket = caller.send_v1(send_at=at)[1]["sms_ticket"]
    sandbox.fault("cut", call="cancel")
    with pytest.raises(http.client.HTTPException):
        caller.ask_v1("DELETE", "/sms-campaign/cancel", {"ticket_number": ticket})
    assert sandbox.state()["held"] == []


def test_numbers_that_fail_are_dropped_without_a_word(sandbox, caller):
    sandbox.fault("partial", codes={OTHER: "153"})
    recipients = [{"phone_number": NUMBER}, {"phone_number": OTHER}]
    assert caller.send_v1(recipients=recipients)[1]["number_of_contacts"] == 1
    assert list(sandbox.handsets()) == [NUMBER]


def test_a_code_of_the_login_has_its_status(sandbox, caller):
    sandbox.fault("code", code="403")
    assert caller.send_v1() == (403, {"code": 403, "message": "Forbidden."})


def test_success_without_a_ticket_can_be_scripted(sandbox, caller):
    sandbox.fault("status", status=200, body='{"code": 0}', accept=True)
    assert caller.send_v1() == (200, {"code": 0})
    assert len(sandbox.handsets()[NUMBER]) == 1
