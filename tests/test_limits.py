"""Rate limits: who is counted, what a refusal says, and that danger is answered whatever the count."""

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from starlette.testclient import TestClient

from bot.paths import DATA
from bot.safety import SafetyCheck
from bot.web import limits as limits_module
from bot.web.app import create_app
from bot.web.limits import Limits, network
from bot.web.settings import load_settings
from tests.conftest import ENVIRONMENT, StandInForRasa
from tests.exchange import before
from tests.product import free_port

DANGER = "I am soaking a pad every hour"
CRISIS_TEXT = "I want to kill myself"


@pytest.fixture(scope="module")
def safety() -> SafetyCheck:
    return SafetyCheck(DATA / "safety.yml")


@pytest.fixture
def start(renderer, safety):
    """Return a function that makes a front server with these settings, and its stand-in for Rasa."""

    def make(client=("192.0.2.1", 5000), **settings: str) -> tuple[TestClient, StandInForRasa]:
        stand_in = StandInForRasa(renderer)
        rasa = before(stand_in)
        app = create_app({**ENVIRONMENT, **settings}, rasa, safety)
        return TestClient(app, raise_server_exceptions=False, client=client), stand_in

    return make


def ask(site, text="what causes it", **fields):
    return site.post("/api/chat", json={"text": text, **fields})


# What a refusal says.


def test_a_refusal_says_how_long_to_wait_and_whom_to_call(start, clinic):
    site, rasa = start(RATE_ADDRESS="2/minute")
    assert [ask(site).status_code for _ in range(2)] == [200, 200]
    refused = ask(site)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    error = refused.json()["error"]
    assert error["code"] == "too_many_requests"
    assert refused.headers["Retry-After"] in error["message"]
    assert clinic.emergency_number in error["message"]
    assert len(rasa.asked) == 2


def test_after_the_wait_the_next_is_taken(start):
    site, _ = start(RATE_ADDRESS="2/second")
    while ask(site).status_code == 200:
        pass
    wait_s = int(ask(site).headers["Retry-After"])
    time.sleep(wait_s)
    assert ask(site).status_code == 200


def test_a_refusal_has_the_headers_of_every_response(start):
    site, _ = start(RATE_OTHER="1/minute")
    headers = [site.get("/api/answers").headers for _ in range(2)][-1]
    assert "default-src 'none'" in headers["Content-Security-Policy"]


# Who is counted.


def test_one_chat_is_limited_and_another_of_the_same_address_is_not(start):
    site, _ = start(RATE_CONVERSATION="2/minute")
    one = ask(site).json()["conversation"]
    codes = [ask(site, conversation=one).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert ask(site).status_code == 200


def test_a_choice_counts_as_a_turn(start):
    site, _ = start(RATE_ADDRESS="1/minute")
    codes = [site.post("/api/chat", json={"choice": "causes/pcos"}).status_code for _ in range(2)]
    assert codes == [200, 429]


def test_a_danger_can_be_ended_over_the_limit_too_and_nothing_else_be_asked(start):
    site, _ = start(RATE_CONVERSATION="2/minute")
    reply = ask(site, DANGER).json()
    chat = reply["conversation"]
    while ask(site, conversation=chat).status_code == 200:
        pass
    tap = {"conversation": chat, "choice": "meta/thanks"}
    assert site.post("/api/chat", json={"conversation": chat, "choice": "causes/pcos"}).status_code == 429
    assert site.post("/api/chat", json=tap).json()["replies"][0]["answer"] == "meta/thanks"
    assert site.post("/api/chat", json=tap).status_code == 429  # it has ended


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/answers"),
        ("GET", "/api/answers/causes/pcos"),
        ("DELETE", "/api/conversations/x"),
        ("GET", "/readyz"),
    ],
)
def test_whatever_costs_the_server_something_is_counted(start, method, path):
    site, _ = start(RATE_OTHER="3/minute")
    codes = [site.request(method, path).status_code for _ in range(4)]
    assert 429 not in codes[:3]
    assert codes[3] == 429


@pytest.mark.parametrize("path", ["/", "/widget.js", "/healthz", "/static/site.css", "/openapi.json"])
def test_what_a_page_needs_to_show_the_number_to_call_is_never_refused(start, path):
    site, _ = start(RATE_OTHER="1/minute", RATE_ADDRESS="1/minute")
    assert [site.get(path).status_code for _ in range(4)] == [200] * 4


