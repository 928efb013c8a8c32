"""`octoworker.otp`: one-time codes by SMS.

started = otp.start(user.phone, purpose="login", ip=request.ip, domain="example.com")
session["otp"] = started.id
...
if otp.check(session["otp"], form["code"]).ok: ...
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from octoworker import environment
from octoworker.client.client import Client, client, not_taken
from octoworker.errors import PayloadError, SettingsError, StoreError
from octoworker.sms import codes, identity, recipient
from octoworker.sms.policy import Policy
from octoworker.sms.shapes import SmsType
from octoworker.store import codes as store
from octoworker.store.budget import within
from octoworker.telemetry import events

LONGEST_GUESS = 32
"""Characters of a guess; a longer one is a wrong one."""


@dataclass(frozen=True)
class Started:
    """A verification. It says nothing of whether the number exists, so it may be told to anybody."""

    id: str
    """Keep it in the session: `check` asks for it."""
    message_id: str | None
    """The message with the code; None when none was sent: too many were, or the guard refused it."""
    resend_at: datetime
    """Before this, `start` sends nothing new."""
    expires_at: datetime
    suspicion: str = ""
    """Why the guard suspects that somebody pumps SMS: for your log, and for nobody outside."""


@dataclass(frozen=True)
class Checked:
    """What a guess was worth."""

    outcome: store.Guess
    left: int = 0
    """Guesses that are left after a wrong one."""

    @property
    def ok(self) -> bool:
        """Whether the number is verified. It is said once for a code."""
        return self.outcome == "ok"


def start(
    phone: str,
    *,
    purpose: str,
    ip: str | None = None,
    domain: str | None = None,
    app_hash: str | None = None,
    text: str = codes.DEFAULT_TEXT,
    sender: str | None = None,
    sms_type: SmsType | None = None,
) -> Started:
    """Send a code to a number, which proves `purpose` ("login", "new number", ...) for five minutes.

    Asked again, it goes on with the same code: within 30 seconds, and while the message is on its way, nothing rings once more;
    after five sends or five wrong guesses nothing goes until it expires. `domain` appends the line by which browsers fill the code
    in (WebOTP), `app_hash` the one for Android's SMS Retriever. `ip`: who asks, for the guard (OCTOWORKER_CODE_GUARD).

    Raises PayloadError for what is no mobile number or no text for a code, SettingsError without OCTOWORKER_CODE_KEYS, and
    EnqueueError when Redis does not answer within a second: ask again, it is the same code.
    """
    mine, keys = client(), _keys()
    number = _number(phone)
    try:
        places = codes.place_of(number, codes.purpose_of(purpose), keys)
        codes.text_of("0" * codes.DIGITS, text, domain, app_hash)
    except codes.CodeRefused as refused:
        raise PayloadError([str(refused)]) from None
    address = codes.address_of(str(ip or "").strip()[:64], keys[0])
    begun = _begun(mine, places, codes.name_of(keys[0]), recipient.country_of(number), address)
    message_id = None
    if begun.outcome in {"send", "same"}:
        key = next((each for each in keys if codes.name_of(each) == begun.key), keys[0])
        message_id = codes.message_id_of(begun.id, begun.send)
        message = {
            "recipients": number,
            "text": codes.text_of(codes.code_of(begun.id, key), text, domain, app_hash),
            "transactional": True,
            "lane": "urgent",
            "expires_at": begun.expires_at,
            "sender": sender,
            "sms_type": sms_type,
        }
        mine.enqueue_code({name: value for name, value in message.items() if value is not None}, message_id)
    if begun.suspicion:
        events.emit("code.suspected", message_id=message_id or "", reason=begun.suspicion, outcome=begun.outcome)
    return Started(begun.id, message_id, begun.resend_at, begun.expires_at, begun.suspicion)


def check(verification: str, code: str) -> Checked:
    """Whether this is the code: ok, wrong (with the guesses that are left), expired, or locked after five guesses.

    Each call is a guess, however many come at once. The right code is `ok` once; used again it is expired, as an id that nobody
    knows is. EnqueueError: Redis does not answer, and the guess may count.
    """
    mine, keys = client(), _keys()
    known = str(verification)[: 2 * identity.ID_LENGTH]
    if not identity.is_message_id(known):
        known = "0" * identity.ID_LENGTH  # what no verification has: it is asked for as any other
    guesses = codes.guessed(known, str(code)[:LONGEST_GUESS], keys)
    try:
        with within(mine.budget):
            return Checked(*mine.store.codes.check(known, guesses))
    except StoreError as error:
        raise not_taken(error) from None


def _begun(mine: Client, places: list[str], key: str, country: str, address: str) -> store.Verification:
    try:
        with within(mine.budget):
            return mine.store.codes.start(
                identity.new_message_id(), places, key, country=country, address=address, guard=_guard()
            )
    except StoreError as error:
        raise not_taken(error) from None


def _number(phone: Any) -> str:
    try:
        return recipient.read(str(phone), Policy(region=environment.load().region))
    except recipient.NumberRefused as refused:
        raise PayloadError([f"phone: {refused}"]) from None


def _keys() -> tuple[str, ...]:
    """The secrets that codes are made with, the newest first."""
    try:
        found = environment.number_keys(environment.secret(os.environ, environment.CODE_KEYS))
    except ValueError as error:
        raise SettingsError([f"{environment.CODE_KEYS}: {error}."]) from None
    if not found:
        raise SettingsError(
            [f"{environment.CODE_KEYS}: one-time codes need a secret, as `openssl rand -hex 32` draws it."]
        )
    return found


def _guard() -> store.Guard:
    try:
        return environment.code_guard(os.environ.get(environment.CODE_GUARD, ""))
    except ValueError as error:
        raise SettingsError([f"{environment.CODE_GUARD}: {error}."]) from None
