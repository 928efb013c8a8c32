"""Testing an app that sends SMS: no Redis, no worker, and nothing goes out. `octoworker.testing` leads here.

def test_a_booking_is_confirmed(sms_outbox):
    book(user)
    assert sms_outbox.only().text == "..."
"""

from octoworker.client.testing.outbox import Outbox as Outbox
from octoworker.client.testing.outbox import RealSendError as RealSendError
from octoworker.client.testing.outbox import Sms as Sms
from octoworker.client.testing.outbox import outbox as outbox

__all__ = ["Outbox", "RealSendError", "Sms", "outbox"]
