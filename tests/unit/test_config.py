"""The settings: read once, wrong ones all named, secrets never shown."""

from __future__ import annotations

import pytest

from octoworker.config import KNOBS, Settings
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
