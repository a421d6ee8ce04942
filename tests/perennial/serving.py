"""The merchant API of a world at an address of this machine, for commands that ask it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from billing.storage.memory import objects
from tests.web.calls import event
from tests.web.shop import Shop

OBJECTS = "/_objects/"


class Requests(list[tuple[str, str, dict[str, str], bytes]]):
    """Method, address, headers and body of each request, oldest first."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def api(shop: Shop) -> Iterator[str]:
    """The address of /v1 of a shop."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = event(self.command, self.path, body.decode() or None, headers=headers)
            if self.path.startswith(OBJECTS):
                self.open_object()
                return
            with lock:
                if self.path.startswith("/v1/exports/"):
                    shop.world.tick()
                given = shop.resolver.resolve(asked, None)
            here = f"http://{self.headers['Host']}{OBJECTS}"
            content = given.get("body", "").replace(objects.ADDRESS, here)
            raw = base64.b64decode(content) if given.get("isBase64Encoded") else content.encode()
            self.send_response_only(given["statusCode"])
            self.send_header("Date", format_datetime(shop.world.now, usegmt=True))
            for name, value in given.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def open_object(self) -> None:
            assert "Authorization" not in self.headers, "a key for the store of objects"
            address = objects.ADDRESS + self.path.removeprefix(OBJECTS)
            found = shop.world.objects.open(address)
            self.send_response_only(found.status)
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler) as address:
        yield address


@contextmanager
def receiver(status: int = 204) -> Iterator[tuple[str, Requests]]:
    """A program that is sent webhooks, and what it got."""
    got = Requests()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.command, self.path, dict(self.headers), body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with listening(Handler) as address:
        yield address, got
