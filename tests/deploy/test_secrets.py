"""What deploy/secrets.sh makes, and what Redis makes of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

DEPLOY = Path(__file__).parents[2] / "deploy"


def drawn(folder):
    subprocess.run(["sh", DEPLOY / "secrets.sh", folder, "redis.example:6380"], check=True, capture_output=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_passwords_are_drawn_once_and_the_addresses_hold_them(tmp_path):
    folder = tmp_path / "secrets"
    first = drawn(folder)
    assert drawn(folder) == first
    assert len({first[f"redis_{user}"] for user in ("worker", "producer", "receiver", "viewer", "admin")}) == 5
    for user in ("worker", "producer", "receiver", "viewer"):
        address = urlsplit(first[f"redis_url_{user}"])
        assert (address.username, address.password) == (user, first[f"redis_{user}"])
        assert (address.hostname, address.port, address.path) == ("redis.example", 6380, "/0")


def test_nobody_else_gets_into_the_folder(tmp_path):
    folder = tmp_path / "secrets"
    drawn(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_account_is_left_to_be_written_and_is_never_overwritten(tmp_path):
    folder = tmp_path / "secrets"
    assert drawn(folder)["api_key"] == ""
    (folder / "api_key").write_text("mine")
    assert drawn(folder)["api_key"] == "mine"


def test_a_user_without_a_password_is_switched_off(tmp_path):
    (tmp_path / "redis_worker").write_text("known")
    conf = subprocess.run(
        ["sh", DEPLOY / "redis" / "with-passwords.sh", DEPLOY / "redis.conf", tmp_path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    users = {line.split()[1]: line.split()[2:] for line in conf.splitlines() if line.startswith("user ")}
    assert users["producer"] == ["off"]
    assert users["worker"][0].startswith("#")
    assert users["worker"][1] == "on"


def test_what_compose_mounts_is_what_is_drawn(tmp_path):
    made = set(drawn(tmp_path / "secrets"))
    wanted = {
        line.split("secrets/")[1].rstrip("}")
        for line in (DEPLOY / "compose.yaml").read_text().splitlines()
        if "{file: secrets/" in line
    }
    assert wanted
    assert wanted <= made
