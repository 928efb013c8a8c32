"""Campaigns, from the file to the handsets."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys

import pytest
from harness import until

from octoworker.client.campaigns import loading
from octoworker.client.campaigns.parts import Person
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client
from octoworker.sms.record import State

TEXT = "Bonjour {prenom}, votre commande est prete"


def people(count):
    return [(f"06123{n:05d}", f"P{n}") for n in range(count)]


@pytest.fixture
def file(tmp_path):
    def write(rows, name="people.csv", head=("Téléphone", "Prénom")):
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out, delimiter=";").writerows([head, *rows])
        return path

    return write


def bulk(house, path, *more, text=TEXT, check=True):
    return house.command("bulk", str(path), "--template", text, "--transactional", *more, check=check)


def started(house, path, *more, **options):
    """Its id; the exit status says whether rows were refused."""
    return json.loads(bulk(house, path, "--send", "--json", *more, check=False, **options).stdout)["campaign"]


def progress(house, campaign):
    return json.loads(house.command("campaign", campaign, "--json").stdout)


def over(house, campaign):
    until(lambda: house.store.campaigns.get(campaign).over)
    return progress(house, campaign)


def e164(count):
    return [f"+336123{n:05d}" for n in range(count)]


def test_a_preview_sends_nothing_and_names_who_is_refused_and_where(house, file):
    path = file([*people(5), ("0112345678", "Fixe"), ("", "Vide"), ("0612300000", ""), ("06123 00001", "P1")])
    shown = bulk(house, path).stdout
    facts = json.loads(bulk(house, path, "--json").stdout)
    assert (facts["rows"], facts["people"], facts["segments"]) == (9, 5, {"1": 5})
    assert {tuple(each["lines"]) for each in facts["refused"]} == {(7,), (8,), (9,), (10,)}
    assert "Nothing was sent" in shown
    assert house.redis.keys("ow:*") == []


def test_a_preview_shows_the_first_finished_texts_and_what_makes_them_dearer(house, file):
    rows = [(number, f"P{n}{chr(0xA0)}" + "x" * 60 if n < 2 else f"P{n}") for n, (number, _) in enumerate(people(5))]
    path = file(rows)
    facts = json.loads(bulk(house, path, "--json", text="Bonjour {prenom}, c&apos;est pret").stdout)
    assert [text[:10] for text in facts["texts"]] == ["Bonjour P0", "Bonjour P1", "Bonjour P2"]
    assert facts["unicode"] == [{"sign": 'NO-BREAK SPACE (U+00A0), write " "', "rows": 2}]
    assert facts["avoidable_segments"] == 2
    assert [each["rows"] for each in facts["warnings"]] == [5]
    shown = bulk(house, path, text="Bonjour {prenom}, c&apos;est pret").stdout
    assert "text: Bonjour P2, c&apos;est pret" in shown
    assert "2 segments would be saved without" in shown
    assert "2 NO-BREAK SPACE (U+00A0)" in shown


def test_what_a_stranger_wrote_is_shown_as_text(house, file):
    path = file([("0612300000", ""), ("0612300001", "[/x] [link=http://x]\x1b[31m")], head=("tel", "[/x]"))
    shown = bulk(house, path, text="Bonjour {[/x]}").stdout
    assert "[/x]: the field is empty." in shown
    assert bulk(house, path, text="Bonjour {autre}", check=False).returncode == 1
    other = file([("0612300001", "[/x] [link=http://x] fin")], head=("tel", "nom"))
    assert "text: Bonjour [/x] [link=http://x] fin" in bulk(house, other, text="Bonjour {nom}").stdout


def test_nobody_is_taken_from_a_file_with_a_row_that_cannot_be_read(house, tmp_path):
    path = tmp_path / "people.csv"
    rows = [f"{number};{name}" for number, name in people(250)]
    path.write_text("\n".join(["tel;prenom", *rows, '0612399999;5" de trop']), encoding="utf-8")
    done = bulk(house, path, "--send", check=False)
    assert done.returncode == 1
    assert "line 252" in done.stdout + done.stderr
    assert house.redis.keys("ow:*") == []


def test_a_file_in_an_old_encoding_is_sent_when_it_is_named(house, tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes("tel;prenom\r0612300000;Zoé\r".encode("mac-roman"))
    assert "--encoding" in bulk(house, path, check=False).stderr
    facts = json.loads(bulk(house, path, "--encoding", "mac-roman", "--json").stdout)
    assert facts["texts"] == ["Bonjour Zoé, votre commande est prete"]


def test_a_lonely_brace_is_refused_before_anything_is_read(house, file):
    done = bulk(house, file(people(1)), text="Bonjour {prenom votre rdv", check=False)
    assert "the brace at character 9 has no partner" in done.stdout + done.stderr


def test_a_campaign_reaches_everybody_once_with_their_own_text(house, file):
    house.worker()
    campaign = started(house, file(people(300)))
    found = over(house, campaign)
    assert found["counts"] == {"accepted": 300}
    assert [house.texts(n) for n in e164(300)] == [[f"Bonjour P{n}, votre commande est prete"] for n in range(300)]


def test_one_text_for_all_goes_to_five_hundred_per_call(house, file):
    house.worker()
    campaign = started(house, file(people(1201)), text="Magasin ferme demain")
    assert over(house, campaign)["counts"] == {"accepted": 1201}
    assert len(house.sandbox.calls()) == 3
    assert all(len(house.texts(n)) == 1 for n in e164(1201))


def test_who_the_preview_refuses_is_refused_at_the_send_and_nobody_else(house, file):
    house.worker()
    path = file([*people(20), ("0112345678", "Fixe"), ("0612300003", "P3")])
    refused = sum(each["rows"] for each in json.loads(bulk(house, path, "--json").stdout)["refused"])
    found = over(house, started(house, path))
    assert (found["refused"], found["counts"]) == (refused, {"accepted": 20})


def test_the_same_file_and_text_twice_a_day_is_refused_unless_forced(house, file):
    path = file(people(3))
    first = started(house, path)
    again = bulk(house, path, "--send", check=False)
    assert again.returncode == 1
    assert first in again.stderr
    assert started(house, path, "--force") != first
    assert started(house, path, text="Autre texte {prenom}")


def test_a_paused_campaign_waits_and_goes_on(house, file):
    house.worker()
    house.command("pause", "--lane", "bulk")
    campaign = started(house, file(people(120)))
    house.command("campaign", campaign, "pause")
    house.command("resume", "--lane", "bulk")
    until(lambda: progress(house, campaign)["counts"] == {"waiting": 120})
    assert house.sandbox.handsets() == {}
    other = started(house, file([("0698765432", "X")], name="other.csv"))
    assert over(house, other)["counts"] == {"accepted": 1}
    house.command("campaign", campaign, "resume")
    assert over(house, campaign)["counts"] == {"accepted": 120}


def test_a_cancelled_campaign_stops_what_has_not_gone(house, file):
    campaign = started(house, file(people(30)), "--at", "2027-03-01 10:00 Europe/Paris")
    house.worker()
    until(lambda: progress(house, campaign)["counts"] == {"scheduled": 30})
    assert "30 messages stopped" in house.command("campaign", campaign, "cancel").stdout
    assert progress(house, campaign)["counts"] == {"cancelled": 30}


def test_results_are_a_csv_with_a_line_for_each_person(house, file):
    house.worker()
    campaign = started(house, file(people(10)))
    over(house, campaign)
    rows = list(csv.DictReader(io.StringIO(house.command("campaign", campaign, "results").stdout)))
    assert [row["recipient"] for row in rows] == e164(10)
    assert {row["state"] for row in rows} == {"accepted"}
    assert [row["row"] for row in rows] == [str(n) for n in range(2, 12)]


def test_results_run_nothing_in_a_spreadsheet(house, file):
    """A number that cannot be read stands in the results as it was written."""
    house.worker()
    campaign = started(house, file([*people(1), ("=HYPERLINK(1)", "x")]), text="Magasin ferme demain")
    over(house, campaign)
    written = house.command("campaign", campaign, "results").stdout
    assert "HYPERLINK" in written
    assert ",=HYPERLINK" not in written


def test_progress_counts_each_message_once_however_often_its_job_comes(house, file):
    house.command("pause")
    campaign = started(house, file(people(50)))
    job = house.redis.lindex("sms.bulk", 0)
    for _ in range(5):
        house.redis.lpush("sms.bulk", job)
    house.worker()
    house.command("resume")
    assert over(house, campaign)["counts"] == {"accepted": 50}
    until(lambda: house.redis.llen("sms.bulk") == 0)
    assert progress(house, campaign)["counts"] == {"accepted": 50}


def test_failures_are_counted_by_their_reasons(house, file):
    house.worker()
    for number in e164(3):
        house.sandbox.fault(fault="code", code="151", times=-1, recipient=number)
    found = over(house, started(house, file(people(10))))
    assert found["counts"] == {"accepted": 7, "rejected": 3}
    assert found["reasons"] == {"151": 3}


PLAIN = "Magasin ferme demain"


def results(house, campaign):
    written = house.command("campaign", campaign, "results").stdout
    return {row["recipient"]: row for row in csv.DictReader(io.StringIO(written))}


def test_of_one_message_to_many_each_is_counted_and_shown_alone(house, file):
    """One is refused by Octopush, one is no mobile number; both were written as people write them."""
    rows = [("06 12 30 00 00", "A"), ("06.12.30.00.01", "B"), ("0112345678", "C"), ("+33612300002", "D")]
    house.sandbox.fault(fault="partial", codes={"+33612300001": "151"})
    house.worker()
    campaign = started(house, file(rows), text=PLAIN)
    found = over(house, campaign)
    assert found["counts"] == {"accepted": 2, "rejected": 2}
    assert found["reasons"]["151"] == 1
    assert sum(found["reasons"].values()) == 2
    shown = results(house, campaign)
    assert {name: row["state"] for name, row in shown.items()} == {
        "+33612300000": "accepted",
        "+33612300001": "rejected",
        "+33612300002": "accepted",
        "0112345678": "rejected",
    }
    assert shown["+33612300001"]["error_code"] == "151"
    assert "fixed line" in shown["0112345678"]["reason"]
    assert shown["+33612300000"]["reason"] == ""
    assert "151: " in house.command("campaign", campaign).stdout


def test_after_a_lost_answer_everybody_is_counted_and_shown_unconfirmed(house, file):
    house.sandbox.fault("reset_after")
    house.worker()
    campaign = started(house, file(people(5)), text=PLAIN)
    assert over(house, campaign)["counts"] == {"accepted": 5}
    assert {(row["state"], row["confirmed"]) for row in results(house, campaign).values()} == {("accepted", "no")}


def test_a_file_of_which_rows_were_refused_ends_with_1(house, file):
    house.worker()
    path = file([*people(2), ("0112345678", "x")])
    assert bulk(house, path, "--send", check=False).returncode == 1
    assert bulk(house, file(people(2), name="good.csv"), "--send").returncode == 0


def test_ctrl_c_leaves_a_campaign_running(house, file):
    house.command("pause")
    command = [sys.executable, "-m", "octoworker", "bulk", str(file(people(20))), "--template", TEXT]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command, "--transactional", "--send"], env=house.environ, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    shown = b""
    while b"accepted" not in shown:
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass
    os.close(ours)
    assert process.wait(20) == 0
    assert b"octoworker campaign" in shown
    house.command("resume")
    house.worker()
    house.sandbox.wait(handsets=20)


def test_a_campaign_from_python(house):
    script = """
