"""Connections that keep the front server waiting: how many there may be, and how long each may take to ask.

uvicorn has no limit on slow or endless headers, and behind its own limit of connections it answers 503, an emergency
too. Here whoever holds connections without asking loses them first.
"""

import functools
import ipaddress
import os
import resource
from asyncio import TimerHandle, Transport
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.web.headers import HEADERS
from bot.web.settings import load_settings

HEADERS_WITHIN_S = 10.0  # from the first byte, or from the connection, to the end of the headers
MAX_HEADERS = 32 * 1024  # bytes, with the address; a little more where they come in one piece
MOST_PER_ADDRESS = 100  # a browser keeps 6; a trusted proxy counts as the many that it speaks for
FILES_FOR_OTHERS = 256  # of the files that a process may open: Rasa, database, logs


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to its patience. `open_by_address` and `idle` are shared by all connections."""

    open_by_address: ClassVar[Counter[str]] = Counter()
    idle: ClassVar[dict["PatientProtocol", None]] = {}  # those without a request, the longest so first

    _patience: TimerHandle | None = None
    _in_headers = False
    _unread = 0  # bytes of headers that have not come to their end

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it where its address has too many."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self.open_by_address[self.address] += 1
        if self.open_by_address[self.address] > MOST_PER_ADDRESS and not is_proxy(self.address):
            transport.abort()
            return
        self.idle[self] = None
        self._begin_to_wait()
        if len(self.connections) > most_connections():
            next(iter(self.idle)).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_waiting()
        self.idle.pop(self, None)
        self.open_by_address[self.address] -= 1
        if not self.open_by_address[self.address]:
            del self.open_by_address[self.address]

    def data_received(self, data: bytes) -> None:
        """Read on; end it where the headers are too long."""
        if self.is_idle:
            self._begin_to_wait()
        super().data_received(data)
        if not self.is_idle:
            self._stop_waiting()
            self.idle.pop(self, None)
        self._unread = self._unread + len(data) if self._in_headers else 0
        if self._unread > MAX_HEADERS:
            self._refuse(431, "Request Header Fields Too Large", "The headers are too long.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._in_headers = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The request can be answered; its body may still be on the way."""
        self._in_headers = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.is_idle and not self.transport.is_closing():
            self.idle[self] = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with the headers that every answer has."""
        self._refuse(400, "Bad Request", "That is no valid HTTP request.")

    def _begin_to_wait(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(HEADERS_WITHIN_S, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self.is_idle and self._in_headers:
            self._refuse(408, "Request Timeout", "The request did not arrive in time.")
        elif self.is_idle:  # nothing was asked, or the body of what is answered already does not end
            self.transport.close()

    def _refuse(self, status: int, phrase: str, words: str) -> None:
        if self.transport.is_closing():
            return
        headers = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        start = f"HTTP/1.1 {status} {phrase}\r\n{headers}Content-Type: text/plain; charset=utf-8\r\n"
        self.transport.write(f"{start}Content-Length: {len(words)}\r\nConnection: close\r\n\r\n{words}".encode())
        self.transport.close()


def is_proxy(address: str) -> bool:
    """Whether this is one of TRUSTED_PROXIES, which speaks for many."""
    try:
        return any(ipaddress.ip_address(address) in proxy for proxy in _proxies())
    except ValueError:
        return False


@functools.cache
def _proxies() -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(proxy) for proxy in load_settings(os.environ).trusted_proxies)


@functools.cache
def most_connections() -> int:
    """Return how many connections the process may hold, by the files that it may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, soft - FILES_FOR_OTHERS)
