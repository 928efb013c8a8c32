"""A campaign is one thing however often it is asked for: whatever stops it, the same call rings nobody twice.

Rings are counted on the handsets of the sandbox, by number and text.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest
from harness import until

import octoworker
from octoworker.client.campaigns import loading
from octoworker.client.campaigns.campaign import campaign as campaign_of
from octoworker.client.campaigns.campaign import taken_by
from octoworker.client.campaigns.spool import Spool
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client
from octoworker.errors import CampaignSentError, EnqueueError, KeyConflictError

TEXT = "Bonjour {prenom}, votre rendez-vous approche."
PLAIN = "Votre rendez-vous approche."
OPTIONS = {"transactional": True}


class Stopped(Exception):  # noqa: N818 - whatever it is that stops somebody's program
    pass


def people(count, **more):
    return [{"recipient": f"06123{n:05d}", "prenom": f"P{n}", **more} for n in range(count)]


def rings(house):
    shown = house.sandbox.handsets()
    return Counter((number, each["text"]) for number, messages in shown.items() for each in messages)


@pytest.fixture
def mine(house):
    client = Client(house.environ)
    yield client
    client.close()


def take(mine, template, rows, *, key=None, stop_after=None, force=False, options=OPTIONS, skip_sent=False):
    """What `octoworker.campaign` does, and what stops it after so many people."""

    def told(taken):
        if stop_after is not None and taken >= stop_after:
            raise Stopped

    text = Template(template)
    with Spool(rows, text, "recipient") as spool:
        opened = loading.begin(mine, loading.Asked(template, options, spool.digest, key, skip_sent), "", force=force)
        own = opened.id
        found, refused = loading.people(spool, text, mine.policy, opened.regions)
        if skip_sent:
            found = loading.skipping(found, text, mine.store.campaigns, own)
        taken = loading.take(mine, own, text, found, options, reply=told)
        mine.store.campaigns.loaded(own, people=taken, refused=sum(refused.values()))
        return own


@pytest.mark.parametrize("template", [TEXT, PLAIN])
@pytest.mark.parametrize("key", [None, "spring"])
def test_a_campaign_that_was_stopped_goes_on_and_rings_everybody_once(house, mine, template, key):
    rows = people(1200)
    with pytest.raises(Stopped):
        take(mine, template, rows, key=key, stop_after=400)
    own = take(mine, template, rows, key=key)
    house.worker()
    until(lambda: house.store.campaigns.get(own).over)
    found = rings(house)
    assert len(found) == 1200
    assert set(found.values()) == {1}


def in_region(mine, house, region):
    return Client({**house.environ, "OCTOWORKER_REGION": region}, store=mine.store)


@pytest.mark.parametrize(("template", "others"), [(TEXT, 250), (PLAIN, 520)])
def test_a_person_in_two_spellings_rings_once_also_when_it_goes_on_for_another_region(house, mine, template, others):
    twice = [{"recipient": "0612345678", "prenom": "Anna"}, {"recipient": "+33612345678", "prenom": "Anna"}]
    rows = [twice[0], *people(others), twice[1]]
    with pytest.raises(Stopped):
        take(mine, template, rows, stop_after=1)
    later = in_region(mine, house, "BE")
    own = take(later, template, rows)
    house.worker()
    until(lambda: house.store.campaigns.get(own).over)
    found = rings(house)
    assert set(found.values()) == {1}
    assert "+33612345678" in {number for number, _ in found}


def test_who_was_taken_does_not_depend_on_the_settings_of_the_day(house, mine):
    """A third can be read on both days, a third on the first alone, a third on the second."""
    rows = [{"recipient": (f"+336123{n:05d}", f"06123{n:05d}", f"0470{n:06d}")[n % 3]} for n in range(1200)]
    with pytest.raises(Stopped):
        take(mine, PLAIN, rows, stop_after=500)
    own = take(in_region(mine, house, "BE"), PLAIN, rows)
    house.worker()
    until(lambda: house.store.campaigns.get(own).over)
    assert set(rings(house).values()) == {1}


def test_a_mistake_in_a_late_row_takes_nobody(house):
    rows = [*people(230), {"recipient": "0612345678"}, *people(19)]
    done = in_a_process(house, f"octoworker.campaign({TEXT!r}, {rows!r}, transactional=True)")
    assert "row 231" in done.stderr
    assert "'prenom'" in done.stderr
    assert house.store.count()["moving"] == 0


def test_rows_that_raise_take_nobody(house):
    script = f"octoworker.campaign({TEXT!r}, (1 / (5 - n) and row for n, row in enumerate({people(9)!r})))"
    assert "ZeroDivisionError" in in_a_process(house, script).stderr
    assert house.store.count()["moving"] == 0


def test_one_that_went_out_within_the_day_is_refused_with_its_id_unless_forced(mine):
    rows = people(3)
    first = take(mine, TEXT, rows)
    with pytest.raises(CampaignSentError) as again:
        take(mine, TEXT, rows)
    assert again.value.campaign_id == first
    assert take(mine, TEXT, rows, force=True) != first
    assert take(mine, TEXT, rows, key="it is meant") != first


@pytest.mark.parametrize("template", [TEXT, PLAIN])
def test_one_that_is_forced_and_was_stopped_goes_on_as_well(house, mine, template):
    rows = people(1200)
    first = take(mine, template, rows)
    with pytest.raises(Stopped):
        take(mine, template, rows, force=True, stop_after=400)
    own = take(mine, template, rows, force=True)
    assert own != first
    house.worker()
    until(lambda: house.store.campaigns.get(own).over and house.store.campaigns.get(first).over)
    assert set(rings(house).values()) == {2}, "once for each time that it was meant"


def test_one_that_was_stopped_and_cancelled_is_begun_anew_when_it_is_forced(mine):
    rows = people(300)
    with pytest.raises(Stopped):
        take(mine, TEXT, rows, stop_after=100)
    (begun,) = mine.store.campaigns.begun()
    mine.store.campaigns.cancel(begun[1].id)
    assert take(mine, TEXT, rows, force=True) != begun[1].id


def test_a_key_of_a_campaign_with_other_content_is_a_conflict(mine):
    take(mine, TEXT, people(3), key="spring")
    with pytest.raises(KeyConflictError):
        take(mine, TEXT, people(4), key="spring")


def test_other_options_are_another_campaign(mine):
    first = take(mine, TEXT, people(3))
    assert take(mine, TEXT, people(3), options={**OPTIONS, "reference": "second"}) != first


@pytest.mark.parametrize("template", [TEXT, PLAIN])
def test_a_person_in_two_spellings_rings_once(house, mine, template):
    rows = [
        {"recipient": "06 12 34 56 78", "prenom": "Anna"},
        *people(600),
        {"recipient": "+33612345678", "prenom": "Anna"},
        {"recipient": "0033612345678", "prenom": "Anna"},
    ]
    own = take(mine, template, rows)
    house.worker()
    until(lambda: house.store.campaigns.get(own).over)
    found = rings(house)
    assert set(found.values()) == {1}
    assert len(found) == 601


def test_a_landline_among_mobiles_costs_the_mobiles_nothing(house, mine):
    own = take(mine, PLAIN, [*people(40), {"recipient": "0112345678"}])
    house.worker()
    until(lambda: house.store.campaigns.get(own).over)
    assert len(rings(house)) == 40


@pytest.mark.parametrize("template", [TEXT, PLAIN])
def test_a_message_that_goes_again_alone_is_the_same_message(house, mine, template):
    house.sandbox.fault("code", code="153", times=1)
    own = take(mine, template, [{"recipient": "06 12 34 56 78", "prenom": "Anna"}])
    house.worker()
    until(lambda: house.store.campaigns.get(own).over)
    assert set(rings(house).values()) == {1}


def test_a_failure_of_redis_on_the_way_says_where_the_campaign_stands(house, mine):
    rows = people(1000)

    def fails(*_, **__):
        raise EnqueueError("Redis could not be read or written (TimeoutError): try again.")

    class Failing:
        policy, store = mine.policy, mine.store
        calls = 0

        def take(self, *arguments):
            self.calls += 1
            return fails() if self.calls == 3 else mine.take(*arguments)

    text = Template(TEXT)
    with Spool(rows, text, "recipient") as spool:
        own = loading.begin(mine, loading.Asked(TEXT, OPTIONS, spool.digest), "").id
        found, _ = loading.people(spool, text, mine.policy)
        with pytest.raises(EnqueueError) as failed:
            loading.take(Failing(), own, text, found, OPTIONS)
    assert failed.value.campaign_id == own
    assert failed.value.taken == 400
    assert take(mine, TEXT, rows) == own


class Meanwhile(Spool):
    """Its reader takes Redis away as it comes to the last of these rows, or to their end."""

    def __init__(self, rows, *, server, at):
        super().__init__(rows, Template(TEXT), "recipient")
        self._server, self._at = server, at

    def __iter__(self):
        for number, *more in super().__iter__():
            if number == self._at:
                self._server.kill()
            yield number, *more
        self._server.kill()


@pytest.mark.parametrize(
    ("skip_sent", "at", "taken"),
    [(True, 700, 400), (False, None, 1000)],
    ids=["while it asks who got it", "at its end"],
)
def test_a_redis_that_goes_between_two_batches_is_told_as_one_within(house, mine, skip_sent, at, taken):
    rows = people(1000)
    with Meanwhile(rows, server=house.server, at=at) as spool:
        asked = loading.Asked(TEXT, OPTIONS, spool.digest, "spring", skip_sent)
        with pytest.raises(EnqueueError) as failed:
            taken_by(mine, asked, spool, "")
    house.server.start()
    assert failed.value.taken == taken
    assert take(mine, TEXT, rows, key="spring", skip_sent=skip_sent) == failed.value.campaign_id
    assert house.store.campaigns.get(failed.value.campaign_id).taken == 1000


def test_the_same_call_from_python_twice(house):
    rows = people(20)
    script = f"print(octoworker.campaign({TEXT!r}, {rows!r}, transactional=True, idempotency_key='k'))"
    own = in_a_process(house, script).stdout.strip()
    assert own in in_a_process(house, script).stderr
    house.worker()
    until(lambda: house.store.campaigns.get(own).over)
    assert set(rings(house).values()) == {1}
    assert octoworker.campaign is campaign_of


def in_a_process(house, script):
    return subprocess.run(
        [sys.executable, "-c", f"import octoworker\n{script}"],
        env=house.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("template", [TEXT, PLAIN])
def test_a_mended_file_leaves_out_who_got_the_text(house, mine, template):
    """Three rows were wrong, and stand at another place in the mended file, in other spellings."""
    first = [*people(40), *({"recipient": "0112345678", "prenom": f"X{n}"} for n in range(3))]
    mended = [*people(44)[::-1], {"recipient": "+33612300001", "prenom": "P1"}]
    take(mine, template, first)
    house.worker()
    until(lambda: len(rings(house)) == 40, timeout=60)
    own = take(mine, template, mended, skip_sent=True)
    until(lambda: house.store.campaigns.get(own).over, timeout=60)
    found = rings(house)
    assert set(found.values()) == {1}
    assert len(found) == 44
    assert sum(house.store.campaigns.get(own).counts.values()) == 4


def test_a_preview_counts_who_got_the_text(house, mine, tmp_path):
    take(mine, PLAIN, people(5))
    file = tmp_path / "mended.csv"
    file.write_text("tel\n" + "\n".join(f"+336123{n:05d}" for n in range(7)))
    asked = ["bulk", str(file), "--template", PLAIN, "--transactional"]
    assert json.loads(house.command(*asked, "--json").stdout)["got_it_already"] == 5
    assert "--skip-sent" in house.command(*asked).stdout
    house.command(*asked, "--send", "--skip-sent", "--json")
    house.worker()
    until(lambda: len(rings(house)) == 7)
    assert set(rings(house).values()) == {1}
