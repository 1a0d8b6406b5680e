"""The front server as a whole, in health and with everything behind it broken."""

import asyncio
import contextlib
import html
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from starlette.testclient import TestClient

from bot.answers import load_answers
from bot.checks import FACETS_WITH_SOURCES
from bot.paths import ANSWERS, CLINIC, DATA, ROOT
from bot.safety import SafetyCheck
from bot.web import app, rasa_client
from bot.web.app import HEADERS, PROBE_ANSWER, PROBE_QUESTION, create_app
from bot.web.rasa_client import RasaClient, RasaUnavailable

IDS = sorted(load_answers(ANSWERS))
DANGER = "I am soaking a pad every hour"


def raises(error):
    """Return a stand-in's way to fail: the connection breaks with this error."""

    def fail(request):
        raise error("as planned", request=request)

    return fail


def sends(status=200, **content):
    """Return a stand-in's way to fail: it sends this."""
    return lambda request: httpx.Response(status, **content)


WHOLE = {
    "answer": "causes/pcos",
    "kind": "answer",
    "paragraphs": ["Words."],
    "disclaimer": "Not advice.",
    "consultation": {"text": "Book.", "label": "Book", "url": "https://x.example", "phone": "call"},
}


def without(*keys):
    """Return a stand-in's way to fail: a reply that lacks something of the contract."""
    return sends(json=[{"custom": {key: value for key, value in WHOLE.items() if key not in keys}}])


BROKEN = {
    "connection refused": raises(httpx.ConnectError),
    "no connection in time": raises(httpx.ConnectTimeout),
    "no answer in time": raises(httpx.ReadTimeout),
    "no free connection": raises(httpx.PoolTimeout),
    "connection cut": raises(httpx.RemoteProtocolError),
    "500": sends(500),
    "500 with a reply": sends(500, json=[{"custom": WHOLE}]),
    "503 with words": sends(503, text="down for a moment"),
    "404": sends(404, json={"status": "failure"}),
    "302": sends(302, headers={"Location": "https://elsewhere.example"}),
    "an empty list": sends(json=[]),  # what Rasa sends when its action server is down
    "nothing": sends(),
    "garbage": sends(text="<html>not JSON</html>"),
    "not UTF-8": sends(content=b"\xff\xfe\xff"),
    "JSON nested 100,000 deep": sends(content=b"[" * 100_000),
    "null": sends(json=None),
    "a number": sends(json=3),
    "an object": sends(json={"custom": WHOLE}),
    "a list of null": sends(json=[None]),
    "text without a reply": sends(json=[{"recipient_id": "x", "text": "Hello."}]),
    "a reply of null": sends(json=[{"custom": None}]),
    "a reply of words": sends(json=[{"custom": "words"}]),
    "a reply without the disclaimer": without("disclaimer"),
    "a reply without the consultation": without("consultation"),
    "a reply without the frame": without("disclaimer", "consultation"),
    "a reply without paragraphs": without("paragraphs"),
    "a reply without its answer": without("answer"),
    "a reply without its kind": without("kind"),
    "a second reply without the frame": sends(json=[{"custom": WHOLE}, {"custom": {"answer": "causes/pcos"}}]),
}
broken = pytest.mark.parametrize("fault", BROKEN)


# Chatting while something is broken.


@broken
def test_a_question_gets_the_emergency_line_when_rasa_is_broken(say, rasa, clinic, keeps_the_contract, fault):
    rasa.respond = BROKEN[fault]
    (reply,) = say(text="what causes recurrent miscarriage")
    keeps_the_contract(reply)
    assert (reply["kind"], reply["next"]) == ("unavailable", [])
    assert clinic.emergency_number in reply["paragraphs"][0]


@broken
def test_a_button_gets_the_emergency_line_when_rasa_is_broken(say, rasa, fault):
    rasa.respond = BROKEN[fault]
    assert [reply["kind"] for reply in say(choice="causes/pcos")] == ["unavailable"]


@broken
def test_danger_is_answered_when_rasa_is_broken(say, rasa, clinic, fault):
    rasa.respond = BROKEN[fault]
    (reply,) = say(text=DANGER)
    assert (reply["answer"], reply["level"]) == ("safety/urgent", "E")
    assert clinic.emergency_number in reply["paragraphs"][0]


