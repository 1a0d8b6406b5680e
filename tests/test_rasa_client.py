"""Several Rasa servers: a conversation stays with one, moves on where that one is down, and is forgotten by all."""

import asyncio
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from bot.web import rasa_client
from bot.web.rasa_client import NotRunning, RasaClient, RasaUnavailable, by_nearness, rasa_urls
from tests.exchange import StoodIn
from tests.product import free_port

URLS = [f"http://rasa-{number}.invalid" for number in range(3)]
CONVERSATIONS = [f"conversation-{number}" for number in range(600)]
REPLY = {
    "answer": "causes/pcos",
    "kind": "answer",
    "paragraphs": ["Words."],
    "disclaimer": "Not advice.",
    "consultation": {"text": "Book."},
}


class Servers:
    """What stands for the Rasa servers; `faults` says how each fails that does."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        url = f"http://{request.url.host}"
        sender = json.loads(request.content)["sender"] if request.content else request.url.path.rpartition("/")[2]
        self.asked.append((url, sender))
        fault = self.faults.get(url)
        if fault == "down":
            raise httpx.ConnectError("refused", request=request)
        if fault == "hung":
            await asyncio.sleep(60)
        if request.method == "DELETE":
            return httpx.Response(204)
        return httpx.Response(200, json=[] if fault == "silent" else [{"custom": REPLY}])


@pytest.fixture
def servers() -> Servers:
    return Servers()


def client(servers: Servers, **settings) -> RasaClient:
    return RasaClient(URLS, StoodIn(servers), **settings)


def first(conversation: str) -> str:
    return by_nearness(URLS, conversation)[0]


# Which server.


def test_a_conversation_stays_with_one_server(servers):
    async def turns() -> None:
        for number in range(5):
            await client(servers).ask("a", f"turn {number}")

    asyncio.run(turns())
    assert {url for url, _ in servers.asked} == {first("a")}


def test_conversations_are_spread_over_all_servers():
    assert min(Counter(map(first, CONVERSATIONS)).values()) > len(CONVERSATIONS) / len(URLS) * 0.8


def test_one_server_less_moves_only_its_own_conversations():
    moved = [id for id in CONVERSATIONS if by_nearness(URLS[:2], id)[0] != first(id)]
    assert {first(id) for id in moved} == {URLS[2]}


@pytest.mark.parametrize("fault", ["down", "silent", "hung"])
def test_the_next_one_answers_where_the_first_does_not(servers, fault, monkeypatch):
    monkeypatch.setattr(rasa_client, "TIMEOUT_S", 0.6)
    servers.faults = {first("a"): fault}
    assert asyncio.run(client(servers).ask("a", "hello")) == [REPLY]
    assert [url for url, _ in servers.asked] == by_nearness(URLS, "a")[:2]


def test_a_hung_server_costs_one_message_half_its_time_and_the_next_none(servers, monkeypatch):
    monkeypatch.setattr(rasa_client, "TIMEOUT_S", 0.6)
    servers.faults = {first("a"): "hung"}

    async def two_turns() -> None:
        one = client(servers)
        await one.ask("a", "hello")
        async with asyncio.timeout(0.2):
            await one.ask("a", "hello again")

    asyncio.run(two_turns())


def test_a_server_that_is_back_gets_its_conversations_again(servers, monkeypatch):
    monkeypatch.setattr(rasa_client, "LEFT_ALONE_S", 0.0)
    servers.faults = {first("a"): "down"}

    async def turns() -> None:
        one = client(servers)
        await one.ask("a", "hello")
        servers.faults, servers.asked = {}, []
        await one.ask("a", "hello again")

    asyncio.run(turns())
    assert servers.asked == [(first("a"), "a")]


def test_all_of_them_down_is_told_within_the_time(servers):
    servers.faults = dict.fromkeys(URLS, "hung")

    async def ask() -> None:
        async with asyncio.timeout(0.5):
            await client(servers).ask("a", "hello", within_s=0.2)

    with pytest.raises(RasaUnavailable):
        asyncio.run(ask())


# Forgetting.


def test_servers_that_share_nothing_must_all_forget(servers):
    asyncio.run(client(servers).forget("a"))
    assert sorted(url for url, _ in servers.asked) == URLS


@pytest.mark.parametrize("down", URLS)
def test_one_of_them_that_did_not_forget_is_told_and_the_others_did(servers, down):
    servers.faults = {down: "down"}
    with pytest.raises(RasaUnavailable):
        asyncio.run(client(servers).forget("a"))
    assert sorted(url for url, _ in servers.asked) == URLS


def test_servers_that_share_must_all_forget_their_copies_and_one_that_does_not_run_has_none(servers):
    servers.faults = {first("a"): "down"}
    asyncio.run(client(servers, share=True).forget("a"))
    assert sorted(url for url, _ in servers.asked) == URLS


@pytest.mark.parametrize("faults", [{URLS[0]: "hung"}, dict.fromkeys(URLS, "down")], ids=["one hangs", "none runs"])
def test_a_copy_or_what_they_share_that_may_be_left_is_told(servers, faults, monkeypatch):
    monkeypatch.setattr(rasa_client, "TIMEOUT_S", 0.3)
    servers.faults = faults
    with pytest.raises(RasaUnavailable):
        asyncio.run(client(servers, share=True).forget("a"))


# The connections: real ones, to a server on loopback.


class Door(BaseHTTPRequestHandler):
    """Sends what its server was told to send, and counts the connections that were opened."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.opened += 1

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if self.server.status is None:
            self.close_connection = True
            return
        self.send_response(self.server.status)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", str(len(self.server.sent)))
        self.end_headers()
        self.wfile.write(self.server.sent)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def door():
    """A server on loopback that sends `sent` with `status`, or hangs up where that is None."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        server.bodies, server.opened, server.status, server.sent = [], 0, 200, json.dumps([{"custom": REPLY}]).encode()
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def asked(url: str, times: int = 1) -> list[list]:
    """Return what a client before this server answers, one after another."""

    async def ask() -> list[list]:
        client = RasaClient(url)
        try:
            return [await client.ask("a", "olá 🩸") for _ in range(times)]
        finally:
            await client.close()

    return asyncio.run(ask())


def url_of(server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_turns_go_through_one_connection_as_they_are_written(door):
    assert asked(url_of(door), 5) == [[REPLY]] * 5
    assert door.opened == 1
    assert door.bodies == [{"sender": "a", "message": "olá 🩸"}] * 5


@pytest.mark.parametrize("status", [None, 302, 404, 500, 503])
def test_a_server_that_hangs_up_or_sends_an_error_is_none_to_answer(door, status):
    door.status = status
    with pytest.raises(RasaUnavailable):
        asked(url_of(door))
    assert len(door.bodies) == 1  # neither asked again nor where it points to


def test_where_nothing_listens_nothing_is_held():
    client = RasaClient(f"http://127.0.0.1:{free_port()}")

    async def forget() -> None:
        try:
            await client.forget("a")
        finally:
            await client.close()

    with pytest.raises(NotRunning):
        asyncio.run(forget())


# The setting.


@pytest.mark.parametrize(
    ("environ", "urls"),
    [
        ({}, ["http://127.0.0.1:5005"]),
        ({"RASA_URL": "http://one:1"}, ["http://one:1"]),
        ({"RASA_URLS": "http://one:1, http://two:2/"}, ["http://one:1", "http://two:2"]),
        ({"RASA_URLS": "http://one:1,", "RASA_URL": "http://old:1"}, ["http://one:1"]),
    ],
)
def test_the_servers_are_named_with_commas_between_them(environ, urls):
    assert rasa_urls(environ) == urls
