"""What strangers write (references, templates, names of columns, files and campaigns, answers of Octopush, ids of requests) is
shown as text by every output: no markup of rich, no ANSI, no HTML, no formula, no further line."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from harness import NUMBER, until
from store_kit import give_ticket

from octoworker import correlation
from octoworker.cli import output
from octoworker.client.campaigns import loading
from octoworker.errors import GatewayError
from octoworker.gateway.v1 import answers
from octoworker.gateway.v1.answers import Reply
from octoworker.sms.record import State
from octoworker.web.gauges import Gauges
from octoworker.web.receiver import People, arrivals
from octoworker.web.request import Request
from octoworker.web.site import Site

TOKEN = "a-token-of-sixteen-or-more"

WORDS = {
    "a closing tag of rich": "[/x]",
    "markup of rich": "[bold]b[/] [conceal]c[/] [link=https://evil.example]l[/link]",
    "an emoji of rich": ":smile:",
    "ANSI": "\x1b[2J\x1b]0;title\x07\x1b[31m",
    "ANSI in eight bits": "\x9b31m",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&",
    "a formula": '=HYPERLINK("https://evil.example")',
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "lines": 'a\nb\r\n{"event": "sms.accepted"}',
    "bidi": "\N{RIGHT-TO-LEFT OVERRIDE}a\N{LEFT-TO-RIGHT ISOLATE}",
    "control": "\x01\x08\x7f",
    "nothing to be seen": "a\N{ZERO WIDTH SPACE}b\N{LINE SEPARATOR}c",
}

ALL = " ".join(WORDS.values())


def is_text(shown):
    """Nothing in it acts on a terminal. Lines are ours."""
    return all(sign.isprintable() or sign == "\n" for sign in shown)


def stands_in(words, shown):
    """Whether these words, or what they are spelled out as, are to be read there, however it is folded."""
    seen = "".join(each if each.isprintable() else "" for each in words.partition("\n")[0].partition("\r")[0])
    told = re.sub(r"\\u[0-9a-f]{4}", "", shown)
    return re.sub(r"\s", "", seen) in re.sub(r"\s", "", told)


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def page(store, path):
    site = Site((Gauges(lambda: store.board({}), 0),), store, {}, TOKEN)
    return site.route(Request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})).body.decode()


def refused_with(house, words, **more):
    """A message that Octopush has refused, in these words of its own."""
    message_id = house.enqueue(**more)
    house.redis.hset(f"ow:message:{message_id}", mapping={"state": "rejected", "reason": words, "ticket": words})
    house.redis.zadd("ow:state:rejected", {message_id: 1})
    return message_id


def test_references_and_answers_on_the_command_line(house):
    refused = {refused_with(house, words, reference=words): words for words in WORDS.values()}
    for more in ((), ("--json",)):
        assert is_text(house.command("list", "--state", "rejected", *more).stdout)
    for message_id, words in refused.items():
        shown = house.command("status", message_id, "--reveal").stdout
        assert is_text(shown)
        assert shown.count("\n") < 20
        assert stands_in(words, shown)
    document = json.loads(house.command("list", "--state", "rejected", "--json").stdout)
    assert {each["reason"] for each in document} == set(refused.values())


def test_the_reason_of_the_account_hold_in_stats_top_and_doctor(house):
    house.redis.hset("ow:flow-control", mapping={"account_hold": "104", "account_hold_reason": ALL})
    for command in (("stats",), ("stats", "--json"), ("top", "--once"), ("doctor",)):
        shown = house.command(*command, check=False).stdout
        assert is_text(shown)
        assert "[bold]b[/]" in shown


def test_the_page_and_its_stories(house):
    house.redis.hset("ow:flow-control", mapping={"account_hold": ALL, "account_hold_reason": ALL})
    for words in WORDS.values():
        message_id = refused_with(house, words)
        shown = page(house.store, f"/message/{message_id}")
        seen = Tags(shown)
        assert shown.count("<script") == 1  # the page's own
        assert "img" not in seen.tags
        assert not {name for name in seen.attributes if name.startswith("on")}
        assert is_text(seen.text)
        assert stands_in(words, seen.text)
    front = Tags(page(house.store, "/"))
    assert "img" not in front.tags
    assert is_text(front.text)


def test_columns_files_and_templates(house, tmp_path):
    words = list(WORDS.values())
    for name, column, template in zip(words[::2], words[1::2], [*words[1::4], *words[::4]], strict=True):
        file = tmp_path / f"{name.replace('/', '∕')}.csv"  # its name cannot hold a slash
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([["telephone", column], [NUMBER, column]])
        done = house.command("bulk", str(file), "--template", f"Bonjour {template} STOP au XXXXX", check=False)
        assert "Traceback" not in done.stderr
        assert is_text(done.stdout + done.stderr)


def test_campaigns_and_their_results_run_nothing(house):
    asked = loading.Asked("Bonjour STOP au XXXXX", {}, "digest", None)
    campaign = loading.begin(house.client, asked, ALL, force=False).id
    for row, words in enumerate(WORDS.values()):
        house.redis.hset(f"ow:campaign:{campaign}:reasons", words, 1)
        house.redis.zadd(f"ow:campaign:{campaign}:messages", {refused_with(house, words): row})
    assert is_text(house.command("campaign", campaign).stdout)
    assert is_text(house.command("campaign", campaign, "--json").stdout)
    results = list(csv.reader(io.StringIO(house.command("campaign", campaign, "results").stdout)))
    assert len(results) == 1 + len(WORDS)
    for words, cells in zip(WORDS.values(), results[1:], strict=True):
        assert any(stands_in(words, cell) for cell in cells)
        assert all(cell.isprintable() for cell in cells)
        assert all(cell[:1] not in "=+-@" or re.fullmatch(r"\+\d+|", cell) for cell in cells)


@pytest.mark.parametrize("shape", ["console", "json"])
def test_an_id_of_a_web_request_and_an_answer_in_the_logs(house, shape):
    worker = house.worker(settings={"OCTOWORKER_LOG_FORMAT": shape})
    for words in WORDS.values():
        with correlation.bound(words):
            house.ended(house.enqueue("+33612345679", text=f"Soldes {words}"[:100], transactional=False))
    until(lambda: worker.log().count("sms.rejected") == len(WORDS))
    assert is_text(worker.log())
    assert State.REJECTED in worker.log()


FIELDS = (
    "number",
    "message_id",
    "status",
    "text",
    "stop_date",
    "reception_date",
    "delivery_date",
    "sim_card_number",
    "x",
)
"""Of a call of Octopush's: a receipt, a reply or a STOP, and one that it does not have."""


