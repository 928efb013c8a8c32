"""The command line, as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from harness import API_KEY, NUMBER, TEXT, until

from octoworker.sms.record import State


def send(house, *more, check=True):
    return house.command("send", "--to", NUMBER, "--text", TEXT, "--transactional", *more, check=check)


def test_send_and_wait_prints_the_story(house):
    house.worker()
    shown = send(house, "--wait").stdout
    assert "accepted" in shown
    assert NUMBER not in shown
    assert TEXT not in shown


def test_send_as_json_prints_one_document(house):
    house.worker()
    record = json.loads(send(house, "--wait", "--json").stdout)
    assert (record["state"], list(record["recipients"])) == ("accepted", [NUMBER])


def test_status_tells_where_a_message_is(house):
    message_id = send(house).stdout.strip()
    assert "queued" in house.command("status", message_id).stdout
    assert json.loads(house.command("status", message_id, "--json").stdout)["state"] == "queued"


def test_a_story_of_another_day_tells_the_day(house):
    today, earlier = house.enqueue(), "b" * 32
    house.redis.hset(f"ow:message:{earlier}", mapping={"state": "scheduled", "history": "946731600743|scheduled|\n"})
    assert "2000-01-01 13:00:00.743" in house.command("status", earlier).stdout
    assert re.search(r"^  \d\d:\d\d:\d\d\.\d{3}  queued", house.command("status", today).stdout, re.MULTILINE)


def test_status_of_an_unknown_id_is_refused_with_a_sentence(house):
    done = house.command("status", "f" * 32, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("No message has this id")


def test_a_wrong_message_is_refused_before_it_is_taken(house):
    done = house.command("send", "--to", "12", "--text", "hello", check=False)
    assert done.returncode == 1
    assert "recipients" in done.stderr
    assert "STOP au XXXXX" in done.stderr


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("2027-03-28 02:30 Europe/Paris", "does not exist"),
        ("2026-10-25 02:30 Europe/Paris", "comes twice in Europe/Paris"),
    ],
)
def test_a_time_that_the_clocks_leave_out_or_repeat_is_wrong_usage(house, when, why):
    done = send(house, "--at", when, "--dry-run", check=False)
    assert done.returncode == 2
    assert why in " ".join(done.stderr.split())


@pytest.mark.parametrize("when", ["2026-12-01 09:00", "tomorrow", "2026-12-01 09:00 Europe/Atlantis"])
def test_a_time_that_cannot_be_told_is_wrong_usage(house, when):
    assert send(house, "--at", when, check=False).returncode == 2


IN_A_WEEK = datetime.now(UTC) + timedelta(days=7)


def test_a_held_message_is_listed_moved_and_cancelled(house):
    house.worker()
    message_id = send(house, "--at", IN_A_WEEK.isoformat(), "--hold").stdout.strip()
    house.ended(message_id, State.SCHEDULED)
    assert message_id in house.command("list", "--state", "scheduled").stdout
    moved = house.command("reschedule", message_id, "--at", (IN_A_WEEK + timedelta(days=1)).isoformat(), "--json")
    assert json.loads(moved.stdout)["due_at"][:10] == f"{IN_A_WEEK + timedelta(days=1):%Y-%m-%d}"
    assert json.loads(house.command("cancel", message_id, "--json").stdout)["state"] == "cancelled"


def test_what_was_handed_over_is_neither_moved_nor_cancelled(house):
    house.worker()
    message_id = send(house, "--at", IN_A_WEEK.isoformat(), "--wait", "--json").stdout
    message_id = json.loads(message_id)["message_id"]
    for change in (["cancel", message_id], ["reschedule", message_id, "--at", IN_A_WEEK.isoformat()]):
        done = house.command(*change, check=False)
        assert done.returncode == 1
        assert "handed over to Octopush" in done.stderr


@pytest.mark.parametrize(
    ("when", "why"), [("2099-12-01 09:00 Europe/Paris", "within the next"), ("2020-12-01 09:00 Europe/Paris", "passed")]
)
def test_a_time_too_far_or_past_is_refused(house, when, why):
    house.worker()
    done = send(house, "--at", when, "--wait", check=False)
    assert done.returncode == 1
    assert why in done.stdout + done.stderr


def test_a_dry_run_says_what_would_happen_and_does_nothing(house):
    shown = json.loads(send(house, "--at", IN_A_WEEK.isoformat(), "--hold", "--dry-run", "--json").stdout)
    assert (shown["how"], shown["segments"], shown["recipients"]) == ("held here until", 1, 1)
    assert send(house, "--dry-run").stdout.startswith("1 recipient, 1 segment, lane urgent: sent at once")
    advert = [
        "--to",
        NUMBER,
        "--text",
        "Soldes STOP au XXXXX",
        "--at",
        "2027-01-01 12:00 Europe/Paris",
        "--dry-run",
        "--json",
    ]
    shown = json.loads(house.command("send", *advert).stdout)
    assert shown["at"].startswith("2027-01-02T07:00")  # the day after the holiday, at eight in Paris
    assert house.command("send", "--to", NUMBER, "--to", "12", "--text", TEXT, "--dry-run", check=False).returncode == 1
    assert house.redis.keys("ow:*") == []
    assert house.sandbox.calls() == []


def test_a_dry_run_names_what_costs_more_what_may_be_wrong_and_who_is_left_out(house):
    wanted = [
        "--text",
        f"R&amp;D{chr(0x202F)}: {'a' * 90}",
        "--transactional",
        "--to",
        NUMBER,
        "--to",
        "12",
        "--dry-run",
    ]
    facts = json.loads(house.command("send", *wanted, "--json", check=False).stdout)
    assert facts["unicode"]["signs"] == [{"sign": "NARROW NO-BREAK SPACE (U+202F)", "count": 1, "instead": " "}]
    assert (facts["segments"], facts["unicode"]["segments_without"]) == (2, 1)
    assert "&amp;" in facts["warnings"][0]
    assert facts["refused"] == [{"recipient": "…", "reason": "emergency numbers and short codes receive no SMS."}]
    shown = house.command("send", *wanted, check=False).stdout
    assert "Unicode: 2 segments; 1 without" in shown
    assert "text: R&amp;D" in shown
    assert "warning: text: " in shown
    assert "not to …: emergency" in shown


def test_what_may_be_wrong_is_said_at_the_send(house):
    advert = [
        "--to",
        NUMBER,
        "--text",
        "Soldes<br>50%",
        "--type",
        "WWW",
        "--at",
        "2027-01-04 12:00 Europe/Paris",
        "--hold",
    ]
    done = house.command("send", *advert)
    assert done.stderr.splitlines() == [
        'warning: text: "<br>" is written for HTML; write a line end.',
        'warning: FR, 1 person: Marketing names a free way out. Add "STOP au XXXXX" exactly so (five capital X), or set transactional when it is no marketing.',
    ]


def test_a_time_that_has_passed_is_refused_at_once(house):
    refused = send(house, "--at", "2020-01-01T00:00:00Z", check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "had passed" in refused.stderr
    assert house.redis.keys("ow:*") == []


def test_cancel_and_list(house):
    message_id = send(house).stdout.strip()
    assert message_id in house.command("list").stdout
    assert "cancelled" in house.command("cancel", message_id).stdout
    listed = json.loads(house.command("list", "--state", "cancelled", "--json").stdout)
    assert [record["message_id"] for record in listed] == [message_id]
    assert house.command("cancel", message_id, check=False).returncode == 1


def test_replay_keeps_the_guard(house):
    house.worker()
    message_id = send(house).stdout.strip()
    house.ended(message_id)
    refused = house.command("replay", message_id, check=False)
    assert refused.returncode == 1
    assert "ring twice" in refused.stderr
    house.command("replay", message_id, "--force")
    assert house.ended(message_id).state is State.ACCEPTED
    assert house.texts() == [TEXT, TEXT]


def test_an_unknown_message_is_found_and_replayed_by_a_person(house):
    house.sandbox.fault(fault="code", code="777", times=1)
    house.worker()
    message_id = send(house).stdout.strip()
    house.ended(message_id, State.UNKNOWN)
    assert message_id in house.command("list", "--state", "unknown").stdout
    assert house.command("replay", message_id, check=False).returncode == 1
    house.command("replay", message_id, "--force")
    assert house.ended(message_id, State.ACCEPTED).state is State.ACCEPTED


@pytest.fixture
def parked(house):
    """A message that may have been sent, and that no machine touches again."""
    house.sandbox.fault(fault="reset_after", times=-1)
    house.worker(settings={"OCTOWORKER_RETRY_FOR": "0.001"})
    message_id = send(house).stdout.strip()
    until(lambda: (record := house.record(message_id)).state is State.UNKNOWN and record.due_at is None)
    return message_id


@pytest.mark.parametrize(("word", "ends"), [("sent", State.ACCEPTED), ("dead", State.DEAD)])
def test_a_person_decides_about_a_message_that_no_machine_touches_again(house, parked, word, ends):
    sent = len(house.texts())
    assert "operator" in house.command("decide", parked, word).stdout
    assert house.record(parked).state is ends
    assert house.redis.pttl(f"ow:message:{parked}") > 0
    assert parked not in house.command("list", "--state", "unknown").stdout
    assert house.command("replay", parked, check=False).returncode == 1
    assert house.command("decide", parked, word, check=False).returncode == 1
    assert len(house.texts()) == sent


def test_who_must_decide_is_shown_whose_message_it_is_when_they_ask(house, parked):
    shown = house.command("status", parked).stdout
    assert [word for word in (TEXT, "612345678") if word in shown] == []
    revealed = house.command("status", parked, "--reveal").stdout
    assert [word for word in (TEXT, NUMBER) if word not in revealed] == []
    asked = json.loads(house.command("status", parked, "--reveal", "--json").stdout)["asked"]
    assert (asked["recipients"], asked["text"]) == ([NUMBER], TEXT)


def test_nobody_decides_about_a_message_that_is_still_asked_for(house):
    house.sandbox.fault(fault="reset_after", times=1)
    # The backoff is drawn from 0 on: the longer it may be, the surer the message is not asked for in this minute.
    house.worker(settings={"OCTOWORKER_RETRY_BASE": "80000", "OCTOWORKER_RETRY_CAP": "80000"})
    message_id = send(house).stdout.strip()
    house.ended(message_id, State.UNKNOWN)
    refused = house.command("decide", message_id, "sent", check=False)
    assert refused.returncode == 1
    assert "still being asked for" in refused.stderr
    assert house.command("decide", message_id, check=False).returncode == 2


def test_letting_go_of_the_brake_ends_no_pause(house):
    house.command("pause", "--lane", "bulk")
    house.sandbox.fault(fault="code", code="101", times=1)
    house.worker()
    message_id = send(house).stdout.strip()
    house.ended(message_id, State.WAITING)
    assert "ended" in house.command("resume", "--brake").stdout
    assert house.ended(message_id).state is State.ACCEPTED
    assert json.loads(house.command("stats", "--json").stdout)["paused"] == ["bulk"]
    assert "not on hold" in house.command("resume", "--brake").stdout
    assert house.command("resume", "--brake", "--lane", "bulk", check=False).returncode == 2


def test_a_redis_that_hangs_is_told_before_a_person_gives_up(house):
    os.kill(house.server.pid, signal.SIGSTOP)
    try:
        for arguments in (["stats"], ["status", "0" * 32], ["list"], ["pause"]):
            done = house.command(*arguments, check=False, timeout=20)
            assert (done.returncode, done.stdout) == (3, "")
            assert "TimeoutError" in done.stderr
    finally:
        os.kill(house.server.pid, signal.SIGCONT)


def test_who_waits_for_a_message_when_redis_goes_is_told_that_it_was_taken(house):
    command = [sys.executable, "-m", "octoworker", "send", "--to", NUMBER, "--text", TEXT, "--transactional", "--wait"]
    with subprocess.Popen(
        command, env=house.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waits:
        (message_id,) = until(lambda: house.redis.zrange("ow:due", 0, -1))
        house.server.kill()
        try:
            printed, told = waits.communicate(timeout=60)
        finally:
            house.server.start()
    assert (waits.returncode, printed) == (3, "")
    assert f"{message_id} was taken" in told


def test_balance_asks_octopush(house):
    assert re.search(r"\d+\.\d+ EUR", house.command("balance").stdout)
    assert set(json.loads(house.command("balance", "--json").stdout)) == {"credit", "currency", "sms"}


def test_errors_explains_a_code(house):
    assert "153" in house.command("errors", "153").stdout
    assert json.loads(house.command("errors", "--json").stdout)[0]["code"] == "000"


def test_settings_hides_what_is_secret(house):
    shown = house.command("settings").stdout + house.command("settings", "--json").stdout
    assert "OCTOWORKER_LEASE" in shown
    assert API_KEY not in shown


@pytest.mark.parametrize("house", [{"REDIS_URL": "redis://127.0.0.1:1/0"}], indirect=True)
@pytest.mark.parametrize(
    "arguments", [["status", "a" * 32], ["send", "--to", NUMBER, "--text", TEXT, "--transactional"], ["list"]]
)
def test_redis_away_is_exit_3_and_a_sentence(house, arguments):
    done = house.command(*arguments, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("Redis ")
    assert "Traceback" not in done.stderr


def test_a_redis_that_refuses_is_not_called_silent(house):
    house.redis.replicaof("127.0.0.1", "1")
    done = house.command("send", "--to", NUMBER, "--text", TEXT, "--transactional", check=False)
    house.redis.replicaof("NO", "ONE")
    assert (done.returncode, done.stdout) == (3, "")
    assert "(ReadOnlyError)" in done.stderr
    assert "idempotency_key" in done.stderr


@pytest.mark.parametrize("command", ["metrics", "sandbox"])
def test_a_port_that_cannot_be_is_exit_2(house, command):
    done = house.command(command, "--port", "99999", check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("house", [{"OCTOPUSH_URL": "http://127.0.0.1:1/api"}], indirect=True)
def test_octopush_away_is_exit_3(house):
    assert house.command("balance", check=False).returncode == 3


@pytest.mark.parametrize("house", [{"OCTOWORKER_LEASE": "soon", "OCTOWORKER_HOLD": "perhaps"}], indirect=True)
@pytest.mark.parametrize("arguments", [["worker"], ["settings"], ["list"]])
def test_wrong_settings_are_all_listed_and_exit_2(house, arguments):
    done = house.command(*arguments, check=False)
    assert done.returncode == 2
    assert "OCTOWORKER_LEASE" in done.stderr
    assert "OCTOWORKER_HOLD" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_option_is_exit_2(house):
    assert house.command("send", "--nonsense", check=False).returncode == 2


def test_the_demo_ends_well_and_shows_no_number(house):
    shown = house.command("demo")
    assert "Each ended as it should." in shown.stdout
    for secret in ("12345678", "12345681", "612 34", "12 34 56", "4711", "demo-key"):
        assert secret not in shown.stdout + shown.stderr
