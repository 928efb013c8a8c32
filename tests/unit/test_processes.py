"""How many processes a worker has, what each has of it, and how Celery's tools tell them apart."""

from __future__ import annotations

import pytest
from celery.utils.sysinfo import cpu_budget

from octoworker.config import Settings
from octoworker.errors import SettingsError
from octoworker.worker import processes
from octoworker.worker.share import Share


def count(*arguments, pool="threads", environ=None, **settings):
    return processes.count(Settings.load(settings), pool, arguments, environ or {})


def test_a_worker_has_as_many_processes_as_cores_and_no_more_than_two():
    assert count() == min(2, cpu_budget().count)


def test_the_setting_says_how_many():
    assert count(OCTOWORKER_PROCESSES="1") == 1
    assert count(OCTOWORKER_PROCESSES="7") == 7


@pytest.mark.parametrize("few", ["OCTOWORKER_CONCURRENCY", "OCTOWORKER_BULK_LINES"])
def test_no_process_is_without_a_place(few):
    assert count(OCTOWORKER_PROCESSES="7", **{few: "3"}) == 3


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), {"pool": "prefork"}),
        ((), {"pool": "solo"}),
        (("--pidfile", "x"), {}),
        (("--statedb=x",), {}),
        (("-B",), {}),
        ((), {"environ": {"CELERY_WORKER_STATEDB": "x"}}),
    ],
)
def test_what_belongs_to_one_process_leaves_it_alone_and_contradicts_several(arguments, options):
    assert count(*arguments, **options) == 1
    with pytest.raises(SettingsError, match="OCTOWORKER_PROCESSES"):
        count(*arguments, **options, OCTOWORKER_PROCESSES="2")


@pytest.mark.parametrize(("whole", "of"), [(128, 2), (128, 3), (7, 7), (16, 5)])
def test_the_shares_of_all_processes_add_up_to_the_whole(whole, of):
    shares = [Share(index, of).part(whole) for index in range(1, of + 1)]
    assert sum(shares) == whole
    assert max(shares) - min(shares) <= 1


def test_a_worker_of_one_process_has_all_and_its_own_names():
    assert Share().part(128) == 128
    assert Share().file("alive") == "alive"
    assert Share(2, 2, supervisor=7).file("alive") == "alive-2"


@pytest.mark.parametrize(
    ("arguments", "environ", "name"),
    [
        ((), {}, "celery-2@%h"),
        (("-n", "shop@%h"), {}, "shop-2@%h"),
        (("--hostname=shop@eu",), {}, "shop-2@eu"),
        ((), {"CELERY_WORKER_HOSTNAME": "shop"}, "shop-2@%h"),
    ],
)
def test_each_process_but_the_first_has_a_node_name_of_its_own(arguments, environ, name):
    assert processes.named(arguments, Share(1, 2, 7), environ) == [*arguments]
    assert processes.named(arguments, Share(2, 2, 7), environ)[-2:] == ["-n", name]
