"""An address that Octopush may call: it notes what comes and answers as a test wants."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class Receiver:
    """Listens on a free port. `status`, `body` and `answering` make its answers bad."""

    def __init__(self):
        self.status, self.body = 200, b""
        self.answering = threading.Event()
        """Cleared, nothing is answered."""
        self.answering.set()
        self.got = []
        """(path, content type, body) of each call."""
        self._came = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/octopush/token"

    def close(self):
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, calls, timeout=10):
        """The calls, once there are that many."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= calls, timeout), f"only {len(self.got)} came"
            return list(self.got)

    def events(self, calls):
        """The fields of each event in that many calls."""
        read = [json.loads(body) if "json" in kind else _form(body) for _, kind, body in self.wait(calls)]
        return [event for each in read for event in (each if isinstance(each, list) else [each])]

    def words(self, calls):
        """The status of each receipt."""
        return [event["status"] for event in self.events(calls)]

    def _handler(receiver):  # noqa: N805 - self is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._came:
                    receiver.got.append((self.path, self.headers["Content-Type"], body))
                    receiver._came.notify_all()
                receiver.answering.wait(30)
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_):
                pass

        return Handler


def _form(body):
    return {name: value for name, (value,) in parse_qs(body.decode(), keep_blank_values=True).items()}
