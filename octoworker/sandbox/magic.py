"""Numbers with a fixed outcome, so that whoever tries an app by hand, or a whole environment, sees each of them.

They hold only where no test says otherwise: `receipt_words` comes first, and whoever said STOP before gets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, ...]] = {
    "+33750009901": ("ACK", "DELIVERED"),
    "+33750009902": ("ACK", "NOT_DELIVERED"),
    "+33750009903": ("BAD_DESTINATION",),
    "+33750009904": ("BLACKLISTED_NUMBER",),
    "+33750009905": (),
}
"""By number: the words of its receipts."""

ANSWERS: Mapping[str, str] = {
    "+33750009906": "STOP",
    "+33750009907": "Oui",
}
"""By number: what is typed on its handset when it has rung."""