def calls(words):
    """A call for each field, with these words in it; each as a form, too."""
    whole = {
        "receipt": {
            "number": "33612345678",
            "message_id": "sms_1",
            "status": "DELIVERED",
            "delivery_date": "2026-11-23",
        },
        "reply": {"number": "33612345678", "message_id": "sms_1", "text": "oui", "reception_date": "2026-11-23"},
        "stop": {"number": "33612345679", "message_id": "sms_1", "stop_date": "2026-11-23"},
    }
    for kind, fields in whole.items():
        for name in FIELDS:
            for written in (lambda it: json.dumps(it).encode(), lambda it: urlencode(it).encode()):
                yield kind, written({**fields, name: words})
        yield kind, words.encode()


def test_every_field_of_a_call_of_octopush(house):
    """They come to logs, to the record's story, to what an operator reads. Nothing of them acts there, and nothing fails."""
    message_id = house.enqueue()
    house.redis.hset(f"ow:message:{message_id}", mapping={"state": "accepted", "ticket": "sms_1"})
    give_ticket(house.redis, "sms_1", message_id)
    for words in WORDS.values():
        for kind, body in calls(words):
            came = arrivals(body, kind, People())
            assert came
            house.store.inbox.put(came)
    worker = house.worker(settings={"OCTOWORKER_LOG_FORMAT": "console"})
    until(lambda: not house.redis.xlen("ow:inbox"))
    worker.stop()
    assert is_text(worker.log())
    assert "Traceback" not in worker.log()
    for command in (("status", message_id), ("stats",), ("optout", "list"), ("doctor",)):
        shown = house.command(*command, check=False)
        assert is_text(shown.stdout + shown.stderr), command
        assert "Traceback" not in shown.stderr
    told = json.loads(house.command("status", message_id, "--json").stdout)
    assert {each["state"] for each in told["recipients"].values()} <= {"delivered", "accepted", "undelivered"}
    seen = Tags(page(house.store, f"/message/{message_id}"))
    assert "img" not in seen.tags
    assert is_text(seen.text)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("kind", WORDS)
def test_an_answer_of_v1_in_any_words_is_a_sentence_of_ours(status, kind):
    words = WORDS[kind]
    for fields in (
        {"message": words},
        {"code": words, "message": words},
        {"sms_ticket": words},
        {"code": 101, "message": words},
    ):
        reply = Reply(status, {"Retry-After": words}, json.dumps(fields).encode())
        found = answers.of_submit(reply, (NUMBER,), simulated=False)
        said = str(found) if isinstance(found, GatewayError) else json.dumps([each.as_json() for each in found.results])
        assert is_text(output.escape.terminal(said, longest=None))
        assert len(said) < 2000
