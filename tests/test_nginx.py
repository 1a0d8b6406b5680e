"""ops/nginx.conf in Debian's nginx, before real front servers that have nothing behind them."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.paths import ROOT
from tests.product import free_port
from tests.services import Proxy, eventually, nginx

pytestmark = [pytest.mark.model, pytest.mark.servers]

NAME = "Zanzibar Quillfeather"
DANGER = "I am soaking a pad every hour"
JSON = {"Content-Type": "application/json"}


class Front:
    """A front server on a port of its own, without Rasa."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    def start(self) -> None:
        command = "-m uvicorn bot.web.app:create_app --factory --ws none --log-level warning --no-server-header"
        self.process = subprocess.Popen(
            [sys.executable, *command.split(), "--port", str(self.port)],
            cwd=ROOT,
            env={**os.environ, "RASA_URLS": f"http://127.0.0.1:{free_port()}", "CLINIC_SECRET": "for the tests only"},
        )
        eventually(self.answers, 90, each_s=0.3)

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait(20)


@pytest.fixture(scope="module")
def fronts() -> Iterator[list[Front]]:
    fronts = [Front(), Front()]
    yield fronts
    for front in fronts:
        front.process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def proxy(folder, fronts) -> Iterator[Proxy]:
    with nginx(folder, *(front.port for front in fronts)) as proxy:
        yield proxy


@pytest.fixture
def visitor(proxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=proxy.url, verify=False, timeout=30) as client:
        yield client


def kind(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.json()["replies"][0]["kind"]


def test_a_chat_goes_through_over_tls(visitor):
    assert kind(visitor.post("/api/chat", json={"text": DANGER})) == "urgent"
    assert visitor.get("/widget.js").status_code == 200


def test_no_version_is_told_and_browsers_keep_to_tls(visitor):
    headers = visitor.get("/").headers
    assert headers["Server"] == "nginx"
    assert "max-age" in headers["Strict-Transport-Security"]
    assert "default-src" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_what_is_for_the_clinics_machines_is_not_there(visitor, path):
    assert visitor.get(path).status_code == 404


def test_plain_http_leads_to_tls(folder):
    (port,) = re.findall(r"listen 127\.0\.0\.1:(\d+);", folder.joinpath("nginx.conf").read_text())
    response = httpx.get(f"http://127.0.0.1:{port}/")
    assert (response.status_code, response.headers["Location"][:8]) == (301, "https://")


@pytest.mark.parametrize(
    ("size", "status"),
    [(15_000, 400), (50_000, 413), (500_000, 413)],
    ids=["too long a text", "the front server's", "nginx's own"],
)
def test_a_request_too_large_is_told_in_json(visitor, size, status):
    response = visitor.post("/api/chat", content=b'{"text": "' + b"a" * size + b'"}', headers=JSON)
    assert response.status_code == status
    assert "emergency" in response.json()["error"]["message"]


def test_a_turn_whose_front_server_dies_is_answered_by_the_next(visitor, fronts):
    fronts[0].end()
    assert [kind(visitor.post("/api/chat", json={"text": DANGER})) for _ in range(10)] == ["urgent"] * 10
    fronts[0].start()


def test_a_turn_whose_front_server_hangs_is_answered_by_the_next(visitor, fronts):
    fronts[0].process.send_signal(signal.SIGSTOP)
    try:
        assert [kind(visitor.post("/api/chat", json={"text": DANGER})) for _ in range(2)] == ["urgent"] * 2
    finally:
        fronts[0].process.send_signal(signal.SIGCONT)


def test_an_update_one_by_one_loses_no_turn(proxy, fronts):
    answered, updated = [], threading.Event()

    def chat() -> None:
        with httpx.Client(base_url=proxy.url, verify=False, timeout=30) as client:
            while not updated.is_set():
                answered.append(kind(client.post("/api/chat", json={"text": DANGER})))

    def chat_without_failing() -> None:
        try:
            chat()
        except (AssertionError, httpx.HTTPError) as error:
            answered.append(repr(error))

    visitors = [threading.Thread(target=chat_without_failing) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for front in fronts:
        front.end(signal.SIGTERM)
        time.sleep(0.5)
        front.start()
    updated.set()
    for visitor in visitors:
        visitor.join(60)
    assert len(answered) > 20
    assert set(answered) == {"urgent"}


def test_without_any_front_server_the_visitor_is_told_whom_to_call(visitor, fronts):
    for front in fronts:
        front.end()
    response = visitor.post("/api/chat", json={"text": DANGER})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert "For an emergency call your local emergency number" in response.json()["error"]["message"]
    for front in fronts:
        front.start()


def test_nginx_writes_down_neither_words_nor_addresses_nor_ids(visitor, folder):
    visitor.post("/api/chat", json={"text": f"my name is {NAME} " + "a" * 20_000})
    visitor.post("/api/chat", content=f'{{"text": "{NAME} {"a" * 500_000}"}}'.encode(), headers=JSON)
    conversation = visitor.post("/api/chat", json={"text": f"my name is {NAME}"}).json()["conversation"]
    visitor.delete(f"/api/conversations/{conversation}")
    visitor.get("/", params={"q": NAME})
    eventually(lambda: "/api/conversations/-" in folder.joinpath("access.log").read_text(), 5)
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "nginx.conf")
    assert b"POST /api/chat 200" in written
    for secret in (NAME, NAME.split()[1], conversation, "127.0.0.1"):
        assert secret.encode() not in written.replace(folder.joinpath("chat.pem").read_bytes(), b"")
