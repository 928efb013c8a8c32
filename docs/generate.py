# ruff: noqa: INP001 - a script, not a package
"""Write what the docs say about the code from the code: `make docs`.

1. A page says where: `<!-- settings: user_login api_key -->` ... `<!-- end -->`. Between the two stands what is made.
2. The tables come from `octoworker.config`, `octoworker.gateway.dialects`, `octoworker.store.keys` and states.py; the diagrams
   from diagrams.py.

tests/unit/test_docs.py fails when a page is not what this would write. octoworker does not depend on it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

sys.path.insert(0, str(Path(__file__).parent))

import diagrams
import packages
from states import ARROWS

from octoworker.config import BROKEN_RULES, KNOBS
from octoworker.errors import Kind
from octoworker.gateway import Code, dialects
from octoworker.sms.destinations import table as destination_table
from octoworker.store import keys as redis_keys
from octoworker.store import rights

HERE = Path(__file__).parent

REGION = re.compile(
    r"<!-- (settings|rules|kinds|codes|moves|keys|destinations)(?:: ([\w ]+?))? -->\n.*?<!-- end -->", re.DOTALL
)

OTHERS = "others"
"""In place of names: every setting that no other table has, so that none is ever missing."""

KINDS: Mapping[Kind, str] = {
    Kind.SUCCESS: "`accepted`",
    Kind.DUPLICATE: "120: `accepted` when octoworker had used the key itself; else `unknown`, and an operator decides",
    Kind.TRANSIENT: "`waiting`; it goes again under the next key",
    Kind.ACCOUNT: "`waiting`; it goes when the account hold ends, and has lost no attempt",
    Kind.PERMANENT: "`rejected`",
    Kind.MAYBE: "`unknown`; the same key goes again",
    Kind.UNKNOWN: "`unknown`; an operator decides",
}
"""What becomes of a message at its first submit, when the answer is of this kind."""

SIGNS = {"gt": "above {}", "ge": "from {}", "lt": "below {}", "le": "to {}", "min_length": "at least {} characters"}
"""How a page writes the limits of a setting."""


def settings(names: str, page: str) -> str:
    """A table of these settings."""
    fields = names.split()
    if names == OTHERS:
        named = {name for each in REGION.finditer(page) if each[1] == "settings" for name in each[2].split()}
        fields = [name for name in KNOBS if name not in named]
    return table(("variable", "default", "values", "meaning"), map(_setting, fields))


def rules(_: str, __: str) -> str:
    """What must hold between the settings, with the defaults as examples."""
    defaults = {name: knob.field.default for name, knob in KNOBS.items()}
    return "\n".join(f"- {sentence.format(**defaults)}" for sentence in BROKEN_RULES.values())


def kinds(_: str, __: str) -> str:
    """What each kind of code leads to."""
    return table(("kind", "the message becomes"), ((f"`{kind.value}`", KINDS[kind]) for kind in Kind))


def codes(names: str, _: str) -> str:
    """Every code; or the ones that put the account on hold, or that credit mends, as a list of numbers."""
    if names:
        flag = {"account": "stops_account", "credit": "mended_by_credit"}[names]
        return ", ".join(f"`{each.code}` ({each.meaning})" for each in dialects.all_codes() if getattr(each, flag))
    return table(("code", "meaning", "kind", "what to do", "answer to"), map(_code, dialects.all_codes()))


def moves(_: str, __: str) -> str:
    """The letters of the diagram."""
    rows = (
        (each.letter, f"{', '.join(f'`{source}`' for source in each.sources)} → `{each.target}`", each.mover, each.why)
        for each in ARROWS
    )
    return table(("", "move", "by", "why"), rows)


def keys(_: str, __: str) -> str:
    """Every key in Redis, as the store lists it, without the names of its scripts."""
    rows = [line for line in (redis_keys.__doc__ or "").splitlines() if line.startswith("|")]
    return "\n".join(re.sub(r" \(`lua/\w+\.lua`\)", "", row) for row in rows)


def destinations(_: str, __: str) -> str:
    """Every line of the table of destinations that a person can act on."""
    lines = (line for line in destination_table.lines() if line.kind != "clock")
    return table(("where", "kind", "does", "rule", "source", "checked"), map(_destination, lines))


def _destination(line: destination_table.Line) -> tuple[str, ...]:
    facts = line.as_json()
    where = " ".join(facts["places"]) if len(facts["places"]) < MANY else "elsewhere in Europe"
    if line.places is None:
        where = f"everywhere but {' '.join(facts['besides'])}"
    values = f" {', '.join(f'`{each}`' for each in facts['values'])}." if line.values else ""
    return where, f"`{line.kind}`", f"`{line.does}`", line.says + values, line.source, facts["checked"]


MANY = 20
"""Places that are no longer named one by one."""

MAKERS: Mapping[str, Callable[[str, str], str]] = {
    each.__name__: each for each in (settings, rules, kinds, codes, moves, keys, destinations)
}


def filled(page: str) -> str:
    """A page with everything put in that is made from the code."""

    def made(region: re.Match[str]) -> str:
        begin = region[0].partition("\n")[0]
        return f"{begin}\n\n{MAKERS[region[1]](region[2] or '', page)}\n\n<!-- end -->"

    return REGION.sub(made, page)


def pages() -> dict[Path, str]:
    """Every file that is made from the code, in part or as a whole, as it should be."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.md"))}
    made = {path: filled(text) for path, text in texts.items() if REGION.search(text)}
    drawn = {"states": diagrams.states(), "packages": diagrams.packages(packages.read())}
    conf = HERE.parent / "deploy" / "redis" / "redis.conf"
    made[conf] = rights.written(conf.read_text(encoding="utf-8"))
    return made | {HERE / "images" / f"{name}.svg": drawing for name, drawing in drawn.items()}


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _code(code: Code) -> tuple[str, ...]:
    return f"`{code.code}`", code.meaning, f"`{code.kind.value}`", code.hint, code.where


def _setting(name: str) -> tuple[str, ...]:
    field = KNOBS[name].field
    variables = ", else ".join(f"`{each}`" for each in KNOBS[name].variables)
    return variables, _default(field.default), _values(field), field.description or ""


def _default(value: object) -> str:
    match value:
        case None | "":
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case frozenset():
            return f"`{','.join(sorted(value))}`"
        case float():
            return f"`{value:.10g}`"
        case _:
            return f"`{value}`"


def _values(field: FieldInfo) -> str:
    """What may be given, as far as its type says it."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{each}`" for each in get_args(kind))
    if kind is bool:
        return "`true`, `false`"
    secret = SecretStr in (kind, *get_args(kind))
    word = {int: "whole number", float: "number", Decimal: "number"}.get(kind, "secret" if secret else "text")  # type: ignore[arg-type]
    return " ".join([word, *_limits(field)])


def _limits(field: FieldInfo) -> Iterator[str]:
    for rule in field.metadata:
        for sign, words in SIGNS.items():
            if (limit := getattr(rule, sign, None)) is not None:
                yield words.format(limit)


if __name__ == "__main__":
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")
    print(f"docs/images/packages.svg: {packages.read()}")  # noqa: T201 - a script
