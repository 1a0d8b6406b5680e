"""Connections that take their time, or that are too many, before the real server on a real port."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from bot.web import connections
from bot.web.headers import HEADERS
from bot.web.intake import BODY_WITHIN_S, MAX_BODY
from tests.product import front_alone

SLOW_S = connections.HEADERS_WITHIN_S
FILES = 600  # that the server may open: fewer than a test can hold connections
JSON_POST = b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
QUESTION = b'{"text": "I am soaking a pad every hour"}'


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, psutil.Process]]:
    """The front server alone, with few files to open: its port and its process."""
    with front_alone("sh", "-c", f'ulimit -n {FILES} && exec "$0" "$@"') as (port, process):
        yield port, psutil.Process(process.pid)


def opened(server, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", server[0]), timeout=30, source_address=(address, 0))


def read_to_end(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


def assert_has_the_headers(response: bytes) -> None:
    head = response.partition(b"\r\n\r\n")[0].decode().lower()
    for name, value in HEADERS.items():
        assert f"{name}: {value}".lower() in head
    assert not re.search(r"^(server|x-powered-by):", head, re.MULTILINE)


def is_danger_answered(server, address: str = "127.0.0.1") -> bool:
    with opened(server, address) as connection:
        connection.sendall(
            b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(QUESTION), QUESTION)
        )
        response = read_to_end(connection)
    return response.startswith(b"HTTP/1.1 200 ") and b'"urgent"' in response


# Slow ones. Each waits for the limit itself, 10 s; they wait at the same time.

SLOW = {
    "silent": (b"", b""),
    "silent after the first line": (b"GET / HTTP/1.1\r\n", b""),
    "a header now and then": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
    "a body, byte by byte": (JSON_POST + b"Content-Length: 900\r\n\r\n{", b" "),
    "a chunked body, byte by byte": (JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "kept after an answer": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HT", b"T"),
}


@pytest.fixture(scope="module")
def slow(server) -> dict[str, tuple[float, bytes]]:
    """After how many seconds each of SLOW was let go, and what it was answered."""
    with ThreadPoolExecutor(len(SLOW)) as people:
        return dict(zip(SLOW, people.map(lambda each: let_go(server, *each), SLOW.values()), strict=True))


def let_go(server, start: bytes, drip: bytes) -> tuple[float, bytes]:
    with opened(server) as connection:
        connection.sendall(start)
        return seconds_until_closed(connection, drip)


def seconds_until_closed(connection: socket.socket, drip: bytes = b"") -> tuple[float, bytes]:
    started, received = time.monotonic(), b""
    connection.settimeout(0.5)
    while time.monotonic() - started < 30:
        with contextlib.suppress(TimeoutError):
            try:
                if drip:
                    connection.send(drip)
                piece = connection.recv(65536)
            except ConnectionError:
                break
            if not piece:
                break
            received += piece
    return time.monotonic() - started, received


@pytest.mark.parametrize("how", [how for how in SLOW if how not in ("silent", "kept after an answer")])
def test_whoever_asks_too_slowly_is_told_so_and_let_go(slow, how):
    seconds, response = slow[how]
    assert seconds < 2 * SLOW_S + 3  # a body: its own limit, then that of what is left of it
    assert response.startswith(b"HTTP/1.1 408")
    assert_has_the_headers(response)
    assert SLOW_S == BODY_WITHIN_S


def test_whoever_says_nothing_is_let_go(slow):
    assert slow["silent"][0] < SLOW_S + 3


def test_a_connection_kept_after_an_answer_is_let_go_too(slow):
    seconds, response = slow["kept after an answer"]
    assert seconds < SLOW_S + 3
    assert response.startswith(b"HTTP/1.1 200")


# Large ones.


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", id="one endless header"),
        pytest.param(b"GET /", id="an endless address"),
    ],
)
def test_headers_without_end_are_cut_off(server, start):
    sent = 0
    with opened(server) as connection:
        connection.sendall(start)
        with contextlib.suppress(OSError):
            while sent < 8 * 1024 * 1024:
                sent += connection.send(b"a" * 8192)
        response = read_to_end(connection)
    assert sent < 4 * 1024 * 1024  # buffers of the system on the way
    assert response == b"" or response.split()[1] in (b"431", b"400", b"414")


@pytest.mark.parametrize("path", ["/api/chat", "/healthz", "/", "/nothing/here"])
def test_a_body_without_end_costs_no_memory(server, path):
    before = server[1].memory_info().rss
    with opened(server) as connection:
        connection.settimeout(2)
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            "Content-Length: 900000000\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError):
            for _ in range(500):
                connection.sendall(b"a" * 65536)
        with contextlib.suppress(OSError):
            assert connection.recv(65536).split()[1] in (b"413", b"405", b"404")
    assert server[1].memory_info().rss - before < 8 * MAX_BODY + 4_000_000


# What is no HTTP.


@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,  # TLS
        b"\r\n\r\nhello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\xff" * 500,
    ],
)
def test_what_is_no_http_gets_a_400_and_the_end(server, words):
    with opened(server) as connection:
        connection.sendall(words)
        connection.shutdown(socket.SHUT_WR)
        response = read_to_end(connection)
    assert response.startswith((b"HTTP/1.1 400", b"HTTP/1.1 408", b"HTTP/1.1 415"))
    assert_has_the_headers(response)
    assert response.count(b"HTTP/1.1 ") == 1  # no second request was smuggled in


@pytest.mark.parametrize("words", [b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"])
@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_no_other_protocol_is_spoken(server, words, protocol):
    with opened(server) as connection:
        connection.sendall(words % protocol)
        connection.settimeout(SLOW_S * 2)
        assert connection.recv(65536).split()[1] in (b"200", b"400", b"426")


# Too many.


def test_one_address_cannot_hold_all_connections(server):
    most = connections.MOST_PER_ADDRESS
    with contextlib.ExitStack() as held:
        for _ in range(most + 50):
            with contextlib.suppress(OSError):
                held.enter_context(opened(server, "127.0.0.2"))
        time.sleep(0.5)
        established = [
            c for c in server[1].net_connections() if c.status == "ESTABLISHED" and c.raddr.ip == "127.0.0.2"
        ]
        assert len(established) <= most
        assert is_danger_answered(server)  # of another address
    time.sleep(0.5)
    assert is_danger_answered(server, "127.0.0.2")  # and of the same, once it has let go


def test_many_addresses_that_hold_connections_do_not_keep_danger_out(server):
    """More connections than the server may open files: those that ask nothing go first."""
    most_each = connections.MOST_PER_ADDRESS - 1
    with contextlib.ExitStack() as held:
        for number in range(FILES + 100):
            with contextlib.suppress(OSError):
                held.enter_context(opened(server, f"127.0.1.{1 + number // most_each}"))
        assert is_danger_answered(server)
