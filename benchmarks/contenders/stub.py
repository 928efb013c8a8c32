"""The stub gateway for a machine without a compiler: the same arguments, answers and counts as stub.c."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import re
import struct
import sys
import time
from pathlib import Path

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
FIELDS = struct.Struct("=4Q")


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, answer, delay, counts):
        self._answer, self._delay, self._counts, self._buffer = answer, delay, counts, b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n") + 4) > 3:
            length = LENGTH.search(self._buffer, 0, end)
            whole = end + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            self._count(self._buffer[end:whole])
            self._buffer = self._buffer[whole:]
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._transport.write, self._answer)
            else:
                self._transport.write(self._answer)

    def _count(self, form):
        calls, numbers, first, _ = FIELDS.unpack(self._counts[:])
        now = time.monotonic_ns()
        self._counts[:] = FIELDS.pack(calls + 1, numbers + form.count(b"%2B"), first or now, now)


def mapped(counts):
    with Path(counts).open("r+b") as file:
        return mmap.mmap(file.fileno(), FIELDS.size)


async def serve(port, delay_ms, text, shared):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    door = await loop.create_server(
        lambda: Conversation(head + text, int(delay_ms) / 1000, shared), "127.0.0.1", int(port)
    )
    await door.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    where, slow, body, counts = sys.argv[1:]
    asyncio.run(serve(where, slow, Path(body).read_bytes(), mapped(counts)))