def test_all_is_well_again_once_rasa_is_back(say, rasa):
    rasa.respond = BROKEN["connection refused"]
    say(text="what causes it")
    rasa.recover()
    assert [reply["kind"] for reply in say(text="what causes it")] == ["answer"]


def test_a_message_that_asks_two_things_gets_both_replies_in_order(say, rasa, renderer):
    both = [renderer.reply("causes/pcos"), renderer.reply("tests/hormones")]
    rasa.respond = sends(json=[{"custom": reply} for reply in both])
    assert say(text="does pcos cause it and how is it tested") == both


def loopback_server(answer):
    """Return the URL of a server on loopback that does `answer(connection)` once for whoever calls."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        with server, server.accept()[0] as connection:
            answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def trickle(connection):
    """Send the start of a response, a byte at a time, for a second."""
    with contextlib.suppress(OSError):  # the caller has hung up, as it should
        for byte in b"HTTP/1.1 200 OK\r\n":
            time.sleep(0.06)
            connection.send(bytes([byte]))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda connection: time.sleep(1), id="silent"),
        pytest.param(trickle, id="a byte now and then"),
    ],
)
def test_a_rasa_slower_than_the_contract_allows_is_given_up(monkeypatch, answer):
    assert rasa_client.TIMEOUT_S <= 5
    monkeypatch.setattr(rasa_client, "TIMEOUT_S", 0.1)  # the same, without the wait
    client = RasaClient(loopback_server(answer))

    async def ask():
        return await asyncio.wait_for(client.ask("conversation", "hello"), 0.8)

    with pytest.raises(RasaUnavailable):
        asyncio.run(ask())


# The answers, for the widget's offline copy and the topic menu.


def test_all_answers_are_listed_once_and_framed(site, keeps_the_contract):
    listed = site.get("/api/answers").json()["answers"]
    assert sorted(answer["answer"] for answer in listed) == IDS
    for answer in listed:
        keeps_the_contract(answer)


@pytest.mark.parametrize("id", IDS)
def test_each_answer_has_its_address_and_its_sources(site, id):
    response = site.get(f"/api/answers/{id}")
    answer = response.json()
    assert (response.status_code, answer["answer"]) == (200, id)
    assert answer["paragraphs"]
    assert answer["disclaimer"]
    assert all(answer["consultation"].values())
    assert bool(answer["sources"]) or not id.startswith(FACETS_WITH_SOURCES)


# Errors.


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/answers/causes/unheard_of", 404),
        ("GET", "/api/answers/", 404),
        ("GET", "/api/answers/../clinic.yml", 404),
        ("GET", "/nothing/here", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/webhooks/rest/webhook", 404),  # Rasa's own door stays on loopback
        ("GET", "/api/chat", 405),
        ("PUT", "/api/chat", 405),
        ("POST", "/", 405),
        ("DELETE", "/api/answers", 405),
        ("POST", "/static/site.css", 405),
        ("POST", "/widget.js", 405),
        ("GET", "/api/conversations/any", 405),
    ],
)
def test_an_error_has_the_shape_of_the_contract_and_the_emergency_line(site, clinic, method, path, status):
    response = site.request(method, path)
    assert response.status_code == status
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"code", "message"}
    assert clinic.emergency_number in response.json()["error"]["message"]


def bug_in_the_server(request):
    """Break in a way that nobody foresaw; the message holds what must not get out."""
    raise ZeroDivisionError("what the visitor wrote")


def test_a_bug_in_the_server_is_told_without_what_was_inside(site, rasa, clinic):
    rasa.respond = bug_in_the_server
    response = site.get("/readyz")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert clinic.emergency_number in response.json()["error"]["message"]
    assert "visitor wrote" not in response.text


def test_a_bug_in_the_server_does_not_reach_the_log_of_uvicorn(site, rasa):
    """Whatever leaves the application is logged there with its message, which may hold a visitor's words."""
    rasa.respond = bug_in_the_server
    as_uvicorn = TestClient(site.app, raise_server_exceptions=True)
    assert as_uvicorn.get("/readyz").status_code == 500