def test_two_addresses_do_not_share_a_count(start):
    site, _ = start(RATE_ADDRESS="1/minute", TRUSTED_PROXIES="192.0.2.1")
    codes = [
        site.post("/api/chat", json={"text": "hi"}, headers={"X-Forwarded-For": address}).status_code
        for address in ("198.51.100.1", "198.51.100.2", "198.51.100.1")
    ]
    assert codes == [200, 200, 429]


def test_an_address_that_a_visitor_makes_up_is_not_believed(start):
    site, _ = start(RATE_ADDRESS="1/minute")
    codes = [
        site.post("/api/chat", json={"text": "hi"}, headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
        for n in range(2)
    ]
    assert codes == [200, 429]


def test_behind_a_trusted_proxy_only_what_the_proxy_adds_counts(start):
    """A visitor sends a list of its own; the proxy appends the true address."""
    site, _ = start(RATE_ADDRESS="1/minute", TRUSTED_PROXIES="192.0.2.0/24")
    codes = [
        site.post(
            "/api/chat", json={"text": "hi"}, headers={"X-Forwarded-For": f"10.0.0.{n}, 198.51.100.9"}
        ).status_code
        for n in range(2)
    ]
    assert codes == [200, 429]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # one household
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("not an address", None, True),
    ],
)
def test_what_counts_as_one_address(one, other, is_same):
    assert (network(one) == network(other)) == is_same


# Danger.


@pytest.mark.parametrize("text", [DANGER, CRISIS_TEXT])
def test_danger_is_answered_whatever_the_count(start, keeps_the_contract, text):
    site, rasa = start(RATE_ADDRESS="1/hour", RATE_CONVERSATION="1/hour")
    conversation = ask(site).json()["conversation"]
    assert ask(site, conversation=conversation).status_code == 429
    for _ in range(5):
        response = ask(site, text, conversation=conversation)
        assert response.status_code == 200
        (reply,) = response.json()["replies"]
        keeps_the_contract(reply)
        assert reply["kind"] in ("urgent", "crisis")
    assert len(rasa.asked) == 1  # Rasa is spared: the reply is whole without it


@pytest.mark.parametrize("choice", ["safety/urgent", "safety/crisis"])
def test_the_button_of_a_safety_reply_works_whatever_the_count(start, keeps_the_contract, choice):
    site, rasa = start(RATE_ADDRESS="1/hour")
    ask(site)
    response = site.post("/api/chat", json={"choice": choice})
    assert response.status_code == 200
    keeps_the_contract(response.json()["replies"][0])
    assert len(rasa.asked) == 1


def test_the_second_button_after_danger_still_says_what_to_do_without_a_telephone(start):
    site, _ = start(RATE_ADDRESS="1/hour")
    conversation = ask(site, DANGER).json()["conversation"]
    first = ask(site, DANGER, conversation=conversation).json()["replies"][0]
    again = site.post("/api/chat", json={"choice": "safety/urgent", "conversation": conversation}).json()["replies"][0]
    assert again["kind"] == "urgent"
    assert again["paragraphs"] != first["paragraphs"]


def test_a_refused_message_leaves_no_trace_in_the_chat(start):
    site, _ = start(RATE_ADDRESS="2/hour")
    conversation = ask(site, DANGER).json()["conversation"]
    ask(site, DANGER, conversation=conversation)
    assert ask(site, "thanks", conversation=conversation).status_code == 429
    assert ask(site, DANGER, conversation=conversation).json()["replies"][0]["kind"] == "urgent"


# Redis, for several workers.


