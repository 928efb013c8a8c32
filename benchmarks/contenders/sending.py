"""What is sent, and the one function all contenders but octoworker send it with.

It is what a careful user writes: one `requests.Session` per thread, a timeout, the answer's code looked at.
"""

from __future__ import annotations

import os
import threading

import requests

TEXT = "Bonjour, votre rendez-vous est demain a 9 h 15. A bientot !"
REDIS_URL = os.environ.get("REDIS_URL", "")
ADDRESS = f"{os.environ.get('OCTOPUSH_URL', '')}/sms/json"
TIMEOUT = 10.0

_here = threading.local()


class NotAcceptedError(Exception):
    """The gateway did not answer 000."""


def numbers(count):
    """So many valid French mobile numbers."""
    return [f"+336{n:08d}" for n in range(count)]


def messages(count):
    """So many messages for one recipient each, as octoworker takes them."""
    return [{"recipients": number, "text": TEXT, "transactional": True} for number in numbers(count)]


def form(number, text):
    """The form fields that octoworker sends, too."""
    return {
        "user_login": os.environ["OCTOPUSH_USER_LOGIN"],
        "api_key": os.environ["OCTOPUSH_API_KEY"],
        "sms_recipients": number,
        "sms_text": text,
        "sms_type": "FR",
        "sms_sender": os.environ["OCTOWORKER_SENDER"],
        "transactional": "1",
    }


def ticket(response):
    answer = response.json()
    if answer["error_code"] != "000":
        raise NotAcceptedError(answer["error_code"])
    return answer["ticket"]


def send(number, text):
    """One message over this thread's session; its ticket."""
    if not hasattr(_here, "session"):
        _here.session = requests.Session()
    return ticket(_here.session.post(ADDRESS, data=form(number, text), timeout=TIMEOUT))
