"""A server on the loopback that answers as DynamoDB does, or fails as networks do."""

from __future__ import annotations

import json
import socket
import ssl
from binascii import crc32
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any

from billing.storage.dynamo.direct.signing import CONTENT_TYPE


@dataclass
class Request:
    """A request as it arrived."""

    line: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def operation(self) -> str:
        return self.headers["x-amz-target"].rpartition(".")[2]


Answer = Callable[[Request], bytes]
Fault = Callable[["Peer", Request, Answer], bool]
"""Sends something or nothing; returns whether the connection lasts."""


@dataclass
class Peer:
    """The server's end of a connection, and what ends its waits."""

    socket: socket.socket
    over: Event


def reply(
    said: dict[str, Any] | bytes, status: int = 200, *, crc: int | None = None, **headers: str
) -> bytes:
    """An answer of DynamoDB, with its checksum; header names have _ for -."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    fields = {
        "Content-Type": CONTENT_TYPE,
        "x-amz-crc32": str(crc32(body) if crc is None else crc),
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body


def error(code: str, status: int = 400, **headers: str) -> bytes:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return reply({"__type": kind, "message": "injected"}, status, crc=None, **headers)


def says(answer: bytes) -> Fault:
    """Answers this instead of carrying the request out."""

    def fault(peer: Peer, request: Request, _: Answer) -> bool:
        peer.socket.sendall(answer)
        return True

    return fault


def cut_before(peer: Peer, request: Request, _: Answer) -> bool:
    """The connection ends before the request is carried out."""
    return False


def cut_after(peer: Peer, request: Request, answer: Answer) -> bool:
    """The request is carried out, and the connection ends."""
    answer(request)
    return False


def reset_after(peer: Peer, request: Request, answer: Answer) -> bool:
    """The request is carried out, and the connection is reset."""
    answer(request)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


def half(peer: Peer, request: Request, answer: Answer) -> bool:
    """The request is carried out, and half of the answer's body arrives."""
    whole = answer(request)
    head, _, body = whole.partition(b"\r\n\r\n")
    peer.socket.sendall(head + b"\r\n\r\n" + body[: len(body) // 2])
    return False


def half_head(peer: Peer, request: Request, answer: Answer) -> bool:
    """The request is carried out, and only a part of the answer's headers arrives."""
    peer.socket.sendall(answer(request)[:20])
    return False


def silent(peer: Peer, request: Request, answer: Answer) -> bool:
    """The request is carried out, and nothing arrives until the other side gives up."""
    answer(request)
    peer.over.wait(5)
    return False


def dripping(peer: Peer, request: Request, answer: Answer) -> bool:
    """The answer arrives by the byte, each in time and all together never."""
    for byte in answer(request):
        if peer.over.wait(0.05):
            return False
        peer.socket.sendall(bytes([byte]))
    return True


def garbled(peer: Peer, request: Request, answer: Answer) -> bool:
    """The request is carried out, and a byte of the answer is another one than was summed up."""
    whole = answer(request)
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"x-amz-crc32")]
    lines.append(f"x-amz-crc32: {crc32(body) ^ 1}".encode())
    peer.socket.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    return True


@dataclass
class Server:
    """Keeps what arrived, and what goes wrong next; `answer` carries a request out."""

    answer: Answer = lambda _: reply({})
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    connections: int = 0
    over: Event = field(default_factory=Event)
    tls: ssl.SSLContext | None = None

    def next(self, *faults: Fault, times: int = 1) -> None:
        self.faults.extend(faults * times)

    def _serve(self, connection: socket.socket, number: int) -> None:
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        with connection, connection.makefile("rb") as incoming, suppress(OSError):
            while (request := _read(incoming, number)) is not None:
                self.requests.append(request)
                if self.faults:
                    peer = Peer(connection, self.over)
                    if not self.faults.popleft()(peer, request, self.answer):
                        return
                else:
                    connection.sendall(self.answer(request))


def _read(incoming: Any, connection: int) -> Request | None:
    line = incoming.readline()
    if not line:
        return None
    head = b""
    while (each := incoming.readline()) not in (b"\r\n", b""):
        head += each
    message = BytesHeaderParser().parsebytes(head)
    headers = {name.lower(): value for name, value in message.items()}
    return Request(
        line.decode().strip(),
        headers,
        incoming.read(int(headers.get("content-length", 0))),
        connection,
    )


@contextmanager
def running(answer: Answer | None = None) -> Iterator[Server]:
    """The server, while it runs."""
    server = Server() if answer is None else Server(answer)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.url = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    server.connections += 1
                    args = (connection, server.connections)
                    Thread(target=server._serve, args=args, daemon=True).start()

        Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            listening.shutdown(socket.SHUT_RDWR)


def forwarding(endpoint: str) -> Answer:
    """Carries requests out at an emulator."""
    address = endpoint.removeprefix("http://")

    def answer(request: Request) -> bytes:
        upstream = HTTPConnection(address, timeout=30)
        headers = {n: v for n, v in request.headers.items() if n != "accept-encoding"}
        upstream.request("POST", "/", request.body, headers)
        answered = upstream.getresponse()
        body = answered.read()
        upstream.close()
        return reply(body, answered.status)

    return answer


def date(at: Any) -> str:
    """A Date header."""
    return format_datetime(at, usegmt=True)
