# ruff: noqa: INP001 - a script that mkdocs loads, not a package
"""What the pages say for readers of the repository, made right for readers of the site."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"\]\(\.\./(?!images/)([\w./-]+\.md)(#[\w-]+)?\)")
"""A link to a page of the repository that the site does not have."""


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """The page, with those links leading to the repository."""
    if "/" in page.file.src_uri:
        return markdown
    return OUTSIDE.sub(rf"]({config.repo_url}/blob/main/\1\2)", markdown)
