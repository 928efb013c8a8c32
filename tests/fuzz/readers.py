"""Every reader of outside data, with what it is fed and what it may answer: a value of ours or one of our errors, never another.

`make fuzz CASES=200000` runs them all and says how many cases each had; tests/unit/test_fuzz.py runs a few hundred.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import requests
from hypothesis import strategies as st

from octoworker import environment
from octoworker.client.campaigns import unpack
from octoworker.client.campaigns.table import Table
from octoworker.client.campaigns.template import Template
from octoworker.config import Settings
from octoworker.contrib import handing_over
from octoworker.errors import GatewayError, OctoworkerError, PayloadError, SettingsError
from octoworker.gateway import dialects
from octoworker.gateway.callbacks import Callback, Unreadable
from octoworker.gateway.callbacks import read as read_call
from octoworker.gateway.legacy import answers as legacy
from octoworker.gateway.v1 import answers as v1
from octoworker.gateway.v1 import parameters
from octoworker.gateway.v1.answers import Reply
from octoworker.gateway.values import Answer, Credit
from octoworker.sending import read, retry, rules
from octoworker.sending.inbound import _read as read_entry
from octoworker.sms import codes, consents, hours, identity, instants, message, opt_outs, people, recipient, schedule
from octoworker.sms.arguments import plain_arguments
from octoworker.sms.destinations import choices
from octoworker.sms.jobs import ARGUMENTS
from octoworker.sms.policy import Policy
from octoworker.sms.record import Record
from octoworker.store import set_aside
from octoworker.store.limits import Caps
from octoworker.store.opt_outs import OptOut
from octoworker.store.streams import Entry
from octoworker.telemetry import escape
from octoworker.web import webhook
from octoworker.web.receiver import People, arrivals
from octoworker.web.request import pairs

SECOND = timedelta(seconds=1)
NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)
POLICY = Policy(sender="Octo", rules=dialects.DEFAULT.rules)
RULES = rules.Rules(
    payload=POLICY,
    time=schedule.Rules(hold=False, refuse_past=False, max_ahead=timedelta(days=365)),
    retry=retry.Policy(SECOND, SECOND, SECOND, 3, SECOND, SECOND),
    budgets=rules.Budgets(60.0, 20.0, 5.0),
    caps=Caps(),
)

# what comes in

NASTY = [
    *("", " ", "+33612345678", "0612345678", "33612345678.0", "1e999", "-0", "NaN", "null", "[/x]", "=1+1", "\x00"),
    *("\ud800", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x1b[2J", "é" * 200, "9" * 400, "0" * 41, "STOP au XXXXX", "{prenom}"),
    *("2026-12-01T10:00:00+01:00", "2027-03-28 02:30 Europe/Paris", "9999-12-31T23:59:59Z", "10:00-12:00", "DELIVERED"),
    *("000", "101", "120", "true", "a" * 6000, "[" * 900, "{", '"', "'", ";", "\N{ARABIC-INDIC DIGIT THREE}" * 10),
]
TEXT = (
    st.sampled_from(NASTY)
    | st.text(max_size=40)
    | st.text(st.sampled_from("0123456789+-. ;,\"'{}[]=&%/:TZ\n"), max_size=40)
)
ATOM = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from([2**63, -(2**63), 10**400])
JSON = st.recursive(
    ATOM, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=8
)
PYTHON = (
    JSON
    | st.binary(max_size=20)
    | st.datetimes()
    | st.decimals()
    | st.tuples(TEXT, TEXT)
    | st.sets(st.integers(), max_size=3)
)


def of_names(names, values=JSON):
    return st.dictionaries(st.sampled_from(sorted(names)) | TEXT, values, max_size=9)


def body_of(names):
    """A body: a form, JSON of these fields, one or many, or anything."""
    fields = of_names(names)
    documents = fields | st.lists(fields, max_size=3) | JSON
    as_json = documents.map(lambda each: json.dumps(each).encode("utf-8", "surrogatepass"))
    as_form = of_names(names, TEXT).map(lambda each: urlencode(each, errors="replace").encode())
    return (
        as_json
        | as_form
        | st.binary(max_size=60)
        | st.tuples(as_json, st.integers(0, 40)).map(lambda it: it[0][: it[1]])
    )


def xml(fields):
    inside = "".join(
        f"<{name}>{escape.html(str(value))}</{name}>" for name, value in fields.items() if name.isidentifier()
    )
    return f"<octopush>{inside}</octopush>".encode("utf-8", "replace")


LEGACY = (
    "error_code",
    "cost",
    "balance",
    "ticket",
    "sending_date",
    "number_of_sendings",
    "currency_code",
    "successs",
    "failures",
    "credit",
)
V1 = (
    "code",
    "message",
    "sms_ticket",
    "number_of_contacts",
    "total_cost",
    "residual_credit",
    "amount",
    "unit",
    "FR",
    "premium_sms",
)
CALL = (
    *("number", "phone_number", "message_id", "sms_ticket", "status", "delivery_status", "text", "message", "channel"),
    *("stop_date", "reception_date", "answer_date", "delivery_date", "sim_card_number", "deliveries"),
)
RECORD = (
    *(
        "state",
        "payload",
        "outcomes",
        "receipts",
        "replies",
        "history",
        "created",
        "due",
        "attempts",
        "segments",
        "cost",
    ),
    *("balance", "sending_date", "lane", "ticket", "reason", "pending", "forgotten", "deliver_at", "in_doubt_since"),
)
ROW = st.lists(TEXT.map(lambda text: text.encode("utf-8", "replace").decode()), min_size=1, max_size=4)


def csv_of(rows, sign, encoding):
    return ("tel" + sign + "nom\n" + "\n".join(sign.join(row) for row in rows)).encode(encoding, "replace")


CSV = st.builds(
    csv_of, st.lists(ROW, max_size=5), st.sampled_from(";,\t|"), st.sampled_from(["utf-8", "cp1252", "utf-16"])
)
CSV = CSV | st.binary(max_size=200)

PARTS = (
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/worksheets/sheet1.xml",
    "mimetype",
    "content.xml",
    "[Content_Types].xml",
)


def spreadsheet(parts, cut):
    with tempfile.SpooledTemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
            for name, content in parts.items():
                book.writestr(name, content)
        file.seek(0)
        whole = file.read()
    return whole[:-cut] if cut else whole


_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_BOOK = f'<workbook {_MAIN} xmlns:r="{_REL}"><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
_RELS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{_REL}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
)


def xlsx(cells, rest, cut):
    rows = "".join(
        f'<row r="{r}"><c r="{place}" t="{kind}"><v>{escape.html(value)}</v></c></row>'
        for r, place, kind, value in cells
    )
    sheet = f"<worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>"
    return spreadsheet({PARTS[0]: _BOOK, PARTS[1]: _RELS, PARTS[2]: sheet.encode("utf-8", "replace"), **rest}, cut)


PLACE = st.sampled_from(["A1", "B1", "A2", "B2", "XFD1", "A0", "ZZZ9999999", "a1", "", "1A"])
CELLS = st.lists(
    st.tuples(st.integers(0, 9), PLACE, st.sampled_from(["str", "n", "s", "b", "e", "d", "x"]), TEXT), max_size=5
)
BOOK = st.builds(
    xlsx,
    CELLS,
    st.dictionaries(st.sampled_from(PARTS), st.binary(max_size=60), max_size=1),
    st.sampled_from([0, 0, 0, 1, 40]),
)
BOOK = BOOK | st.dictionaries(st.sampled_from(PARTS), st.binary(max_size=60), max_size=4).map(
    lambda parts: spreadsheet(parts, 0)
)

SETTINGS = (
    *(
        "REDIS_URL",
        "CELERY_BROKER_URL",
        "OCTOPUSH_URL",
        "OCTOPUSH_API",
        "OCTOPUSH_FORMAT",
        "OCTOWORKER_SENDER",
        "OCTOWORKER_HOURS",
    ),
    *(
        "OCTOWORKER_RATE",
        "OCTOWORKER_LEASE",
        "OCTOWORKER_HTTP_TIMEOUT",
        "OCTOWORKER_COUNTRIES",
        "OCTOWORKER_REGION",
        "OCTOWORKER_CAP_MONEY",
    ),
    *(
        "OCTOWORKER_KEEP_FOR",
        "OCTOWORKER_CONFIRM",
        "OCTOWORKER_CONFIRM_REPLICAS",
        "OCTOWORKER_SENDERS",
        "OCTOWORKER_DESTINATIONS",
    ),
    *(
        "OCTOWORKER_EVENT_URL",
        "OCTOWORKER_EVENT_SECRET",
        "OCTOWORKER_INBOUND_TOKEN",
        "OCTOWORKER_CAP_COUNTRIES",
        "OCTOWORKER_SMS_TYPE",
    ),
    *(
        "OCTOWORKER_NUMBER_KEYS",
        "OCTOWORKER_STOP_WORDS",
        "OCTOWORKER_REPLICAS",
        "OCTOWORKER_VISIBILITY_TIMEOUT",
        "OCTOWORKER_LOG_LEVEL",
        "OCTOWORKER_CODE_KEYS",
        "OCTOWORKER_CODE_GUARD",
        "OCTOWORKER_EVENT_TASK",
        "OCTOWORKER_EVENT_QUEUE",
    ),
)
VALUE = TEXT | st.sampled_from(
    ["redis://h:bad/0", "rediss://h", "https://[::1", "http://127.0.0.1:99999", "FR,XX", "MyShop=FR;=", "DE.hours=off"]
)
OPT_OUT = of_names(("hash", "source", "scope", "since", "ticket")) | st.fixed_dictionaries(
    {"hash": st.just("0" * 32), "source": st.just("stop"), "scope": st.sampled_from(["all", "marketing"]) | JSON},
    optional={"since": st.integers() | JSON, "ticket": JSON},
)
RULE = st.builds(
    "{}{}={}".format,
    st.sampled_from(["", "IE.", "fr.", "ZZ."]) | TEXT,
    st.sampled_from([*choices.judging(), "clock"]) | TEXT,
    st.sampled_from(["warn", "refuse", "off", "wait"]) | TEXT,
)
ENVIRONMENT = (
    environment.inbound_tokens,
    environment.event_secrets,
    environment.number_keys,
    environment.code_guard,
    environment.sentinels,
    environment.redis_address,
    environment.broker_address,
    environment.unverified,
    environment.span,
    environment.replicas,
)
ROW_OF_OUTBOX = st.builds(
    SimpleNamespace,
    message_id=st.just("0" * 32) | TEXT,
    lane=st.sampled_from(["urgent", "normal"]) | TEXT,
    fingerprint=st.just("0" * 32) | TEXT,
    wording=TEXT,
    payload=TEXT | JSON.map(json.dumps) | st.integers(1, 9999).map(lambda n: "[" * n),
    people=st.integers(-1, 2),
)
# who reads it


def file_read(suffix):
    folder = tempfile.TemporaryDirectory(prefix="octoworker-fuzz-")
    path = Path(folder.name) / f"people.{suffix}"

    def read_it(content, _folder=folder):
        path.write_bytes(content)
        table = Table(path)
        table.check()
        column = table.recipient_column(None)
        return people.read([row.values[column] for row in table], POLICY)

    return read_it


def rows_read(content):
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        file.write(content)
        file.flush()
        return list(unpack.rows(Path(file.name)))


def job(arguments):
    request = read.request_of(arguments, "a" * 32)
    assert identity.is_message_id(request.message_id)
    return read.prepared(request, arguments, RULES, NOW)


def record(fields):
    """As `status` shows it: a field that is odd is left out."""
    return json.dumps(Record.from_hash("a" * 32, {**fields, "state": "accepted"}).as_json())


def answered(found, *kinds):
    assert isinstance(found, (*kinds, GatewayError)), type(found)
    return found


def called(body):
    found = read_call(body)
    assert found
    assert all(isinstance(each, Callback | Unreadable) for each in found)
    for each in arrivals(body, "reply", People(number_keys=("k" * 32,))):
        json.dumps(each.as_json()).encode()
        if not each.reason:
            assert read_entry(Entry("1-1", "e", each.content)) is not None


def reads(read_it, text):
    """A setting that is wrong is a ValueError in words."""
    with contextlib.suppress(ValueError):
        read_it(text)


def rested(answer):
    status, after = answer
    response = requests.Response()
    response.status_code = status
    response.headers["Retry-After"] = after
    assert timedelta(0) <= webhook.rest(response, NOW) <= webhook.LONGEST_REST


@dataclass(frozen=True)
class Reader:
    """`refuses`: what it may raise; all of them are told in a sentence."""

    fed: st.SearchStrategy
    read: object
    refuses: tuple = (OctoworkerError,)


ENVELOPE = ("message_id", "version", "published_at", "incarnation")

READERS = {
    "arguments, from Python": Reader(of_names(ARGUMENTS, PYTHON), plain_arguments, (PayloadError, TypeError)),
    "arguments of a message": Reader(of_names(ARGUMENTS), lambda it: message.parse(it, POLICY), (PayloadError,)),
    "jobs and their envelope": Reader(of_names({*ARGUMENTS, *ENVELOPE}), job, (PayloadError,)),
    "numbers": Reader(TEXT, lambda it: recipient.read(it, POLICY), (recipient.NumberRefused,)),
    "lists of people": Reader(st.lists(JSON, max_size=5) | TEXT, lambda it: people.read(it, POLICY), (PayloadError,)),
    "instants": Reader(JSON, instants.read, (instants.InstantRefused,)),
    "instants in words": Reader(TEXT, instants.read_words, (instants.InstantRefused,)),
    "hours": Reader(TEXT, hours.parse, (ValueError,)),
    "templates": Reader(TEXT, lambda it: Template(it).filled(dict.fromkeys(Template(it).fields, "x")), (PayloadError,)),
    "CSV files": Reader(CSV, file_read("csv"), (PayloadError,)),
    # In this process, which is quicker: the one that reads it otherwise has less memory, too.
    "spreadsheets": Reader(BOOK, rows_read, (PayloadError,)),
    "legacy answers in JSON": Reader(
        body_of(LEGACY), lambda it: answered(legacy.of_submit(it, "json", ["+33612345678"]), Answer)
    ),
    "legacy answers in XML": Reader(
        of_names(LEGACY).map(xml) | st.binary(max_size=60),
        lambda it: answered(legacy.of_submit(it, "xml", ["+33612345678"]), Answer),
    ),
    "legacy credit and balance": Reader(
        body_of(LEGACY),
        lambda it: (answered(legacy.of_credit(it, "json"), Credit), answered(legacy.of_balance(it, "xml"), dict)),
    ),
    "v1 answers": Reader(
        st.tuples(st.integers(100, 599), st.dictionaries(st.just("Retry-After"), TEXT), body_of(V1)),
        lambda it: answered(v1.of_submit(Reply(*it), ("+33612345678",), simulated=False), Answer),
    ),
    "v1 credit and cancel": Reader(
        st.tuples(st.integers(100, 599), st.dictionaries(st.just("Retry-After"), TEXT), body_of(V1)),
        lambda it: (answered(v1.of_credit(Reply(*it)), Credit), answered(v1.of_cancel(Reply(*it)), bool)),
    ),
    "webhooks": Reader(body_of(CALL), called, ()),
    "entries of the inbox": Reader(
        body_of(CALL).map(lambda it: it.decode("utf-8", "replace")), lambda it: read_entry(Entry("1-1", "e", it)), ()
    ),
    "fields of a record": Reader(of_names(RECORD, TEXT | JSON.map(json.dumps)), record, ()),
    "settings": Reader(st.dictionaries(st.sampled_from(SETTINGS), VALUE, max_size=6), Settings.load, (SettingsError,)),
    "replies that mean STOP": Reader(TEXT, opt_outs.is_stop, ()),
    "lines of an export of opt-outs": Reader(
        TEXT | OPT_OUT.map(json.dumps),
        lambda it: json.dumps(OptOut.exported(it)[1].as_json()),
        (ValueError,),
    ),
    "rules and senders of destinations": Reader(
        TEXT | st.lists(RULE, max_size=3).map(",".join),
        lambda it: (reads(choices.parse, it), reads(choices.parse_senders, it)),
        (),
    ),
    "consents": Reader(of_names(consents.FIELDS, PYTHON) | PYTHON, consents.read, (consents.ConsentRefused,)),
    "secrets and addresses in the environment": Reader(
        TEXT | st.lists(TEXT, max_size=3).map(",".join),
        lambda it: [reads(each, it) for each in ENVIRONMENT],
        (),
    ),
    "guesses at a code, and its text": Reader(
        st.tuples(TEXT, TEXT, TEXT, st.none() | TEXT, st.none() | TEXT),
        lambda it: (
            codes.guessed("a" * 32, it[0], ["k" * 32]),
            codes.address_of(it[1], "k" * 32),
            codes.text_of("123456", it[2] + "{code}", it[3], it[4]),
        ),
        (codes.CodeRefused,),
    ),
    "answers of the web app to an event": Reader(
        st.tuples(st.sampled_from([200, 302, 410, 429, 503]), TEXT | st.just("Wed, 21 Oct 2026 07:28:00 GMT")), rested
    ),
    "callback addresses of an account": Reader(
        st.dictionaries(st.sampled_from(sorted({*sum(parameters.NAMES.values(), ()), "callbacks", "x"})), JSON),
        parameters.read,
        (),
    ),
    "rows of an outbox": Reader(ROW_OF_OUTBOX, handing_over.is_readable, ()),
    "queries and forms": Reader(TEXT, pairs, (ValueError,)),
    "jobs that were set aside": Reader(
        TEXT.map(lambda it: it.encode("utf-8", "replace").decode())
        | of_names(("at", "queue", "reason", "job")).map(json.dumps),
        set_aside.read_job,
        (),
    ),
    "words to show": Reader(
        TEXT, lambda it: (escape.terminal(it), escape.html(it), escape.cell(it), escape.json(it)), ()
    ),
}


def tried(reader, fed):
    """Feed it. Whatever it raises that is no clear refusal comes out."""
    with contextlib.suppress(*reader.refuses):
        reader.read(fed)
