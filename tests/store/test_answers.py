"""Each answer that a script's header names is given, and by what: asked of the script itself, as a worker or an operator would.

A new answer in a header fails here until it has its way to come about; so does an answer that a header forgot.
"""

from __future__ import annotations

import json
import re
from itertools import takewhile

import pytest
from store_kit import ID, LEASE, PAYLOAD, REQUEST, A, seconds, submitted

from octoworker.sms.record import State
from octoworker.store import scripts
from octoworker.store.limits import Caps, Limits
from octoworker.store.scripts import Scripts

WORD = re.compile(r"'([a-z_0-9]+)'")
SAID = re.compile(r"""(?:reply\(|refuse\(message,\ |return\ \{|alert\()'([a-z_0-9]+)'""", re.VERBOSE)
"""How a script says its answer."""

RECORD = f"ow:message:{ID}"
HOUR = 3_600_000

LIMITS = Limits(
    breaker_calls=2, breaker_base=seconds(60), low_balance=5, caps=Caps(money=1)
)  # one call that fails is half a window, and enough


def documented(script):
    """The answers that its header names."""
    header = list(takewhile(lambda line: line.startswith("--"), scripts.read(f"{script}.lua").splitlines()))
    first = next(n for n, line in enumerate(header) if line.startswith("-- returns"))
    return set(WORD.findall("\n".join(header[first:])))


