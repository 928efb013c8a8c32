"""Who says STOP gets no more marketing, by whichever way it is said."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from harness import NUMBER, until
from store_kit import A, B, at, id_of, open_store, request
from test_receiver import TOKEN, serving

from octoworker.sms.opt_outs import hashes, is_stop
from octoworker.sms.record import State
from octoworker.store import Lease
from octoworker.store.opt_outs import OptOut

ADVERT = "Soldes demain ! STOP au XXXXX"
KEY = "k" * 40


@pytest.mark.parametrize(
    "text", ["STOP", "Stop.", " stop sms ", "Arrêt !", "ARRETER", "Désabonnement", "ｓｔｏｐ", "unsubscribe"]
)
def test_an_answer_that_is_stop_and_nothing_else_is_a_stop(text):
    assert is_stop(text)


@pytest.mark.parametrize("text", ["", "je ne veux pas stopper", "stop à 9 h ?", "nonstop", "ok", "stop " * 50])
def test_an_answer_that_only_has_stop_in_it_is_none(text):
    assert not is_stop(text)


def test_a_setting_adds_words():
    assert is_stop("Basta!", ("basta",))
    assert not is_stop("Basta!")


@pytest.fixture
def calling(house):
    """The sandbox calls a receiver that knows the workers' key."""
    settings = {"OCTOWORKER_INBOUND_TOKEN": TOKEN, "OCTOWORKER_NUMBER_KEYS": KEY, "REDIS_URL": house.redis_url}
    house.environ["OCTOWORKER_NUMBER_KEYS"] = KEY
    with serving(settings) as address:
        house.sandbox.settings(callback_url=address, receipt_delay=0)
        yield house


def advert(house, **more):
    return house.enqueue(text=ADVERT, transactional=False, **more)


@pytest.mark.parametrize("house", [{"OCTOWORKER_HOURS": "off"}], indirect=True)
def test_a_stop_typed_on_a_handset_cancels_what_is_held_and_stops_what_comes(calling):
    house = calling
    house.worker()
    house.ended(house.enqueue(), State.DELIVERED)
    held = advert(house, send_at="2027-01-04T10:00:00+01:00", hold=True)
    until(lambda: house.record(held).state is State.SCHEDULED)
    house.sandbox.type(NUMBER, "Stop")
    assert (house.ended(held).state, house.record(held).reason) == (State.CANCELLED, "opted_out")
    after = house.ended(advert(house))
    assert (after.state, after.reason) == (State.REJECTED, "opted_out")
    assert house.ended(house.enqueue(text="votre code est 4712")).state is not State.REJECTED
    assert ADVERT not in house.texts()
    assert NUMBER not in house.logs()
    assert NUMBER[3:] not in str(house.redis.hgetall("ow:opt-outs"))


@pytest.mark.parametrize("house", [{"OCTOWORKER_HOURS": "off"}], indirect=True)
def test_a_number_that_is_blacklisted_at_octopush_is_opted_out_here_too(calling):
    house = calling
    house.worker()
    house.sandbox.blacklist([NUMBER])
    assert house.ended(house.enqueue(), State.UNDELIVERED).recipients[NUMBER]["word"] == "BLACKLISTED_NUMBER"
    assert house.ended(advert(house)).reason == "opted_out"


