"""The wall: outside the gateway nobody knows a provider's field, code, host, limit or shape of answer.

Beside the gateway the sandbox may know them, for it stands in for the provider; so may texts that the command line shows.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import octoworker
from octoworker.gateway import dialects
from octoworker.gateway.legacy import codes

ROOT = Path(octoworker.__file__).parent

INSIDE = ("gateway", "sandbox")

OLDER = """
sms_recipients sms_text sms_sender sms_mode sending_time sending_period request_mode request_id request_keys
request_sha1 sms_ticket msisdn_sender with_replies successs failures number_of_sendings currency_code sms_needed error_code
sending_date user_login api_key recipients_first_names sms_fields_1
"""
NEWER = """
phone_number purpose wholesale sms_premium sms_low_cost premium_sms low_cost_sms simulation_mode number_of_contacts
number_of_sms_needed total_cost residual_credit ticket_number auto_optimize_text payload_type
"""
FIELDS = frozenset((OLDER + NEWER).split())
"""What the two generations of the API ask for and answer with."""

WORDS = re.compile(r"octopush-dm|api\.octopush|api-login|api-key|stop au|X{5}|30101", re.IGNORECASE)
"""Hosts, headers and spellings of the STOP mention, wherever they stand."""

LIMITS = frozenset({459, 1224})
"""Lengths of a text. Others (160, 500) are ordinary numbers too."""

EVERYWHERE = {
    "error_code": "a name of the contract: what the record shows of the provider's code",
    "with_replies": "a name of the contract: a message that can be answered",
    "sending_date": "a name of the contract: when the provider says that it sends",
}

ALLOWED = {
    ("config.py", "user_login"): "the name of a setting",
    ("config.py", "api_key"): "the name of a setting",
    ("cli/account.py", "api_key"): "the name of a setting",
    ("worker/runtime.py", "user_login"): "the setting becomes the gateway's account",
    ("worker/runtime.py", "api_key"): "the setting becomes the gateway's account",
    ("cli/demo.py", "user_login"): "the sandbox's account",
    ("cli/demo.py", "api_key"): "the sandbox's account",
    ("correlation.py", "request_id"): "the name under which web frameworks keep the id of a web request",
    ("client/campaigns/table.py", "phone_number"): "a heading that people give a column of numbers",
    ("client/codes.py", "purpose"): "what a one-time code is for: an argument of otp.start",
    ("sms/codes.py", "purpose"): "what a one-time code is for: an argument of otp.start",
    ("contrib/django_otp/models.py", "purpose"): "the same argument",
    ("cli/demo.py", "153"): "what the sandbox is told to answer",
}
"""Each exception, with its reason."""

OUTSIDE = sorted(
    path for path in ROOT.rglob("*") if path.suffix in {".py", ".lua"} and path.relative_to(ROOT).parts[0] not in INSIDE
)


def words_of_python(text):
    """Each name, each string without blanks, and the words in it; numbers as they are."""
    docstrings = {
        node.value.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.string
        elif token.type == tokenize.STRING and token.start[0] not in docstrings:
            whole = token.string.lstrip("rbfRBF").strip("\"'")
            yield from (whole, *re.findall(r"[A-Za-z_]\w*", whole)) if " " not in whole else ()
        elif token.type == tokenize.NUMBER:
            yield int(token.string) if token.string.isdecimal() else token.string


def words_of_lua(text):
    for line in text.splitlines():
        for word in re.findall(r"\w+", line.partition("--")[0]):
            yield int(word) if word.isdecimal() else word


def provider_words(path):
    """What a file knows of a provider: fields, codes and limits as they stand in code, other words wherever they stand."""
    text = path.read_text(encoding="utf-8")
    known = set(words_of_python(text) if path.suffix == ".py" else words_of_lua(text))
    place = path.relative_to(ROOT).as_posix()
    fields = (FIELDS - {*EVERYWHERE}) & {word for word in known if isinstance(word, str)}
    code_words = {word for word in known if isinstance(word, str)} & CODES
    limits = {str(number) for number in LIMITS & {word for word in known if isinstance(word, int)}}
    others = {found.lower() for found in WORDS.findall(text)} if not place.startswith("cli/") else set()
    return {word for word in fields | code_words | limits | others if (place, word) not in ALLOWED}


CODES = dialects.code_labels()


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_outside_the_gateway_speaks_a_provider_s_words(path):
    assert provider_words(path) == set()


@pytest.mark.parametrize(("place", "word"), sorted(ALLOWED))
def test_an_exception_is_one_that_is_needed(place, word):
    text = (ROOT / place).read_text(encoding="utf-8")
    assert word in set(words_of_python(text))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('form["sms_recipients"] = "a"', "sms_recipients"),
        ("answer.successs", "successs"),
        ('if code == "120": pass', "120"),
        ("MOST = 459", "459"),
        ('URL = "https://www.octopush-dm.com"', "octopush-dm"),
        ('"""Write STOP au XXXXX."""', "stop au"),
    ],
)
def test_a_provider_s_word_is_found_where_it_stands(tmp_path, monkeypatch, said, found):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "some.py").write_text(said + "\n")
    assert found in provider_words(tmp_path / "some.py")


def test_the_gateway_itself_would_be_found():
    assert {"sms_recipients", "sms_text", "request_mode"} <= provider_words(ROOT / "gateway" / "legacy" / "form.py")
    assert len(CODES) >= len(codes.all_codes())


def test_there_is_one_sentence_for_a_key_that_belongs_to_another_message():
    places = [
        path.relative_to(ROOT).as_posix()
        for path in OUTSIDE
        for _ in re.findall(r"it already belongs", path.read_text(encoding="utf-8"))
    ]
    assert places == ["errors.py"]


def test_what_a_submit_does_to_its_key_is_named_in_one_place():
    places = [
        path.relative_to(ROOT).as_posix() for path in OUTSIDE if re.search(r"^KeyUse\b", path.read_text(), re.MULTILINE)
    ]
    assert places == ["store/values.py"]
