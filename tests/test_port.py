"""The port that several front servers share: who asks gets it, and it is open while none of them is there."""

import socket
import threading

import httpx
import pytest

from bot.web.port import given_out, hold, take


def address(held: socket.socket) -> tuple[str, int]:
    return held.getsockname()[:2]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_each_who_asks_takes_visitors_from_the_same_port(host, tmp_path):
    held = hold(host, 0)
    with given_out(held, tmp_path / "port.sock"):
        for _ in range(2):
            with take(tmp_path / "port.sock") as taken, socket.create_connection(address(held), 5):
                visitor, _ = taken.accept()
                visitor.close()


def test_a_visitor_who_comes_while_no_front_server_is_there_waits_for_the_next(tmp_path):
    with given_out(held := hold("127.0.0.1", 0), tmp_path / "port.sock"):
        take(tmp_path / "port.sock").close()  # one that died
        replies = []
        host, port = address(held)
        visitor = threading.Thread(target=lambda: replies.append(httpx.get(f"http://{host}:{port}/", timeout=10)))
        visitor.start()
        with take(tmp_path / "port.sock") as taken:
            connection, _ = taken.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            visitor.join(10)
            connection.close()
    assert [reply.status_code for reply in replies] == [204]


def test_at_the_end_it_is_closed_and_nobody_is_given_it(tmp_path):
    with given_out(held := hold("127.0.0.1", 0), tmp_path / "port.sock"):
        where = address(held)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(where, 1)
    with pytest.raises(OSError, match="refused"):
        take(tmp_path / "port.sock")


def test_a_port_that_is_taken_is_an_error():
    with hold("127.0.0.1", 0) as held, pytest.raises(OSError, match="in use"):
        hold(*address(held))
