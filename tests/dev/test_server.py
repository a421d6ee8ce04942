import http.client
import threading
from collections.abc import Iterator

import pytest

from dev.exchange import Request, Response
from dev.server import Server

LIMIT_BYTES = 10 * 1024 * 1024


def echo(request: Request) -> Response:
    said = f"{request.method} {request.path} {request.query} {len(request.body)}".encode()
    return Response(200, [("content-type", "text/plain"), ("set-cookie", "a=1")], said)


@pytest.fixture
def connection() -> Iterator[http.client.HTTPConnection]:
    server = Server(0)
    server.answer = echo
    server.server_activate()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    yield connection
    connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_connection_takes_many_requests(connection: http.client.HTTPConnection) -> None:
    for path in ("/a?x=1", "/b"):
        connection.request("POST", path, body=b"abc")
        response = connection.getresponse()
        assert response.status == 200
        assert response.read().startswith(b"POST /")
    socket = connection.sock
    connection.request("GET", "/c")
    assert connection.getresponse().read() == b"GET /c  0"
    assert connection.sock is socket


def test_head_has_the_headers_and_no_body(connection: http.client.HTTPConnection) -> None:
    connection.request("HEAD", "/a")
    response = connection.getresponse()
    assert (response.getheader("content-length"), response.read()) == ("10", b"")
    connection.request("GET", "/a")
    assert connection.getresponse().read() == b"GET /a  0"


def test_a_chunked_body_is_read(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/a", body=iter([b"ab", b"cde"]), encode_chunked=True)
    assert connection.getresponse().read() == b"POST /a  5"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_beyond_ten_megabytes_is_refused(
    connection: http.client.HTTPConnection, is_chunked: bool
) -> None:
    body = b"x" * (LIMIT_BYTES + 1)
    if is_chunked:
        connection.putrequest("POST", "/a")
        connection.putheader("transfer-encoding", "chunked")
        connection.endheaders()
        connection.send(f"{len(body):x}\r\n".encode())
    else:
        connection.request("POST", "/a", body=body)
    response = connection.getresponse()
    assert (response.status, response.getheader("connection")) == (413, "close")


def test_a_body_of_ten_megabytes_is_taken(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/a", body=b"x" * LIMIT_BYTES)
    assert connection.getresponse().read().endswith(str(LIMIT_BYTES).encode())


@pytest.mark.parametrize("length", ["-1", "x", "+5", "1_0"])
def test_a_malformed_length_is_refused(connection: http.client.HTTPConnection, length: str) -> None:
    connection.putrequest("POST", "/a")
    connection.putheader("content-length", length)
    connection.endheaders()
    assert connection.getresponse().status == 400


def test_a_malformed_chunk_is_refused(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", "/a")
    connection.putheader("transfer-encoding", "chunked")
    connection.endheaders()
    connection.send(b"zz\r\nabc\r\n")
    assert connection.getresponse().status == 400


def test_a_port_can_be_taken_once() -> None:
    first = Server(0)
    first.server_activate()
    try:
        with pytest.raises(OSError, match="in use"):
            Server(first.server_port)
    finally:
        first.server_close()
