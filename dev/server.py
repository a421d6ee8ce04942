"""The HTTP side of `make run`: a request becomes an event, and the answer becomes a response."""

import html
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

from dev.exchange import (
    CUT_OFF,
    NOT_FOUND,
    SERVER_ERROR,
    TOO_LARGE,
    Request,
    Response,
    from_result,
    json_response,
    to_event,
)
from dev.invoke import Invoke
from dev.routes import find
from dev.stack import Route

Answer = Callable[[Request], Response]

_MOST_BODY_BYTES = 10 * 1024 * 1024
# Enough that a client may send the whole of a body that is refused, and read why.
_MOST_DISCARDED_BYTES = 64 * 1024 * 1024
_IDLE_CONNECTION_SECONDS = 75
_FINISH_SECONDS = 30
_BAD_REQUEST = json_response(400, {"message": "Bad Request"})
_BODILESS = frozenset({204, 304})


class Api:
    """API Gateway before the functions: routes, converts, and hides errors."""

    def __init__(
        self,
        routes: Sequence[Route],
        invoke: Invoke,
        clock: Callable[[], datetime],
        controls: Answer,
        wake: Callable[[], None],
    ) -> None:
        self._routes = routes
        self._invoke = invoke
        self._clock = clock
        self._controls = controls
        self._wake = wake
        self.links: Sequence[tuple[str, str]] = ()
        """Links of `make run` that the page at / shows as well, each with its name."""
        self._under_way = 0
        self._changed = threading.Condition()

    def answer(self, request: Request) -> Response:
        self._count(1)
        try:
            if request.path == "/_dev" or request.path.startswith("/_dev/"):
                return self._controls(request)
            return self._from_function(request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return SERVER_ERROR
        finally:
            # Whatever was written is delivered now rather than at the worker's next look.
            self._wake()
            self._count(-1)

    def finish(self) -> None:
        """Waits for requests under way, for a while, so that no handler is cut off."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, _FINISH_SECONDS)

    def _count(self, change: int) -> None:
        with self._changed:
            self._under_way += change
            self._changed.notify_all()

    def _from_function(self, request: Request) -> Response:
        found = find(self._routes, request.method, request.path)
        if found is None:
            return NOT_FOUND
        route, parameters = found
        event = to_event(request, route, parameters, self._clock())
        answer = from_result(self._invoke(route.function, event))
        return with_links(answer, self.links) if request.path == "/" else answer


def with_links(page: Response, links: Sequence[tuple[str, str]]) -> Response:
    """Returns a page with links of `make run` below its content."""
    items = "".join(
        f'<li><a href="{html.escape(address)}">{html.escape(name)}</a></li>'
        for name, address in links
    )
    listed = f'<ul class="plain-list grid">{items}</ul>'
    section = f'<section class="card stack"><h2>make run</h2>{listed}</section></main>'
    body = page.body.replace(b"</main>", section.encode(), 1) if links else page.body
    headers = [(name, value) for name, value in page.headers if name.lower() != "content-length"]
    return Response(page.status, headers, body)


class Server(ThreadingHTTPServer):
    """The HTTP server; takes its port at once, and connections only after `server_activate`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.answer: Answer = lambda request: NOT_FOUND
        self.server_bind()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_CONNECTION_SECONDS
    # Headers and body leave in one packet; otherwise each answer waits for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._respond(self._answer())

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        """Logs nothing: a handler's errors are on stderr already."""

    def version_string(self) -> str:
        return "perennial"

    def _answer(self) -> Response:
        try:
            body = self._body()
        except _TooLargeError:
            self.close_connection = True
            return TOO_LARGE
        except ValueError:
            self.close_connection = True
            return _BAD_REQUEST
        path, _, query = self.path.partition("?")
        return self.server.answer(
            Request(
                method=self.command,
                path=path.partition("#")[0],
                query=query.partition("#")[0],
                protocol=self.request_version,
                headers=self.headers.items(),
                body=body,
                source_ip=str(self.client_address[0]),
            )
        )

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return _read_chunks(self.rfile)
        text = self.headers.get("Content-Length", "0")
        if not (text.isascii() and text.isdigit()):
            raise ValueError("Content-Length is not a number")
        if int(text) > _MOST_BODY_BYTES:
            _discard(self.rfile, int(text))
            raise _TooLargeError
        return self.rfile.read(int(text))

    def _respond(self, response: Response) -> None:
        try:
            self.send_response(response.status)
            for name, value in response.headers:
                if name not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            if response is CUT_OFF:
                self.send_header("content-length", "1")
                self.close_connection = True
            elif response.status not in _BODILESS:
                self.send_header("content-length", str(len(response.body)))
            if self.close_connection:
                self.send_header("connection", "close")
            self.end_headers()
            if self.command != "HEAD" and response.status not in _BODILESS:
                self.wfile.write(response.body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class _TooLargeError(Exception):
    """A request whose body is more than API Gateway takes."""


def _read_chunks(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while size := int(stream.readline(32).partition(b";")[0].strip() or b"x", 16):
        if size < 0 or len(body) + size > _MOST_BODY_BYTES:
            raise _TooLargeError
        body += stream.read(size)
        stream.readline(2)
    while stream.readline(8192).strip():
        continue
    return bytes(body)


def _discard(stream: BufferedIOBase, size: int) -> None:
    remaining = min(size, _MOST_DISCARDED_BYTES)
    while remaining > 0 and (part := stream.read(min(remaining, 1 << 16))):
        remaining -= len(part)