def test_a_bug_in_the_server_still_gives_a_visitor_the_emergency_line(site, rasa):
    """The contract: never a 5xx for a well-formed request."""
    rasa.respond = bug_in_the_server
    response = site.post("/api/chat", json={"text": "hello"})
    assert response.status_code == 200
    assert response.json()["replies"][0]["kind"] == "unavailable"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/api/answers"),
        ("GET", "/static/site.css"),
        ("GET", "/healthz/"),  # a redirection
        ("GET", "/nothing/here"),
        ("GET", "/static/nothing.js"),
        ("GET", "/api/chat"),
        ("POST", "/api/chat"),  # no JSON: 415
    ],
)
def test_every_response_carries_the_security_headers(site, rasa, method, path):
    headers = site.request(method, path, follow_redirects=False).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("content", [b"{}", b'{"text": "hello"}', b"x" * 100_000])
def test_a_turn_carries_the_security_headers_whether_taken_or_refused(site, rasa, content):
    headers = site.post("/api/chat", content=content, headers={"Content-Type": "application/json"}).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


def test_a_bug_in_the_server_carries_the_security_headers(site, rasa):
    rasa.respond = bug_in_the_server
    headers = site.get("/readyz").headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


def test_the_page_may_load_only_what_this_server_has():
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in str(policy)


# Forgetting a chat.


@pytest.fixture
def conversation(site, rasa) -> str:
    """The id of a chat that has begun."""
    return site.post("/api/chat", json={"text": "what causes it"}).json()["conversation"]


def test_a_chat_is_forgotten_by_rasa(site, rasa, conversation):
    response = site.delete(f"/api/conversations/{conversation}")
    assert (response.status_code, response.content) == (204, b"")
    assert rasa.forgotten == [conversation]


def test_forgetting_twice_is_no_error(site, rasa, conversation):
    assert [site.delete(f"/api/conversations/{conversation}").status_code for _ in range(2)] == [204, 204]


@pytest.mark.parametrize("id", ["chosen-by-a-visitor", "a.b", "readyz-1", "%2e%2e", "x" * 5_000])
def test_only_a_chat_that_was_started_here_is_forgotten(site, rasa, id):
    assert site.delete(f"/api/conversations/{id}").status_code in (400, 404)
    assert rasa.forgotten == []


@pytest.mark.parametrize("fault", ["connection refused", "no answer in time", "500", "404", "302"])
def test_a_chat_that_could_not_be_forgotten_is_never_said_to_be(site, rasa, conversation, fault, clinic):
    rasa.respond = BROKEN[fault]
    response = site.delete(f"/api/conversations/{conversation}")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "not_forgotten_yet")
    assert clinic.emergency_number in response.json()["error"]["message"]


# Other sites of the clinic.

ORIGINS = ["https://www.clinic.example", "https://blog.clinic.example:8443"]


@pytest.fixture
def allowed_sites(tmp_path, monkeypatch, environ) -> TestClient:
    """The front server of a clinic that has two more sites."""
    settings = tmp_path / "clinic.yml"
    settings.write_text(CLINIC.read_text().replace("widget_origins: []", f"widget_origins: {ORIGINS}"))
    monkeypatch.setattr(app, "CLINIC", settings)
    return TestClient(create_app(environ))