import sys
import octoworker
rows = [{"Numéro": f"06123{n:05d}", "prenom": f"P{n}"} for n in range(30)]
print(octoworker.campaign(sys.argv[1], rows, recipient="Numéro", transactional=True))
try:
    octoworker.campaign(sys.argv[1], [{"recipient": "06"}])
except TypeError as error:
    print(error)
"""
    out = subprocess.check_output([sys.executable, "-c", script, TEXT], env=house.environ, text=True).splitlines()
    house.worker()
    assert over(house, out[0])["counts"] == {"accepted": 30}
    assert "prenom" in out[1]


def test_a_campaign_that_is_cancelled_while_it_is_taken_takes_no_more(house):
    mine = Client(house.environ)
    campaign = mine.store.campaigns.open("a1b2c3", "").id
    rows = [Person(n, f"06123{n:05d}", f"+336123{n:05d}", {"prenom": f"P{n}"}) for n in range(900)]
    cancelled = []

    def cancel_once(_):
        cancelled or cancelled.append(mine.store.campaigns.cancel(campaign))

    loading.take(mine, campaign, Template(TEXT), rows, {"transactional": True}, reply=cancel_once)
    mine.store.campaigns.loaded(campaign, people=900, refused=0)
    counts = over(house, campaign)["counts"]
    assert counts.keys() == {"cancelled"}
    assert counts["cancelled"] < 900
    mine.close()


def test_a_million_rows_are_read_in_bounded_memory(tmp_path):
    script = """
import resource, sys
from pathlib import Path
from octoworker.client.campaigns.table import Table
path = Path(sys.argv[1])
with path.open("w") as out:
    out.write("tel;nom\\n")
    for n in range(int(sys.argv[2])): out.write(f"06{n:08d};Nom {n}\\n")
print(sum(1 for _ in Table(path)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    sizes = {}
    for rows in (1000, 1_000_000):
        out = subprocess.check_output([sys.executable, "-c", script, str(tmp_path / "many.csv"), str(rows)], text=True)
        read, sizes[rows] = map(int, out.split())
        assert read == rows
    assert sizes[1_000_000] < sizes[1000] + 8 * 1024


def test_messages_of_a_campaign_are_found_like_any_other(house, file):
    house.worker()
    campaign = started(house, file(people(2)), "--reference", "spring")
    over(house, campaign)
    ids = [message_id for message_id, _ in house.store.campaigns.ids(campaign)]
    assert {house.record(m).state for m in ids} == {State.ACCEPTED}
    assert {house.record(m).reference for m in ids} == {"spring"}
