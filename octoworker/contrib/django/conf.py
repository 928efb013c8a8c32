"""`OCTOWORKER = {...}` in Django's settings: octoworker's own settings without their prefix, and the few of this package.

An environment variable that is set counts more than the settings: it is what whoever deploys has at hand. What is wrong here is a
finding of `manage.py check`; it stops no project.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import Any

from django.conf import settings

OWN = {"DATABASE": None, "PUBLISH_ON_COMMIT": True}
"""The settings of this package, with their defaults. DATABASE: the alias of the outbox's database; None: as the routers say."""

PREFIXES = ("OCTOPUSH_", "REDIS_URL")
"""What is called the same in the environment. Everything else gets `OCTOWORKER_` in front."""


def given() -> Mapping[str, Any]:
    """What stands in the settings; nothing when it is no dict."""
    found = getattr(settings, "OCTOWORKER", {})
    return found if isinstance(found, Mapping) else {}


def own(name: str) -> Any:
    """A setting of this package."""
    return given().get(name, OWN[name])


def variable(name: str) -> str:
    """The environment variable that a name in the settings stands for."""
    return name if name.startswith(PREFIXES) else f"OCTOWORKER_{name}"


def as_environment() -> dict[str, str]:
    """The settings as environment variables. What has no form there is left out, and is a finding."""
    return {
        variable(name): text
        for name, value in given().items()
        if name not in OWN and isinstance(name, str) and (text := as_text(value)) is not None
    }


def as_text(value: object) -> str | None:
    """A value as a variable has it; None when it has no such form."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case list() | tuple() if all(isinstance(each, str) for each in value):
            return ",".join(value)
        case os.PathLike():
            return str(value)
    return None


def apply() -> None:
    """Give them to this process."""
    for name, text in as_environment().items():
        os.environ.setdefault(name, text)


def problems() -> list[str]:
    """What is wrong with the form of it, a sentence each."""
    found = getattr(settings, "OCTOWORKER", {})
    if not isinstance(found, Mapping):
        return ["OCTOWORKER in the settings must be a dict."]
    said = []
    for name, value in found.items():
        if not isinstance(name, str):
            said.append("OCTOWORKER: its keys must be strings.")
        elif name.startswith("OCTOWORKER_"):
            said.append(f"OCTOWORKER: write {name.removeprefix('OCTOWORKER_')} without the prefix.")
        elif name not in OWN and as_text(value) is None:
            said.append(f"OCTOWORKER: {name} must be a string, a number, a boolean or a list of strings.")
        elif name.upper() != name:
            near = difflib.get_close_matches(name.upper(), [*OWN], n=1)
            said.append(
                f"OCTOWORKER: {name} must be written in capitals{f'; did you mean {near[0]}?' if near else '.'}"
            )
    return said
