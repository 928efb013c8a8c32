"""Bytes of JSON or XML become one plain tree of dicts, lists and scalars, so that the two formats are read as one.

What Octopush says in XML lands in the shape of its JSON: tags become names, a repeated tag becomes a list, and tags
told apart by a `type` (the two balances) become a dict by type. All values of XML stay text.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from octoworker.gateway.readings import UnreadableError, parsed, trimmed

DEPTH = 4
"""Levels of XML below the root that are looked at. Octopush uses three."""


def tree(body: bytes, form: Literal["json", "xml"]) -> dict[str, Any]:
    """The body as a dict. Raises UnreadableError, and whatever the parsers raise, for anything that is none."""
    found = {"json": parsed, "xml": _xml}[form](trimmed(body))
    if not isinstance(found, dict):
        raise UnreadableError
    return found


def _xml(body: bytes) -> Any:
    return _branch(fromstring(body, forbid_dtd=True), DEPTH)


def _branch(element: Element, depth: int) -> Any:
    if not len(element) or not depth:
        return (element.text or "").strip()
    twigs: defaultdict[str, list[Element]] = defaultdict(list)
    for child in element:
        twigs[child.tag].append(child)
    return {tag: _joined(children, depth - 1) for tag, children in twigs.items()}


def _joined(elements: list[Element], depth: int) -> Any:
    if all("type" in element.attrib for element in elements):
        return {element.attrib["type"]: _branch(element, depth) for element in elements}
    if len(elements) == 1:
        return _branch(elements[0], depth)
    return [_branch(element, depth) for element in elements]
