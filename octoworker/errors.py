"""What can go wrong, sorted by the one question that matters: was the SMS sent?

    OctoworkerError
    ├── SettingsError            the environment is wrong; lists every wrong variable
    ├── PayloadError             the message is wrong; lists every wrong field
    ├── EnqueueError             Redis did not confirm that it took the message
    │   └── KeyConflictError     the idempotency key belongs to another message
    ├── CampaignSentError        this very campaign went out within the last day
    ├── UnknownMessageError      no record under this id
    ├── RefusedError             the asked change is not allowed in this state
    ├── StoreError               the record could not be read or written
    │   └── UnfitRedisError      nor ever will be: this Redis is a cluster, or lacks the database
    └── GatewayError             a submit that did not end in "accepted"
        ├── NotSentError         proven: the provider never had the message, or said no
        │   ├── UnreachableError     no connection, so not one byte of the request left
        │   ├── BusyError            HTTP 429: turned away unread, perhaps with Retry-After
        │   └── RefusedByProviderError   a definite no to this call; `kind` says for how long
        ├── MaybeSentError       the request may have arrived: only the same key may follow
        └── DuplicateKeyError    the provider already had a call with this key

Every message is one plain sentence, and none carries a number, a text or a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Literal, Self

Fault = Literal["no_recipient", "sender", "empty_text", "text_too_long", "text_too_long_for_low_cost", "stop_missing"]
"""What is wrong with a message, where a provider would refuse it too. Each API has a code of its own for it."""


class OctoworkerError(Exception):
    """The root of all our errors."""


class SettingsError(OctoworkerError):
    """The settings contradict each other or cannot be read. `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("The settings are wrong: " + " ".join(self.problems))


class PayloadError(OctoworkerError):
    """The message cannot be sent as it is. `problems` holds one sentence for each wrong field.

    `error_code` is the provider's own code when the provider would refuse it for the same reason, else None.
    """

    def __init__(self, problems: Sequence[str], error_code: str | None = None) -> None:
        self.problems = tuple(problems)
        self.error_code = error_code
        super().__init__(" ".join(self.problems))

    def __reduce__(self) -> tuple[type[PayloadError], tuple[tuple[str, ...], str | None]]:
        return type(self), (self.problems, self.error_code)


class EnqueueError(OctoworkerError):
    """The message was not taken as far as we know. With an idempotency key, trying again can never send it twice.

    Of a campaign, `campaign_id` is its id and `taken` how many people were taken by then: the same call goes on there.
    """

    campaign_id: str | None = None
    taken: int = 0

    def in_campaign(self, campaign_id: str, taken: int) -> Self:
        """The same error, with where its campaign stands."""
        error = type(self)(
            f"{self} Campaign {campaign_id}: {taken} people are taken; the same call goes on from there."
        )
        error.campaign_id, error.taken = campaign_id, taken
        return error


class KeyConflictError(EnqueueError):
    """The idempotency key already belongs to a message, or a campaign, with other content."""

    SENTENCE: ClassVar[str] = "idempotency_key: it already belongs to a {} with other content; use a new key."

    def __init__(self, sentence: str = SENTENCE.format("message")) -> None:
        super().__init__(sentence)

    @classmethod
    def of_campaign(cls) -> Self:
        """The key of a whole campaign."""
        return cls(cls.SENTENCE.format("campaign"))

    @classmethod
    def of_one_of_many(cls, place: int) -> Self:
        """Of many messages in one call, the one at this place, counted from 1."""
        return cls(f"message {place}: {cls()} The others were taken.")


class CampaignSentError(OctoworkerError):
    """This very campaign (text, options, rows) went out within the last day, as `campaign_id`. Nothing was taken."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(
            f"This campaign went out within the last day, as campaign {campaign_id}; force sends it again."
        )
        self.campaign_id = campaign_id

    def __reduce__(self) -> tuple[type[CampaignSentError], tuple[str]]:
        return type(self), (self.campaign_id,)


class UnknownMessageError(OctoworkerError):
    """There is no record under this message id: never taken, or older than the time records are kept."""

    def __init__(
        self, sentence: str = "No message has this id: it was never taken, or is older than records are kept."
    ) -> None:
        super().__init__(sentence)


class RefusedError(OctoworkerError):
    """The change is not allowed in the state the message is in; the sentence says which and why."""


class StoreError(OctoworkerError):
    """Redis could not be read or written. Nothing may be sent."""


class RecordError(StoreError):
    """Redis is there, and a record in it is not as octoworker writes it. Asking again gives the same answer."""


class UnfitRedisError(StoreError):
    """This Redis cannot hold our records, however often it is tried: another one must be named."""


class Kind(StrEnum):
    """What an answer proves, and so what can follow it. Each dialect of the gateway translates its codes into these."""

    SUCCESS = "success"
    """Only in a table of codes: no error has it."""
    DUPLICATE = "duplicate"
    """Done before, by us or by somebody else."""
    TRANSIENT = "transient"
    """A definite no for now."""
    ACCOUNT = "account"
    """A definite no to every message, until an operator mends the account. No message is to blame."""
    PERMANENT = "permanent"
    """A definite no to this message, for good."""
    MAYBE = "maybe"
    """The server failed and does not say where: the message may have gone out."""
    UNKNOWN = "unknown"
    """In no table, which may be older than the provider: held for an operator."""


class GatewayError(OctoworkerError):
    """A submit that did not end in "accepted". `reason` is one sentence, safe to show and to keep.

    `kind` decides what follows. `code` is the provider's own, for people, logs and metrics: nothing decides by it.
    """

    usual: ClassVar[Kind] = Kind.UNKNOWN
    """The kind of this class when nothing else is said."""

    def __init__(
        self,
        reason: str,
        *,
        kind: Kind | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        stops_account: bool = False,
        mended_by_credit: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = self.usual if kind is None else kind
        self.code = code
        self.retry_after = retry_after
        """Seconds that the provider asked us to wait, when it did."""
        self.stops_account = stops_account
        """No call can succeed until the account is mended: all sending stops."""
        self.mended_by_credit = mended_by_credit
        """Of an account that stopped: credit mends it, and nobody has to say so."""


class NotSentError(GatewayError):
    """Proven: the message did not go out with this call."""

    usual = Kind.TRANSIENT


class UnreachableError(NotSentError):
    """No connection was made: not one byte of the request left this machine."""


class BusyError(NotSentError):
    """The call was turned away unread (HTTP 429). A 503 may come after the work was done: that is a maybe."""


class RefusedByProviderError(NotSentError):
    """A definite no to this call. Without a `kind` nobody knows for how long: UNKNOWN."""

    usual = Kind.UNKNOWN


class MaybeSentError(GatewayError):
    """The request may have arrived and its outcome is unknown: only the same key may be sent again."""

    usual = Kind.MAYBE


class DuplicateKeyError(GatewayError):
    """The provider already had a call with this key, and ignored this one.

    It means "accepted" only to somebody who knows that the key was used before; the record knows.
    """

    usual = Kind.DUPLICATE
