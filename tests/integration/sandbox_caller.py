"""A caller of the sandbox with nothing but the standard library: what Octopush's clients do, on a real socket."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NUMBER, OTHER = "+33612345678", "+33612345679"
TEXT = "Bonjour STOP au XXXXX"
TEXT_V1 = "Bonjour STOP au 30101"
V1 = "/v1/public"


class Caller:
    """One keep-alive connection to a sandbox, opened again when it was lost."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self._line = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)

    def close(self):
        self._line.close()

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body of one exchange."""
        self._line.request(method, path, body, headers or {})
        with self._line.getresponse() as response:
            return response.status, response.headers, response.read()

    def fields(self, **changes):
        """The fields of a good call, with some changed, and those set to None left out."""
        good = {
            "user_login": self.sandbox.user_login,
            "api_key": self.sandbox.api_key,
            "sms_recipients": NUMBER,
            "sms_text": TEXT,
            "sms_type": "FR",
            "sms_sender": "Octo",
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def post(self, path="/api/sms/json", **changes):
        return self.ask("POST", path, urlencode(self.fields(**changes)), FORM)

    def send(self, **changes):
        """The JSON answer to a call."""
        status, _, body = self.post(**changes)
        assert status == 200
        return json.loads(body)

    def send_xml(self, **changes):
        """The XML answer to a call."""
        return ET.fromstring(self.post("/api/sms", **changes)[2])

    def control(self, method, path, body=None):
        """Status and JSON document of one control."""
        status, _, answer = self.ask(method, f"/_sandbox/{path}", None if body is None else json.dumps(body))
        return status, json.loads(answer)

    def ask_v1(self, method, path, body=None, **headers):
        """Status and JSON document (None for none) of one exchange with the newer API."""
        login = {"api-login": self.sandbox.user_login, "api-key": self.sandbox.api_key}
        status, _, answer = self.ask(method, f"{V1}{path}", None if body is None else json.dumps(body), login | headers)
        return status, json.loads(answer) if answer else None

    def body_v1(self, **changes):
        """The body of a good call to send, with some members changed, and those set to None left out."""
        good = {
            "recipients": [{"phone_number": NUMBER}],
            "text": TEXT_V1,
            "type": "sms_premium",
            "purpose": "wholesale",
            "sender": "Octo",
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def send_v1(self, **changes):
        """Status and JSON document of a call to send."""
        return self.ask_v1("POST", "/sms-campaign/send", self.body_v1(**changes))
