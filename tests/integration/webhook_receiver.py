"""A web app's address for events: it keeps what is posted, headers and body, and answers as a test wants."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Address:
    """Listens on a free port. `answers`: (status, headers) of the next posts, in turn; 204 for all after them."""

    def __init__(self):
        self.answers, self.got = [], []
        """`got`: (headers, body) of each post."""
        self.answering = threading.Event()
        self.answering.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/events?from=sms"

    def close(self):
        self.answering.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(address):  # noqa: N805 - self is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                address.got.append((dict(self.headers), body))
                address.answering.wait(30)
                status, headers = address.answers.pop(0) if address.answers else (204, {})
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
