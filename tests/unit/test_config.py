"""The settings: read once, wrong ones all named, secrets never shown."""

from __future__ import annotations

import pytest

from octoworker import environment
from octoworker.config import KNOBS, Settings, unknown_names
from octoworker.errors import SettingsError


def problems(**environ):
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ)
    return caught.value.problems


def test_an_empty_environment_is_enough_to_enqueue():
    assert Settings.load({}).redis.records_url == "redis://127.0.0.1:6379/0"


def test_every_wrong_variable_is_named_in_one_error():
    found = problems(OCTOWORKER_LEASE="soon", OCTOWORKER_HOLD="perhaps", OCTOPUSH_FORMAT="yaml", OCTOWORKER_RATE="-1")
    for name in ("OCTOWORKER_LEASE", "OCTOWORKER_HOLD", "OCTOPUSH_FORMAT", "OCTOWORKER_RATE"):
        assert any(sentence.startswith(f"{name}:") for sentence in found)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"OCTOWORKER_HTTP_TIMEOUT": "45"}, ("OCTOWORKER_HTTP_TIMEOUT", "OCTOWORKER_LEASE")),
        ({"OCTOWORKER_LEASE": "300"}, ("OCTOWORKER_LEASE", "OCTOWORKER_VISIBILITY_TIMEOUT")),
        ({"OCTOWORKER_ETA_HORIZON": "76"}, ("OCTOWORKER_ETA_HORIZON", "OCTOWORKER_VISIBILITY_TIMEOUT")),
        ({"OCTOWORKER_RETRY_BASE": "301"}, ("OCTOWORKER_RETRY_BASE", "OCTOWORKER_RETRY_CAP")),
        ({"OCTOWORKER_KEEP_FOR": "60"}, ("OCTOWORKER_KEEP_FOR", "OCTOWORKER_KEY_WINDOW")),
    ],
)
def test_settings_that_contradict_each_other_are_both_named(environ, named):
    (sentence,) = problems(**environ)
    assert all(name in sentence for name in named)


def test_what_is_wrong_by_itself_and_what_contradicts_stand_in_one_list():
    found = problems(
        OCTOWORKER_RATE="abc",
        OCTOWORKER_HOURS="foo",
        OCTOWORKER_LEASE="5",
        OCTOWORKER_CAP_COUNTRIES="FR",
        OCTOPUSH_API_KEY_FILE="/nowhere/key",
        OCTOWORKER_KEEP_FOR="60",
    )
    begins = [sentence.split()[0].rstrip(":") for sentence in found]
    assert sorted(begins) == [
        "OCTOPUSH_API_KEY_FILE",
        "OCTOWORKER_CAP_COUNTRIES",
        "OCTOWORKER_HOURS",
        "OCTOWORKER_HTTP_TIMEOUT",
        "OCTOWORKER_KEEP_FOR",
        "OCTOWORKER_RATE",
    ]


def test_a_setting_that_cannot_be_read_contradicts_nothing():
    assert problems(OCTOWORKER_LEASE="soon", OCTOWORKER_HTTP_TIMEOUT="60") == (
        "OCTOWORKER_LEASE: give seconds, above 0.",
    )