class Asker:
    """Asks the scripts, over the store that makes what they find."""

    def __init__(self, client, store):
        self.client, self.store, self._scripts = client, store, Scripts(client)

    def ask(self, script, *arguments, place=RECORD):
        """What it answers, as a list: the word first."""
        answer = self._scripts.run(script, [place] if place else [], arguments)
        return answer if isinstance(answer, list) else [answer]

    def change(self, script, **facts):
        facts = {"keep": 1000, "requeue_after": 1000, "change_nonce": "now", "force": False, "grace": 0, **facts}
        return self.ask(script, ID, json.dumps(facts))

    def create(self, fingerprint="print"):
        return self.ask("create", ID, json.dumps(self._new(fingerprint)), "{}", "", "")

    def create_many(self, fingerprint="print"):
        facts = json.dumps({"lane": "normal", "requeue_after": 1000})
        return self.ask("create_many", facts, "", 0, ID, fingerprint, "{}", place=None)

    def code(self, guard="off", **facts):
        """Ask for a code."""
        wanted = {"id": "c" * 32, "places": ["p"], "key": "k", "country": "FR", "address": "", "life": 9000, "again": 0}
        return self.ask(
            "start_code", json.dumps({**wanted, "sends": 2, "checks": 2, "guard": guard, **facts}), place=None
        )

    def guess(self, right=False, code="c" * 32):  # noqa: FBT002 - it reads as a sentence
        return self.ask("check_code", code, json.dumps({"k": right}), place=None)

    def today(self):
        return str(self.client.time()[0] // 86400)

    def coded(self, times=1, **facts):
        for _ in range(times):
            self.code(**facts)
        return self

    def guessed(self, times, **facts):
        for _ in range(times):
            self.guess(**facts)
        return self

    def take_together(self):
        jobs = [json.dumps({"properties": {"delivery_tag": tag}, "headers": {"id": tag, "shared": 1}}) for tag in "ab"]
        return self.take(*jobs)

    def take(self, *some):
        """What it answers after the list that it took from."""
        self.client.lpush("sms", *some)
        keys = ["unacked_index", "unacked", "ow:deliveries", "ow:jobs-set-aside", "sms"]
        shared = ["shared", 1, "many", 1, 1000]
        return self._scripts.run("take", keys, [3, 1000, 10, *shared, 100])[1:]

    def replace(self, payload="{}", word="word", fingerprint="print"):
        facts = {**self._new(fingerprint), "wording": "", "keep": 1000, "incarnation": word}
        return self.ask("replace", ID, json.dumps(facts), payload, "", "")

    def replaced(self):
        self.taken().replace('{"text": "another"}')
        return self

    def ended(self, how):
        if how == "cancelled":
            self.taken().change("cancel")
        elif how == "rejected":
            self.taken().reject()
        elif how == "expired":
            self.taken().claim(expires_at=1)
        else:
            self.dead()
        return self

    def lay_aside(self, tag="t"):
        self.take(json.dumps({"properties": {"delivery_tag": "t"}, "headers": {"id": "t"}}))
        places = ["unacked_index", "unacked", "ow:jobs-set-aside"]
        return [self._scripts.run("set_job_aside", places, [tag, "why", 1000, 10])]

    def put_back(self, entry="another"):
        self.client.lpush("ow:jobs-set-aside", "entry")
        return [self._scripts.run("put_job_back", ["ow:jobs-set-aside", "sms"], [entry, "job"])]

    def reject(self, fingerprint="print", **more):
        facts = {**self._new(fingerprint), "keep": 1000, "reason": "no", "error_code": "", **more}
        return self.ask("reject", ID, json.dumps(facts), "{}")

    def claim(self, fingerprint="print", nonce="mine", **more):
        facts = {
            **self._new(fingerprint),
            "claim_nonce": nonce,
            "keep": 1000,
            "lease": LEASE * 1000,
            "key_window": HOUR,
            "slack": 1000,
            "max_crashes": 3,
            "segments": 1,
            "day": "2026-11-23",
            "marketing": False,
            "past_reason": "",
            **more,
        }
        return self.ask("claim", ID, json.dumps(facts), "{}", LIMITS.as_text)

    def settle(self, token=1, **more):
        facts = {
            "state": "accepted",
            "reason": "",
            "keep": 1000,
            "key_generation": 0,
            "key": "used",
            "counts": True,
            "day": "2026-11-23",
            "fields": {"ticket": "t"},
            "spent": 0,
            "prices": {"": 0},
            **more,
        }
        return self.ask("settle", ID, token, json.dumps(facts), LIMITS.as_text)

    def receipt(self, state="delivered", ticket="api1"):
        facts = {"entry": "", "ticket": ticket, "number": A, "state": state, "word": "", "at": "", "reason": ""}
        return self.ask("receipt", json.dumps({**facts, "keep": 1000, "early_for": 1000, "kept": "{}"}), place=None)

    def reply(self, ticket="api1"):
        facts = {"entry": "1-1", "event_id": "e1", "ticket": ticket, "number": A, "text": "oui", "at": "", "most": 9}
        return self.ask("reply", json.dumps({**facts, "keep": 1000, "reason": "why", "content": "{}"}), place=None)

    def clock(self, worker, drift):
        request = {"wrong": 60_000, "stale": 180_000, "keep": 180_000}
        return self.ask("compare_clocks", worker, drift, json.dumps(request), place=None)

    def forget(self, payload=PAYLOAD, outcomes=""):
        return self.ask("forget", payload, outcomes, "{}", "{}", 1000, "[]")

    def webhook(self, came_to="failed", tries=0):
        """What comes of posting one event, after so many tries."""
        self.client.hset("ow:webhooks", "e1", json.dumps({"type": "sms.accepted", "at": 1, "data": {}}))
        self.client.zadd("ow:webhooks:due", {"e1": 1})
        self.client.hset("ow:webhooks:endpoint", "name", "there")
        self.client.hset("ow:webhooks:tries", "e1", tries)
        facts = {"endpoint": "there", "came_to": came_to, "delay": 1000, "rest": 0, "most": 10, "opens_after": 5}
        facts |= {"base": 1000, "cap": 9000, "dead_for": HOUR, "dead_most": 100}
        return self.ask("webhooks_settle", "e1", json.dumps(facts), place=None)

    def many(self):
        """More than one look sees: a large set is read in parts."""
        for n in range(1000):
            self.store.create(f"{n:032x}", "print", "normal", "{}")
        return self

    def roll_back(self, epoch):
        facts = {"epoch": epoch, "force": False, "count_only": False, "slice": 10, "cursor": "0", "keep": 1000}
        return self.ask("roll_back", json.dumps(facts), place=None)

    def now(self):
        return round(float(self.client.hget(RECORD, "created")))

    @staticmethod
    def _new(fingerprint):
        return {"fingerprint": fingerprint, "lane": "normal", "job_id": "job", "requeue_after": 1000}

    def taken(self):
        self.store.create(ID, "print", "normal", "{}")
        return self

    def leased(self):
        self.taken().claim()
        return self

    def sent(self):
        submitted(self.store, REQUEST)
        return self

    def known_by_its_ticket(self):
        fields = {"ticket": "api1", "outcomes": json.dumps({A: {"state": "accepted"}})}
        submitted(self.store, REQUEST, fields=fields)
        return self

    def dead(self):
        submitted(self.store, REQUEST, state=State.DEAD, key="unused")
        return self

    def held(self):
        self.taken()
        self.claim(hold_until=self.now() + HOUR)
        return self

    def in_parts(self):
        part = {"country": "IT", "id": "b" * 32, "payload": "{}", "fingerprint": "it", "people": 1}
        self.taken().claim(parts=[part])
        return self

    def left_to_an_operator(self):
        submitted(self.store, REQUEST, state=State.UNKNOWN)
        return self

    def handed_over(self, **facts):
        """Octopush holds it for later."""
        self.leased().settle(deliver_at=self.now() + 2 * HOUR, **{"recall_until": self.now() + HOUR, **facts})
        return self

    def move(self, nonce="now"):
        return self.change("reschedule", due=self.now() + 9000, max_ahead=HOUR, payload="{}", change_nonce=nonce)

    def called(self, *, moved=False):
        """Octopush is being asked to cancel it."""
        self.handed_over()
        self.move() if moved else self.change("cancel")
        self.client.hset(RECORD, mapping={"recall": "calling", "recall_token": 1})
        return self

    def settle_recall(self, said, token=1):
        facts = {
            "token": token,
            "key_generation": 0,
            "said": said,
            "reason": "",
            "keep": 1000,
            "delay": 0,
            "month": "m",
        }
        return self.ask("settle_recall", ID, json.dumps(facts))

    def doubtful(self):
        """Octopush may have cancelled it."""
        self.called()
        self.client.hset(RECORD, "recall_doubtful", 1)
        self.settle_recall("no")
        return self

    def lease_over(self):
        """Its worker did not come back, and the scheduler has taken the lease away."""
        self.leased()
        self.client.hset(RECORD, "lease_until", 1)
        self.client.zadd("ow:due", {ID: 1})
        self.store.due.rescue(9, {})
        return self


WAYS = {
    "cancel": {
        "done": lambda it: it.taken().change("cancel"),
        "requested": lambda it: it.handed_over().change("cancel"),
        "refused": lambda it: it.sent().change("cancel"),
        "late": lambda it: it.handed_over(recall_until=1).change("cancel"),
        "in_doubt": lambda it: it.doubtful().change("cancel", change_nonce="then"),
        "absent": lambda it: it.change("cancel"),
    },
    "claim": {
        "lease": lambda it: it.taken().claim(),
        "done": lambda it: it.sent().claim(),
        "stopped": lambda it: it.taken().claim(expires_at=1),
        "busy": lambda it: it.leased().claim(nonce="another's"),
        "wait": lambda it: it.held().claim(),
        "held": lambda it: it.taken().claim(hold_until=it.now() + HOUR),
        "outdated": lambda it: it.taken().claim(planned_at=1, plan_slack=1),
        "rolled_back": lambda it: it.taken().claim(epoch=1),
        "conflict": lambda it: it.taken().claim("another"),
        "superseded": lambda it: it.replaced().claim(ours=True),
    },
    "compare_clocks": {
        "right": lambda it: it.clock("a", 59_000),
        "wrong": lambda it: (it.clock("a", 0), it.clock("b", 61_000))[1],
        "alone": lambda it: it.clock("a", 61_000),
        "redis": lambda it: (it.clock("a", 61_000), it.clock("b", 61_000))[1],
    },
    "create": {
        "created": lambda it: it.create(),
        "same": lambda it: it.taken().create(),
        "conflict": lambda it: it.taken().create("another"),
        "cancelled": lambda it: it.ended("cancelled").create(),
        "expired": lambda it: it.ended("expired").create(),
        "rejected": lambda it: it.ended("rejected").create(),
        "dead": lambda it: it.ended("dead").create(),
    },
    "create_many": {
        "n": lambda it: it.create_many(),
        "s": lambda it: it.taken().create_many(),
        "c": lambda it: it.taken().create_many("another"),
        "x": lambda it: it.ended("cancelled").create_many(),
        "e": lambda it: it.ended("expired").create_many(),
        "r": lambda it: it.ended("rejected").create_many(),
        "d": lambda it: it.ended("dead").create_many(),
    },
    "decide": {
        "done": lambda it: it.left_to_an_operator().change("decide", to="dead"),
        "refused": lambda it: it.sent().change("decide", to="dead"),
        "absent": lambda it: it.change("decide", to="dead"),
    },
    "forget": {
        "done": lambda it: it.sent().forget(),
        "moving": lambda it: it.taken().forget(),
        "changed": lambda it: it.sent().forget("as it was before"),
        "absent": lambda it: it.forget(),
    },
    "receipt": {
        "moved": lambda it: it.known_by_its_ticket().receipt(),
        "noted": lambda it: it.known_by_its_ticket().receipt("underway"),
        "same": lambda it: (it.known_by_its_ticket().receipt(), it.receipt())[1],
        "early": lambda it: it.receipt(),
        "unmatched": lambda it: it.known_by_its_ticket().receipt(ticket=""),
    },
    "reject": {
        "rejected": lambda it: it.reject(),
        "done": lambda it: it.sent().reject(),
        "conflict": lambda it: it.taken().reject("another"),
        "superseded": lambda it: it.replaced().reject(ours=True),
    },
    "replace": {
        "created": lambda it: it.replace(),
        "same": lambda it: it.taken().replace(),
        "replaced": lambda it: it.taken().replace('{"text": "another"}'),
        "gone": lambda it: it.sent().replace(),
    },
    "reply": {
        "kept": lambda it: it.known_by_its_ticket().reply(),
        "same": lambda it: (it.known_by_its_ticket().reply(), it.reply())[1],
        "unmatched": lambda it: it.reply("another"),
    },
    "replay": {
        "done": lambda it: it.dead().change("replay"),
        "refused": lambda it: it.taken().change("replay"),
        "force": lambda it: it.sent().change("replay"),
        "forgotten": lambda it: (it.sent().forget(), it.change("replay", force=True))[1],
        "parts": lambda it: it.in_parts().change("replay"),
        "absent": lambda it: it.change("replay"),
    },
    "reschedule": {
        "done": lambda it: it.held().change("reschedule", due=it.now() + 9000, max_ahead=HOUR, payload="{}"),
        "refused": lambda it: it.sent().change("reschedule", due=it.now() + 9000, max_ahead=HOUR, payload="{}"),
        "requested": lambda it: it.handed_over().move(),
        "late": lambda it: it.handed_over(recall_until=1).move(),
        "in_doubt": lambda it: it.doubtful().move("then"),
        "cancelling": lambda it: (it.handed_over().change("cancel"), it.move("then"))[1],
        "past": lambda it: it.held().change("reschedule", due=1, max_ahead=HOUR, payload="{}"),
        "far": lambda it: it.held().change("reschedule", due=it.now() + 2 * HOUR, max_ahead=HOUR, payload="{}"),
        "replaced": lambda it: it.held().change(
            "reschedule", due=it.now() + 9000, max_ahead=HOUR, payload="{}", incarnation="abcdefabcdef"
        ),
        "absent": lambda it: it.change("reschedule", due=1, max_ahead=HOUR, payload="{}"),
    },
    "roll_back": {
        "calm": lambda it: it.taken().roll_back(epoch=0),
        "more": lambda it: it.many().roll_back(epoch=1),
        "done": lambda it: it.taken().roll_back(epoch=1),
    },
    "settle": {
        "settled": lambda it: it.leased().settle(),
        "late": lambda it: it.lease_over().settle(),
        "fenced": lambda it: it.lease_over().settle(state="waiting", delay=1000),
    },
    "settle_recall": {
        "done": lambda it: it.called().settle_recall("no"),
        "moved": lambda it: it.called().settle_recall("gone"),
        "payload": lambda it: it.called(moved=True).settle_recall("gone"),
        "fenced": lambda it: it.called().settle_recall("no", token=9),
    },
    "take": {"aside": lambda it: it.take("no job"), "together": lambda it: it.take_together()},
    "set_job_aside": {"done": lambda it: it.lay_aside(), "absent": lambda it: it.lay_aside("u")},
    "put_job_back": {"done": lambda it: it.put_back("entry"), "absent": lambda it: it.put_back()},
    "webhooks_settle": {
        "sent": lambda it: it.webhook("sent"),
        "again": lambda it: it.webhook(),
        "dead": lambda it: it.webhook(tries=9),
        "gone": lambda it: it.webhook("gone"),
        "stopped": lambda it: it.webhook("gone")[1:],
    },
    "set_aside": {"done": lambda it: it.ask("set_aside", "1-1", "why", "{}", place=None)},
}
"""Script -> answer -> what brings it about."""


def probe(it):
    """A breaker that is open, and its probe is this message."""
    it.leased()
    it.client.hset("ow:breaker", mapping={"state": "open", "probe": ID, "since": it.now()})
    return it


REFUSED = {"state": "waiting", "key": "next", "delay": 1000, "account_hold": "104", "mended_by_credit": True}
ALERTS = {
    "on_hold": lambda it: it.leased().settle(**REFUSED),
    "breaker_opened": lambda it: it.leased().settle(state="waiting", key="unused", delay=1000, health="fault"),
    "breaker_closed": lambda it: probe(it).settle(health="ok"),
    "balance_low": lambda it: it.leased().settle(fields={"balance": "4.99"}),
    "spend_80": lambda it: it.leased().settle(spent=800_000),
    "spend_100": lambda it: it.leased().settle(spent=1_000_000),
}
"""Alert of `settle` -> what brings it about."""

WAYS["start_code"] = {
    "send": lambda it: it.code(),
    "same": lambda it: it.coded().code(again=9000),
    "spent": lambda it: it.coded(2).code(),
    "refused": lambda it: (it.client.hset("ow:codes:day:" + it.today(), "sent:FR", 21), it.code(guard="refuse"))[1],
}
WAYS["check_code"] = {
    "ok": lambda it: it.coded().guess(right=True),
    "wrong": lambda it: it.coded().guess(),
    "expired": lambda it: it.guess(),
    "locked": lambda it: it.coded().guessed(2).guess(right=True),
}

NO_WORDS = {
    *("opt_out", "presence", "receive", "release", "rescue", "stage", "restore", "resume_campaign"),
    *("shorten", "events_replay", "webhooks_replay", "webhooks_take", "take_recall"),
}
"""Scripts that answer how many and which."""


@pytest.fixture
def asker(client, store):
    return Asker(client, store)


@pytest.mark.parametrize(("script", "word"), [(script, word) for script, ways in WAYS.items() for word in ways])
def test_an_answer_comes_about(asker, script, word):
    assert WAYS[script][word](asker)[0] == word


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_told_with_the_settle_that_made_it_true(asker, alert):
    assert alert in ALERTS[alert](asker)[2:]


@pytest.mark.parametrize("script", scripts.names())
def test_the_answers_of_a_script_are_those_of_its_header(script):
    ways = set(WAYS.get(script, {})) | (set(ALERTS) if script == "settle" else set())
    assert documented(script) == ways
    assert set(SAID.findall(scripts.read(f"{script}.lua"))) <= ways
    assert bool(ways) != (script in NO_WORDS)


def test_a_message_that_nobody_knows_has_no_record_in_the_answer(asker):
    assert asker.change("cancel") == ["absent", "[]", ""]
    assert asker.settle() == ["fenced", "[]"]
    assert asker.receipt() == ["early", "", "", ""]


def test_a_quiet_settle_tells_no_record(asker):
    assert asker.leased().settle(quiet=True) == ["settled", ""]


def test_a_slice_that_found_nothing_is_told_as_empty_lists(asker):
    nothing = {"slice": 9, "requeue_after": 1000, "keep": 1000, "look_ahead": 0, "lease": 1000, "max_crashes": 3}
    assert asker.ask("rescue", json.dumps({**nothing, "queues": {}}), place=None) == [0, "[]", "[]"]
    assert asker.ask("stage", json.dumps(nothing), place=None) == [0, "[]"]
    assert asker.ask("release", json.dumps(nothing), LIMITS.as_text, place=None) == [0, "[]"]
    assert asker.ask("resume_campaign", "nobody", 9, "", 1000, place=None) == [0]