class Redis:
    """A Redis of its own, in memory, that can be stopped and started."""

    def __init__(self, folder) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = ["redis-server", "--port", str(self.port), "--save", "", "--dir", str(folder)]
        self.start()

    def start(self) -> None:
        assert shutil.which("redis-server"), "redis-server is missing: run scripts/install_services.sh"
        self.process = subprocess.Popen([*self._command, "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        for _ in range(100):
            try:
                client.ping()
                return
            except redis.ConnectionError:
                time.sleep(0.05)
        pytest.fail("Redis did not start")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def shared(tmp_path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.process.send_signal(18)  # SIGCONT, where a test stopped it
    server.stop()


def test_two_workers_count_together_in_redis(start, shared):
    one, _ = start(RATE_ADDRESS="2/minute", REDIS_URL=shared.url)
    other, _ = start(RATE_ADDRESS="2/minute", REDIS_URL=shared.url)
    assert [ask(site).status_code for site in (one, other, one, other)] == [200, 200, 429, 429]


def test_redis_holds_no_address_and_no_conversation_and_only_for_a_while(start, shared):
    site, _ = start(REDIS_URL=shared.url)
    conversation = ask(site).json()["conversation"]
    ask(site, conversation=conversation)
    client = redis.Redis.from_url(shared.url)
    keys = client.keys()
    assert keys
    assert all(client.ttl(key) > 0 for key in keys)
    held = b" ".join([*keys, *(client.get(key) or b"" for key in keys)])
    assert b"192.0.2.1" not in held
    assert conversation[:8].encode() not in held


@pytest.mark.parametrize("signal", [9, 19], ids=["killed", "stopped"])
def test_without_redis_each_worker_counts_by_itself_and_answers_on(start, shared, signal):
    site, _ = start(RATE_ADDRESS="3/minute", REDIS_URL=shared.url)
    assert ask(site).status_code == 200
    shared.process.send_signal(signal)
    started = time.monotonic()
    assert [ask(site).status_code for _ in range(4)] == [200, 200, 429, 429]
    assert time.monotonic() - started < 2
    assert 'dependency="redis"' in failures(site)


def failures(site) -> str:
    local = TestClient(site.app, client=("127.0.0.1", 1))
    return "\n".join(line for line in local.get("/metrics").text.splitlines() if "failures" in line and "Error" in line)


def test_danger_does_not_wait_for_redis(start, shared):
    site, _ = start(REDIS_URL=shared.url)
    ask(site)
    shared.process.send_signal(19)  # SIGSTOP: connects, and never answers
    started = time.monotonic()
    assert ask(site, DANGER).json()["replies"][0]["kind"] == "urgent"
    assert time.monotonic() - started < limits_module.REDIS_WITHIN_S


def test_redis_is_asked_again_once_it_is_back(start, shared, monkeypatch):
    monkeypatch.setattr(limits_module, "REDIS_AGAIN_AFTER_S", 0.1)
    one, _ = start(RATE_ADDRESS="3/minute", REDIS_URL=shared.url)
    other, _ = start(RATE_ADDRESS="3/minute", REDIS_URL=shared.url)
    shared.stop()
    ask(one)
    shared.start()
    time.sleep(0.2)
    assert [ask(site).status_code for site in (one, one, other, other)] == [200, 200, 200, 429]


# Memory.


def test_twenty_thousand_addresses_leave_nothing_behind_though_nobody_comes_again(monkeypatch):
    monkeypatch.setattr("bot.web.limits.SWEPT_AFTER_S", 0.5)
    settings = load_settings({"RATE_ADDRESS": "5/second"})
    limits = Limits(settings, "secret", on_failure=print)
    for number in range(20_000):
        limits.count_here(limits.of_turn(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", None))
    storage = limits._here.storage
    assert len(storage.storage) > 1_000
    for _ in range(100):  # both windows go by
        time.sleep(0.1)
        if not storage.storage:
            break
    assert not storage.storage


def test_many_counts_start_one_thread(monkeypatch):
    started = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread))
    monkeypatch.setattr(threading.Thread, "is_alive", lambda thread: thread in started)
    limits = Limits(load_settings({}), "secret", on_failure=print)
    for number in range(100):
        limits.count_here(limits.of_turn(f"10.0.0.{number}", None))
    assert len(started) <= 2  # the library's first, and ours


def test_counting_takes_microseconds():
    limits = Limits(load_settings({}), "secret", on_failure=print)
    started = time.perf_counter()
    for _ in range(1_000):
        limits.count_here(limits.of_turn("192.0.2.1", "conversation"))
    assert (time.perf_counter() - started) / 1_000 < 0.001


def test_who_is_within_the_limits_is_not_held_up_by_redis_for_long(shared):
    limits = Limits(load_settings({"REDIS_URL": shared.url}), "secret", on_failure=print)
    caller = limits.of_turn("192.0.2.1", "conversation")
    shared.process.send_signal(19)
    started = time.monotonic()
    assert asyncio.run(limits.refusal(caller, None)) is None
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9", "::1"])
def test_the_machine_itself_is_counted_by_conversation_alone(address):
    limits = Limits(load_settings({"RATE_ADDRESS": "1/minute", "RATE_LOOPBACK": "2/minute"}), "secret", print)
    assert limits.of_other(address) == limits.of_turn(address, None) == ()
    counted = [limits.count_here(limits.of_turn(address, "a chat")) for _ in range(3)]
    assert [over is not None for over in counted] == [False, False, True]