def test_what_is_missing_to_send_stands_in_the_same_list():
    with pytest.raises(SettingsError) as caught:
        Settings.load({"OCTOWORKER_RATE": "abc", "OCTOPUSH_API_KEY_FILE": "/nowhere/key"}, to_send=True)
    assert [sentence.split()[0].rstrip(":") for sentence in caught.value.problems] == [
        "OCTOPUSH_API_KEY_FILE",
        "OCTOWORKER_RATE",
        "OCTOPUSH_USER_LOGIN",
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("OCTOWORKER_SENDR", "OCTOWORKER_SENDR is no setting; did you mean OCTOWORKER_SENDER?"),
        ("OCTOPUSH_APIKEY", "OCTOPUSH_APIKEY is no setting; did you mean OCTOPUSH_API_KEY?"),
        ("OCTOPUSH_APIKEY_FILE", "OCTOPUSH_APIKEY_FILE is no setting; did you mean OCTOPUSH_API_KEY?"),
        ("OCTOWORKER_XYZZY", "OCTOWORKER_XYZZY is no setting."),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_known_one(name, says):
    assert unknown_names({name: "x"}) == [says]


def test_known_names_and_names_of_others_are_not_told():
    known = [variable for knob in KNOBS.values() for variable in knob.variables]
    assert unknown_names(dict.fromkeys([*known, *(f"{name}_FILE" for name in known), "PATH", "SENTRY_URL"], "x")) == []


OURS, THEIRS = "redis://ours/0", "redis://theirs/0"


@pytest.mark.parametrize(
    ("environ", "records", "broker", "results"),
    [
        ({}, environment.DEFAULT_REDIS_URL, environment.DEFAULT_REDIS_URL, environment.DEFAULT_REDIS_URL),
        ({"REDIS_URL": THEIRS}, THEIRS, THEIRS, THEIRS),
        ({"REDIS_URL": OURS, "CELERY_BROKER_URL": THEIRS}, OURS, THEIRS, OURS),
        ({"REDIS_URL": OURS, "CELERY_RESULT_BACKEND": THEIRS}, OURS, OURS, THEIRS),
        ({"OCTOWORKER_REDIS_URL": OURS, "REDIS_URL": THEIRS}, OURS, OURS, OURS),
        (
            {"OCTOWORKER_REDIS_URL": OURS, "CELERY_BROKER_URL": THEIRS, "CELERY_RESULT_BACKEND": "django-db"},
            OURS,
            OURS,
            OURS,
        ),
        ({"REDIS_URL": THEIRS, "OCTOWORKER_BROKER_URL": OURS, "CELERY_BROKER_URL": "amqp://x"}, THEIRS, OURS, THEIRS),
        ({"REDIS_URL": THEIRS, "OCTOWORKER_REDIS_URL": ""}, THEIRS, THEIRS, THEIRS),
    ],
)
def test_our_own_addresses_come_before_the_hosts_on_both_sides(environ, records, broker, results):
    worker, web_app = Settings.load(environ).redis, environment.load(environ)
    assert (worker.records_url, worker.broker, worker.results) == (records, broker, results)
    assert (web_app.redis_url, web_app.broker_url) == (records, broker)


def test_our_own_bug_reports_go_where_our_own_variable_says():
    found = Settings.load({"OCTOWORKER_SENTRY_DSN": "https://ours@s/1", "SENTRY_DSN": "https://theirs@s/2"})
    assert found.sentry_dsn.get_secret_value() == "https://ours@s/1"
    assert Settings.load({"SENTRY_DSN": "https://theirs@s/2"}).sentry_dsn.get_secret_value() == "https://theirs@s/2"


WRONG = {
    "REDIS_URL": [
        "redis://h:abc/0",
        "redis://h:70000/0",
        "redis://[::1/0",
        "postgres://:hunter2@db",
        "redis://h/shop",
        "redis://h /0",
        "rediss://h/0",
        "unix://",
    ],
    "OCTOWORKER_REDIS_URL": ["redis://h:abc/0"],
    "OCTOWORKER_BROKER_URL": ["redis://h:abc/0", "amqp://h:x/", "rediss://h/0"],
    "CELERY_BROKER_URL": ["redis://h:abc/0", "sentinel://a:1;sentinel://b:c"],
    "OCTOWORKER_KEEP_FOR": ["a month", "0", "-1", "inf", "nan"],
    "OCTOWORKER_REQUEUE_AFTER": ["soon"],
    "OCTOWORKER_MAX_AHEAD": ["1 year"],
    "OCTOWORKER_SENDER": ["My", "My Shop", "TwelveLetter"],
    "OCTOWORKER_SMS_TYPE": ["fr", "PREMIUM"],
    "OCTOWORKER_REGION": ["France", "fr"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_web_app_refuses_what_a_worker_refuses_and_takes_no_default_for_it(name, value):
    for load in (Settings.load, environment.load):
        with pytest.raises(SettingsError) as caught:
            load({name: value})
        (problem,) = caught.value.problems
        assert problem.startswith(f"{name}: ")
        assert "hunter2" not in problem


def test_a_web_app_hears_of_everything_wrong_at_once():
    with pytest.raises(SettingsError) as caught:
        environment.load({name: values[0] for name, values in WRONG.items() if "BROKER" not in name})
    assert len(caught.value.problems) == len(WRONG) - 3


def test_a_web_app_reads_mounted_files_too(tmp_path):
    (tmp_path / "url").write_text("redis://producer:pw@h/0\n")
    assert environment.load({"REDIS_URL_FILE": str(tmp_path / "url")}).redis_url == "redis://producer:pw@h/0"


@pytest.mark.parametrize("url", ["http://www.octopush-dm.com/api", "ftp://127.0.0.1/", "https://a.fr/api?x=1", "api"])
def test_an_address_that_would_show_the_key_is_refused(url):
    assert problems(OCTOPUSH_URL=url)[0].startswith("OCTOPUSH_URL:")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025/api", "http://localhost:8025/api/", "https://example.com/api"])
def test_plain_http_is_for_loopback_only(url):
    assert Settings.load({"OCTOPUSH_URL": url}).account.url == url.rstrip("/")


def test_a_secret_may_be_a_mounted_file(tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    settings = Settings.load({"OCTOPUSH_API_KEY_FILE": str(tmp_path / "key")})
    assert settings.account.api_key.get_secret_value() == "s3cret"


def test_a_secret_file_that_cannot_be_read_is_named():
    assert problems(OCTOPUSH_API_KEY_FILE="/nowhere/key") == (
        "OCTOPUSH_API_KEY_FILE names a file that cannot be read.",
    )


def test_a_secret_is_given_one_way_only(tmp_path):
    (tmp_path / "key").write_text("s3cret")
    found = problems(OCTOPUSH_API_KEY_FILE=str(tmp_path / "key"), OCTOPUSH_API_KEY="other")
    assert "keep one" in found[0]


def test_no_secret_is_shown():
    settings = Settings.load({"OCTOPUSH_API_KEY": "s3cret", "REDIS_URL": "redis://:hunter2@127.0.0.1:6379/0"})
    assert "s3cret" not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_a_wrong_value_is_not_quoted():
    assert "hunter2" not in str(problems(REDIS_URL="postgres://:hunter2@db"))


def test_a_star_allows_every_country():
    assert Settings.load({"OCTOWORKER_COUNTRIES": "*"}).message.countries == frozenset()
    assert Settings.load({"OCTOWORKER_COUNTRIES": "fr, be"}).message.countries == {"FR", "BE"}


@pytest.mark.parametrize(("http", "lease"), [("10", "45"), ("1", "2"), ("0.2", "0.3"), ("44", "45")])
def test_sending_and_recording_fit_in_the_lease_with_room(http, lease):
    settings = Settings.load({"OCTOWORKER_HTTP_TIMEOUT": http, "OCTOWORKER_LEASE": lease})
    assert settings.send_budget + settings.record_budget < settings.lease


def test_every_setting_says_what_it_means():
    for knob in KNOBS.values():
        assert knob.field.description, knob.variable


@pytest.mark.parametrize(
    ("wanted", "there", "asked"),
    [("1", "", 1), ("2", "3", 2), ("majority", "2", 2), ("majority", "3", 2), ("all", "3", 3)],
)
def test_so_many_replicas_are_asked_on_both_sides(wanted, there, asked):
    environ = {"OCTOWORKER_CONFIRM": "replica", "OCTOWORKER_CONFIRM_REPLICAS": wanted, "OCTOWORKER_REPLICAS": there}
    assert Settings.load(environ).redis.asked_replicas == environment.load(environ).confirm.replicas == asked


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"OCTOWORKER_CONFIRM_REPLICAS": "majority"}, "how many replicas there are"),
        ({"OCTOWORKER_CONFIRM_REPLICAS": "3", "OCTOWORKER_REPLICAS": "2"}, "must be at most"),
        ({"OCTOWORKER_CONFIRM_REPLICAS": "most"}, "give majority, all, or a number"),
        ({"OCTOWORKER_CONFIRM_WITHIN": "4"}, "3"),
    ],
)
def test_what_no_replica_could_confirm_is_refused_on_both_sides(environ, named):
    environ = {"OCTOWORKER_CONFIRM": "replica", **environ}
    for load in (Settings.load, environment.load):
        with pytest.raises(SettingsError, match=named):
            load(environ)


def test_without_a_word_no_replica_is_asked():
    assert environment.load({"OCTOWORKER_CONFIRM_REPLICAS": "2"}).confirm.replicas == 0