def ask_first(site, origin, method="POST"):
    """Send what a browser sends before a request from another site."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    return site.options("/api/chat", headers=headers)


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
def test_the_sites_of_the_clinic_may_use_the_chat_without_cookies(allowed_sites, origin, method):
    headers = ask_first(allowed_sites, origin, method).headers
    assert headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in headers
    refused = allowed_sites.post("/api/chat", json={}, headers={"Origin": origin})
    assert refused.headers["Access-Control-Allow-Origin"] == origin  # an error too must be readable


@pytest.mark.parametrize(
    "origin", ["https://clinic.example", "http://www.clinic.example", "https://evil.example", "null"]
)
def test_no_other_site_may_use_the_chat(allowed_sites, origin):
    assert "Access-Control-Allow-Origin" not in ask_first(allowed_sites, origin).headers


def test_no_site_but_its_own_may_use_the_chat_of_the_clinic_that_names_none(site):
    assert "Access-Control-Allow-Origin" not in ask_first(site, ORIGINS[0]).headers


# Health.


def test_the_server_is_alive_without_rasa(site, rasa):
    rasa.respond = BROKEN["connection refused"]
    assert site.get("/healthz").status_code == 200
    assert rasa.asked == []


def test_it_is_ready_once_a_known_question_comes_back_with_its_answer(site, rasa):
    assert site.get("/readyz").status_code == 200
    assert [sent["message"] for sent in rasa.asked] == [PROBE_QUESTION]


def test_each_probe_is_a_conversation_of_its_own(site, rasa):
    site.get("/readyz")
    site.get("/readyz")
    first, second = (sent["sender"] for sent in rasa.asked)
    assert first != second


@broken
def test_it_is_not_ready_when_rasa_is_broken(site, rasa, fault):
    rasa.respond = BROKEN[fault]
    assert site.get("/readyz").status_code == 503


def test_it_is_not_ready_when_the_known_question_gets_another_answer(site, rasa, renderer):
    assert PROBE_ANSWER != "meta/fallback"
    rasa.respond = sends(json=[{"custom": renderer.reply("meta/fallback")}])
    assert site.get("/readyz").status_code == 503


# The page.


@pytest.fixture
def page(site) -> str:
    response = site.get("/")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    return html.unescape(response.text)


def test_the_page_names_the_clinic_and_its_telephone(page, clinic):
    assert clinic.name in page
    assert clinic.phone in page
    assert clinic.booking_url in page


def test_the_emergency_number_can_be_called_from_the_page_before_any_script_runs(page, clinic):
    assert f'href="tel:{clinic.emergency_number}"' in page.partition("<main")[0]


def test_the_page_of_a_demonstration_says_so(page, renderer):
    assert renderer.frame.demo_notice in page


def test_the_page_of_a_real_clinic_has_no_such_notice(tmp_path, monkeypatch, renderer, environ):
    settings = tmp_path / "clinic.yml"
    settings.write_text(CLINIC.read_text().replace("demo: true", "demo: false").replace("name: Rosh", "name: R<i>sh"))
    monkeypatch.setattr(app, "CLINIC", settings)
    rules = SafetyCheck(DATA / "safety.yml")
    page = TestClient(create_app(environ, safety=rules)).get("/").text
    assert renderer.frame.demo_notice not in html.unescape(page)
    assert "R&lt;i&gt;sh" in page  # a clinic's words are words, never markup


def test_the_page_keeps_to_its_own_content_policy(page, site):
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|<style", page)
    for address in re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]*)"', page):
        assert address.startswith(("/static/", "/widget.js"))
        assert site.get(address).status_code == 200


# Where it stands.


def test_the_front_server_and_the_plain_modules_need_no_rasa():
    files = [*(ROOT / "bot").glob("*.py"), *(ROOT / "bot" / "web").glob("*.py")]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    assert {"bot.safety", "bot.reply", "bot.checks", "bot.web.app", "bot.web.chat"} <= set(names)
    blocked = "import sys; sys.modules.update(dict.fromkeys(['rasa', 'rasa_sdk', 'tensorflow', 'actions']))"
    imports = "; ".join(f"import {name}" for name in names)
    run = subprocess.run([sys.executable, "-c", f"{blocked}; {imports}"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_fault_in_the_settings_stops_the_start(tmp_path, monkeypatch):
    settings = tmp_path / "clinic.yml"
    settings.write_text(CLINIC.read_text().replace("emergency_number:", "emergency_numbr:"))
    monkeypatch.setattr(app, "CLINIC", settings)
    with pytest.raises(ValueError, match="emergency_number"):
        create_app({})


def test_a_fault_in_the_answers_stops_the_start(tmp_path, monkeypatch):
    folder = shutil.copytree(ANSWERS, tmp_path / "answers")
    (folder / "support.yml").write_text("answers: {support/blame: {}}\n")
    monkeypatch.setattr(app, "ANSWERS", folder)
    with pytest.raises(ValueError, match="support/blame"):
        create_app({})
