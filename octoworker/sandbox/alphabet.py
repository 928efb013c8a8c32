"""How Octopush counts a text: what it replaces, what it counts double, what turns the whole text into Unicode.

Source: the special characters page of the Octopush documentation, and its user documentation for the part sizes. On
purpose a second copy of the arithmetic: the sandbox must be able to disagree with octoworker.
"""

from __future__ import annotations

GSM = frozenset(
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà{}[]~€\n\r\t"
)
DOUBLED = frozenset("{}€[]~^¨|&$@\n\r\t")
"""Stricter than the GSM standard, where & $ @ and line breaks count once."""

REPLACED: dict[str, str] = {
    **dict(zip("ÀÁÂÃÈÊËÌÍÎÏÐÒÓÔÕÙÚÛÝŸ", "AAAAEEEIIIIDOOOOUUUYY", strict=True)),
    **dict(zip("áâãêëíîïðóôõúûýÿ", "aaaeeiiidooouuyy", strict=True)),
    **dict(zip("çµÞ°¨^«»|\\", 'cuyo--""I/', strict=True)),
    **dict(zip("\u2018\u2019\u201c\u201d\u2013\u2014\u2022", "''\"\"---", strict=True)),  # quotes, dashes, bullet
    "\u2026": "...",
}

ONE_PART = {"gsm": 160, "unicode": 70}
MANY_PARTS = {"gsm": 153, "unicode": 67}
"""Units per part once there are several; the documents also say 137 and 63, but the cap of 459 is 3 x 153."""


def shown(text: str) -> str:
    """The text as a handset shows it: Octopush replaces what its alphabet lacks, and leaves a Unicode text alone."""
    return "".join(REPLACED.get(char, char) for char in text) if is_gsm(text) else text


def is_gsm(text: str) -> bool:
    """Whether the text goes out in the 7-bit alphabet; one foreign character makes all of it Unicode."""
    return all(char in GSM or char in REPLACED for char in text)


def units(text: str) -> int:
    """The length Octopush bills: doubled characters are 2, a Unicode text counts in UTF-16 units."""
    if not is_gsm(text):
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return sum(2 if char in DOUBLED else len(REPLACED.get(char, char)) for char in text)


def segments(text: str) -> int:
    """How many SMS the text takes on one handset, at least 1."""
    alphabet, length = ("gsm" if is_gsm(text) else "unicode"), units(text)
    return 1 if length <= ONE_PART[alphabet] else -(-length // MANY_PARTS[alphabet])