def test_a_stop_and_a_release_at_the_same_instant_never_do_both(redis_server, redis_client):
    """A thousand races: either the message is cancelled, or a worker has the right to send it."""
    store = open_store(redis_client, keep_for=1000)
    keys = hashes(A, [KEY])
    payload = json.dumps({"recipients": A, "text": ADVERT})
    for n in range(1000):
        each = replace(request(n, payload=payload, marketing=True), opt_outs={A: keys})
        store.claim(replace(each, hold_until=at(redis_client.time()[0] + 100)))
        redis_client.hset(f"ow:message:{id_of(n)}", "due", 0)
        found = {}
        begin = threading.Barrier(2)

        def claims(each=each, found=found, begin=begin):
            begin.wait()
            found["claim"] = store.claim(each)

        def says_stop(found=found, begin=begin):
            begin.wait()
            found["cancelled"] = store.opt_outs.add(keys, OptOut("stop")).cancelled

        threads = [threading.Thread(target=act) for act in (claims, says_stop)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sent = isinstance(found["claim"], Lease)
        assert sent == (store.get(id_of(n)).state is State.SUBMITTING)
        assert not (sent and found["cancelled"])
        store.opt_outs.remove(keys)
    store.close()


def test_an_operator_keeps_the_list(house):
    house.environ["OCTOWORKER_NUMBER_KEYS"] = KEY
    assert house.command("optout", "why", NUMBER, check=False).returncode == 1
    house.command("optout", "add", "06 12 34 56 78", "--all")
    told = json.loads(house.command("optout", "why", NUMBER, "--json").stdout)
    assert (told["source"], told["scope"]) == ("operator", "all")
    exported = house.command("optout", "export").stdout
    assert NUMBER[3:] not in exported
    house.command("optout", "remove", NUMBER)
    assert house.command("optout", "remove", NUMBER, check=False).returncode == 1
    (house.folder / "list").write_text(f"{exported}+33612345679\nno number\n")
    imported = house.command("optout", "import", "list", check=False)
    assert (imported.returncode, imported.stdout) == (1, "2 taken.\n")
    assert json.loads(house.command("optout", "list", "--json").stdout) == {"operator": 1, "import": 1}
    assert house.command("optout", "add", "nobody", check=False).returncode == 1


ASKS = """
from octoworker import opted_out
from octoworker.errors import PayloadError
try:
    opted_out("nobody")
except PayloadError:
    print(opted_out("06 12 34 56 78"), opted_out("+33612345679"))
"""


def test_a_web_app_asks_whether_a_number_is_opted_out(house):
    house.environ["OCTOWORKER_NUMBER_KEYS"] = KEY
    house.command("optout", "add", NUMBER)
    asked = subprocess.run(
        [sys.executable, "-c", ASKS], env=house.environ, capture_output=True, text=True, check=True, cwd=house.folder
    )
    assert asked.stdout == "True False\n"


GOOD = {"hash": "0" * 32, "source": "stop", "scope": "all", "ticket": "api1", "since": 1_764_150_000_000}


@pytest.mark.parametrize(
    "odd",
    [
        *({"hash": each} for each in ("", "0" * 31, "0" * 33, "Z" * 32, 5, None, ["0" * 32])),
        *({"source": each} for each in ("somebody", "", None, ["stop"])),
        *({"scope": each} for each in ("nothing", None, {"all": 1})),
        *({"since": each} for each in (True, "1", 1.5, -1, 10**15, 10**400)),
        *({"ticket": each} for each in (5, "x" * 65, "[red]", {})),
    ],
    ids=repr,
)
def test_a_line_that_no_export_has_written_is_not_put_into_the_list(odd):
    assert OptOut.exported(json.dumps(GOOD)) == (GOOD["hash"], OptOut("stop", "all", "api1", at(1_764_150_000)))
    with pytest.raises(ValueError, match="no line of an export"):
        OptOut.exported(json.dumps({**GOOD, **odd}))


@pytest.mark.parametrize("line", ["", "{", "[1]", "null", "5", '{"a":' + "[" * 900, "[" * 100_000])
def test_what_is_no_json_object_is_no_line_of_an_export(line):
    with pytest.raises(ValueError, match="no line of an export"):
        OptOut.exported(line)


def test_an_import_names_the_lines_it_could_not_read_and_takes_the_others(house, tmp_path):
    lines = [NUMBER, "[/x]", "0" * 3_000_000, json.dumps({**GOOD, "source": ["stop"]}), "", json.dumps(GOOD), B]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    done = house.command("optout", "import", str(tmp_path / "list.txt"), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "3 taken.\n", "3 lines could not be read: 2, 3, 4\n")
    assert json.loads(house.command("optout", "list", "--json").stdout) == {"import": 2, "stop": 1}
