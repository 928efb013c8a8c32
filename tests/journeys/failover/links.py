"""The network of a cluster on one machine: each node is reached through a port of its own here, and links between nodes can be cut.

    python links.py   reads one JSON object a line: {"nodes": {name: [source address, announced port, real port]}} first,
                      then {"cut": [[name, name], ...]}; answers each with a line

Who calls is told by the address that it calls from. A cut link is silent: what is sent stays where it is, and a new
connection is taken and goes nowhere; when it is whole again, what was on its way arrives, as TCP would repeat it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys


class Network:
    """All links."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.by_address = {address: name for name, (address, *_) in nodes.items()}
        self.cut: set[frozenset[str]] = set()
        self.pipes: set[Pipe] = set()

    def change(self, pairs):
        self.cut = {frozenset(pair) for pair in pairs}
        for pipe in list(self.pipes):
            pipe.changed()

    async def listen(self):
        loop = asyncio.get_running_loop()
        for name, (_, announced, _) in self.nodes.items():
            await loop.create_server(lambda name=name: Caller(self, name), "127.0.0.1", announced)


class Pipe:
    """One connection to a node, and whether it may pass."""

    def __init__(self, network, names):
        self.network, self.names = network, names
        self.ends = []
        self.dead = False
        network.pipes.add(self)

    @property
    def is_cut(self):
        return self.names in self.network.cut

    def changed(self):
        if self.dead and not self.is_cut:
            self.close()  # it never got anywhere
            return
        for end in self.ends:
            with contextlib.suppress(RuntimeError):
                end.pause_reading() if self.is_cut else end.resume_reading()

    def close(self):
        self.network.pipes.discard(self)
        for end in self.ends:
            end.close()


class End(asyncio.Protocol):
    """One end of it."""

    def __init__(self, pipe):
        self.pipe, self.other, self.early = pipe, None, b""

    def connection_made(self, transport):
        self.mine = transport
        self.pipe.ends.append(transport)
        if self.pipe.is_cut:
            transport.pause_reading()

    def data_received(self, data):
        if self.other is None:
            self.early += data
        else:
            self.other.write(data)

    def connection_lost(self, _):
        self.pipe.close()


class Caller(End):
    """Whoever calls a node."""

    def __init__(self, network, name):
        super().__init__(None)
        self.network, self.name = network, name

    def connection_made(self, transport):
        address, _ = transport.get_extra_info("peername")
        self.pipe = Pipe(self.network, frozenset({self.network.by_address.get(address, ""), self.name}))
        super().connection_made(transport)
        if self.pipe.is_cut:
            self.pipe.dead = True
            return
        self.connecting = asyncio.ensure_future(self.connect())

    async def connect(self):
        loop = asyncio.get_running_loop()
        port = self.network.nodes[self.name][2]
        try:
            there, end = await loop.create_connection(lambda: End(self.pipe), "127.0.0.1", port)
        except OSError:
            self.pipe.close()
            return
        end.other, self.other = self.mine, there
        there.write(self.early)
        self.early = b""
        if self.mine.is_closing():
            there.close()


async def main():
    loop = asyncio.get_running_loop()
    said = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), sys.stdin)
    network = None
    while line := await said.readline():
        wanted = json.loads(line)
        if network is None:
            network = Network(wanted["nodes"])
            await network.listen()
        else:
            network.change(wanted["cut"])
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
