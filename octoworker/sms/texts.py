"""Texts in one form, and what is left in them of another medium.

A text is brought to this form before it is compared, counted, keyed or sent, so that the same words are the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from octoworker.sms import sizes


def canonical(text: str) -> str:
    """The text in NFC and with LF as its line end.

    macOS and PDF write é as two characters, which would make the SMS a Unicode one; CRLF would be billed as four units.
    """
    if not text.isascii():
        import unicodedata  # noqa: PLC0415 - most texts of a web app need none of it

        text = unicodedata.normalize("NFC", text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def mentions(text: str, some: Iterable[str]) -> bool:
    """Whether it has one of these as a word of its own."""
    return any(_as_a_word(each).search(text) for each in some)


@lru_cache
def _as_a_word(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_BY_NUMBER = frozenset({"&#39;", "&#x27;", "&#34;", "&#x22;", "&#160;", "&#xa0;"})
"""What Django, Jinja and Twig write. Others are not repeated: spelled out in numbers, a text would stand in the sentence."""

_WORDS: Mapping[str, str] = {" ": "a blank", "\u00a0": "a blank"}

_TAGS: Mapping[str, str] = {
    "br": "write a line end",
    **dict.fromkeys(("p", "div", "li", "ul", "ol", "tr", "hr", "h1", "h2", "h3", "h4", "h5", "h6"), "write line ends"),
    **dict.fromkeys(("b", "strong", "i", "em", "u", "span", "a", "font", "small", "center", "img"), "leave it out"),
    **dict.fromkeys(("table", "tbody", "td", "th", "html", "head", "body", "style", "script"), "leave it out"),
}
_TAG = re.compile(rf"</?({'|'.join(_TAGS)})(?:\s[^<>]{{0,200}})?/?>", re.IGNORECASE)


def html_remains(text: str) -> tuple[str, ...]:
    """What a template engine has left in a text that was rendered for HTML: a sentence for each kind, with the word to
    use. A sentence repeats the names of entities and tags only, and nothing else of the text."""
    return tuple(islice(dict.fromkeys((*_entities(text), *_tags(text))), sizes.REASONS))


def _entities(text: str) -> Iterator[str]:
    if "&" not in text:
        return
    import html  # noqa: PLC0415 - its table of 2,231 names is needed where there is an & only

    for found in _ENTITY.finditer(text):
        meant = html.unescape(found[0])
        if found[0] in _BY_NUMBER or (meant != found[0] and "#" not in found[0]):
            yield f'"{found[0]}" is written for HTML; write {_WORDS.get(meant, meant)}, or render the text unescaped.'
        elif meant != found[0]:
            yield '"&#...;" is written for HTML; write the sign itself, or render the text unescaped.'


def _tags(text: str) -> Iterator[str]:
    for found in _TAG.finditer(text):
        name = found[1].lower()
        yield f'"<{name}>" is written for HTML; {_TAGS[name]}.'
