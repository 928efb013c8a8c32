"""`octoworker bulk` of many thousand people, stopped on its way and continued by the same command after a setting was changed:
each is in one message, and nobody is left out."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections import Counter

import pytest
from harness import until

from octoworker.sms import people
from octoworker.sms.policy import Policy

ROWS = 6_000
FIELDS, PLAIN = "Bonjour {prenom}, votre rendez-vous approche.", "Votre rendez-vous approche."
BEFORE = {"OCTOWORKER_COUNTRIES": "FR", "OCTOWORKER_SENDER": "Before"}
AFTER = {"OCTOWORKER_COUNTRIES": "FR,BE", "OCTOWORKER_SENDER": "After", "OCTOWORKER_ALLOW_POSSIBLE": "true"}


def written(n):
    """Every seventh is Belgian; the others are written in three ways."""
    if n % 7 == 0:
        return f"+32470{n:06d}"
    return (f"06 12 {n // 10000:02d} {n // 100 % 100:02d} {n % 100:02d}", f"+33612{n:06d}", f"0033612{n:06d}")[n % 3]


@pytest.fixture
def command(house, tmp_path):
    """The same command, with these settings."""
    path = tmp_path / "people.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, delimiter=";").writerows([("tel", "prenom"), *((written(n), f"P{n}") for n in range(ROWS))])

    def start(template, settings):
        asked = ["bulk", str(path), "--template", template, "--transactional", "--send", "--json"]
        return subprocess.Popen(
            [sys.executable, "-m", "octoworker", *asked],
            env={**house.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


def signalled(number):
    def stop(house, process):
        until(lambda: house.redis.dbsize() > 100, timeout=240)
        process.send_signal(number)

    return stop


def full(house, _):
    """It has room for some thousand."""
    house.redis.config_set("maxmemory", int(house.redis.info("memory")["used_memory"]) + 2_500_000)


STOPS = {"Ctrl-C": signalled(signal.SIGINT), "SIGKILL": signalled(signal.SIGKILL), "a full Redis": full}


@pytest.mark.parametrize("stop", STOPS)
def test_everybody_is_taken_once(house, command, stop):
    first = command(FIELDS, BEFORE)
    STOPS[stop](house, first)
    _, said = first.communicate(timeout=300)
    assert first.returncode != 0, "it was stopped on its way"
    assert stop != "a full Redis" or "again" in said
    some = len(recipients(house))
    assert 0 < some < ROWS
    house.redis.config_set("maxmemory", 0)
    again = command(FIELDS, AFTER)
    out, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert json.loads(out)["counts"] == {"queued": ROWS}
    assert Counter(recipients(house)) == Counter(map(e164, range(ROWS)))


def test_everybody_is_taken_once_of_a_text_that_is_the_same_for_all(house, command):
    first = command(PLAIN, BEFORE)
    until(lambda: house.redis.zcard("ow:due") > 0, timeout=240)
    first.kill()
    first.communicate()
    again = command(PLAIN, AFTER)
    _, said = again.communicate(timeout=300)
    assert again.returncode in (0, 1), said
    assert Counter(recipients(house)) == Counter(map(e164, range(ROWS)))


def e164(n):
    return f"+32470{n:06d}" if n % 7 == 0 else f"+33612{n:06d}"


def recipients(house):
    """Of all messages that were taken, as a worker reads them."""
    found = []
    policy = Policy(allow_possible=True)
    keys = list(house.redis.scan_iter("ow:message:*", count=1000))
    for start in range(0, len(keys), 500):
        with house.redis.pipeline(transaction=False) as pipe:
            for key in keys[start : start + 500]:
                pipe.hget(key, "payload")
            for payload in pipe.execute():
                found += people.read(json.loads(payload)["recipients"], policy).good
    return found
