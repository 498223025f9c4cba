"""A relay before a real S3 server: it counts, and by a seeded lot it fails in every known way."""

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import numpy as np

KINDS = ("error", "throttle", "cut", "lost", "slow")
CONFLICTS = ("conflict", "precondition")
STATUS = {"error": 500, "throttle": 503, "conflict": 409, "precondition": 412}


class Trouble:
    """A network that, by a fixed lot, answers 500 or 503, cuts, delays or loses the answer.

    A conditional write is also refused, as S3 does with 409 while another write is under way.
    """

    def __init__(self, share: float, seed: int) -> None:
        self._rng, self._share, self._lock = np.random.default_rng(seed), share, threading.Lock()
        self.seen: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.bytes = 0

    def next(self, method: str, conditional: bool) -> str:
        with self._lock:
            bad = self._rng.random() < self._share
            kinds = (*KINDS, *CONFLICTS * 3) if conditional else KINDS
            kind = str(self._rng.choice(kinds)) if bad else "none"
            self.seen[kind] += 1
            self.requests[method] += 1
        return kind


class Relay(BaseHTTPRequestHandler):
    """Hands each request on to the real server, with the trouble that the lot names."""

    protocol_version = "HTTP/1.1"
    upstream: str
    trouble: Trouble

    def log_message(self, *_: object) -> None:
        return

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.trouble.next(self.command, "If-None-Match" in self.headers)
        if kind in STATUS:
            self.answer(STATUS[kind], {}, b"")
            return
        status, headers, data = self.ask(body)
        if kind == "slow":
            time.sleep(0.1)
        if kind != "lost":
            self.answer(status, headers, data, share=0.5 if kind == "cut" else 1.0)
        if kind in {"lost", "cut"}:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = relay  # noqa: N815

    def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.upstream)
        connection.request(self.command, self.path, body, dict(self.headers))
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        self.trouble.bytes += len(body) + len(data)
        return reply.status, dict(reply.getheaders()), data

    def answer(self, status: int, headers: dict[str, str], data: bytes, share: float = 1) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else len(data)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(data[: int(share * len(data))])
        self.wfile.flush()


@contextmanager
def relayed(server: str, share: float, seed: int = 7) -> Iterator[tuple[str, Trouble]]:
    """Relay to `server`; gives the relay's URL and what it saw."""
    trouble = Trouble(share, seed)
    known = {"upstream": urlsplit(server).netloc, "trouble": trouble}
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Relay,), known))
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", trouble
    finally:
        proxy.shutdown()
        proxy.server_close()
