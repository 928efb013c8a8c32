"""An address that names Sentinels, as it is read and as Celery takes it, and who is asked."""

from __future__ import annotations

import pytest
import redis

from octoworker import environment
from octoworker.client.broker import address
from octoworker.errors import SettingsError, StoreError
from octoworker.store import connect
from octoworker.store.scripts import guard

PLAIN = "sentinel://a,b:26380,[::1]:26381/2?master_name=sms"
TLS = (
    "sentinels://worker:p%3Bw@a:1,b:2/0?master_name=sms&sentinel_username=s&sentinel_password=t%26u"
    "&ssl_cert_reqs=required&ssl_ca_certs=/ca.crt&ssl_check_hostname=false"
)


def test_what_it_says():
    known = environment.sentinels(PLAIN)
    assert known.hosts == (("a", 26379), ("b", 26380), ("::1", 26381))
    assert (known.master_name, known.database, known.tls) == ("sms", 2, None)
    assert (known.login, known.sentinel_login) == ({}, {})


def test_logins_and_tls_hold_for_both():
    known = environment.sentinels(TLS)
    assert known.login == {"username": "worker", "password": "p;w"}
    assert known.sentinel_login == {"username": "s", "password": "t&u"}
    assert known.tls == {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.crt", "ssl_check_hostname": False}


def test_neither_shows_a_password():
    assert "p;w" not in repr(environment.sentinels(TLS))
    assert "p%3Bw" not in repr(address(TLS, 1.0))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sentinel://a:1,b:2/0", "master_name"),
        ("sentinel://a:1;sentinel://b:2", "commas"),
        ("sentinel://a:1,b:x/0?master_name=sms", "host or port"),
        ("sentinel://a:1,/0?master_name=sms", "host or port"),
        ("sentinel://a:99999/0?master_name=sms", "host or port"),
        ("sentinel://a/zero?master_name=sms", "number of a database"),
        ("sentinel://a b/0?master_name=sms", "blank"),
        ("sentinel://a/0?master_name=sms&socket_timeout=1", "unknown"),
        ("sentinel://a/0?master_name=sms&ssl_cert_reqs=required", "unknown"),
        ("sentinels://a/0?master_name=sms", "ssl_cert_reqs=required"),
        ("SENTINELS://a/0?master_name=sms", "ssl_cert_reqs=required"),
    ],
)
@pytest.mark.parametrize("variable", ["OCTOWORKER_REDIS_URL", "OCTOWORKER_BROKER_URL"])
def test_a_wrong_one_is_told_in_one_sentence(url, says, variable):
    with pytest.raises(SettingsError, match=f"{variable}: .*{says}"):
        environment.load({variable: url})


def test_celery_gets_it_in_its_own_form():
    found = address(TLS, 1.5)
    assert found.url == "sentinel://worker:p%3Bw@a:1/0;sentinel://worker:p%3Bw@b:2/0"
    assert found.tls == {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.crt", "ssl_check_hostname": False}
    assert found.options["master_name"] == "sms"
    of_sentinels = found.options["sentinel_kwargs"]
    assert (of_sentinels["username"], of_sentinels["password"], of_sentinels["ssl"]) == ("s", "t&u", True)
    assert address(PLAIN, 1.5).url.endswith(";sentinel://[::1]:26381/2")


def test_another_address_is_celery_s_already():
    assert address("redis://h/0", 1.0).url == "redis://h/0"
    assert address("amqp://a;amqp://b", 1.0).options == {}


def test_a_client_of_it_asks_nobody_before_its_first_use():
    connect(PLAIN).close()
    connect(TLS).close()


PRIMARY = {
    "is_master": True,
    "is_sdown": False,
    "is_odown": False,
    "num-other-sentinels": 2,
    "ip": "10.0.0.9",
    "port": 6379,
}


class Sentinel:
    """Answers, or not; `meanwhile`: what another thread does while it is asked."""

    def __init__(self, *, answers, meanwhile=lambda: None):
        self.answers, self.meanwhile = answers, meanwhile

    def sentinel_masters(self):
        self.meanwhile()
        if not self.answers:
            raise redis.ConnectionError
        return {"sms": PRIMARY}

    def close(self):
        """There is nothing to give back."""


def test_threads_that_ask_at_once_forget_none_of_the_sentinels():
    client = connect(PLAIN)
    manager, busy = client.connection_pool.sentinel_manager, []

    def other_thread():
        if not busy:
            busy.append(True)
            manager.discover_master("sms")

    silent, good = Sentinel(answers=False), Sentinel(answers=True, meanwhile=other_thread)
    manager.sentinels = [silent, good]
    assert manager.discover_master("sms") == ("10.0.0.9", 6379)
    assert manager.sentinels == [good, silent]
    client.close()


def test_where_no_sentinel_names_a_primary_the_sentence_says_so():
    client = connect(PLAIN, retries=0)
    client.connection_pool.sentinel_manager.sentinels = [Sentinel(answers=False)]
    with pytest.raises(StoreError, match="The Sentinels name no primary"):
        guard(client.ping)
    client.close()
