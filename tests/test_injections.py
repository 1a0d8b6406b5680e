"""Nothing happens: tests/injections.yml through the whole bot, in every place that takes words.

The real processes run; at the end they are the same as at the start, and neither files nor log lines were added.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from bot.paths import ROOT
from bot.yaml_files import read_yaml
from tests.conftest import assert_keeps_the_contract
from tests.product import Run, running

pytestmark = [pytest.mark.model, pytest.mark.servers]

GROUPS: dict[str, list[str]] = read_yaml(Path(__file__).with_name("injections.yml"), "injections")
EVERY = [text for group in GROUPS.values() for text in group]
# What a reply holds only if it was made to: the parts of the injections that would show.
SIGNS = re.compile(
    r"evil\.example|alert\(1\)|forged|approved|injected|root:|\b49\b|555-0199|jndi|secret", re.IGNORECASE
)
CREATED = (Path("/tmp/injected"), Path("/tmp/injected.db"))
LINK = re.compile(r"https?://[^\s\"'<>)]+")
TIME = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ ")
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ (INFO|WARNING|ERROR) +[\w.]+ |^\s*$|^(Starting|Ready|…|\n)")
groups = pytest.mark.parametrize("group", GROUPS)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with running() as bot:
        yield bot


@pytest.fixture(scope="module")
def log(run) -> list[str]:
    return run.follow()


@pytest.fixture(scope="module")
def before(run, log) -> tuple[set[int], set[Path]]:
    """The processes and the files before anything was sent."""
    assert not any(path.exists() for path in CREATED)
    return {process.pid for process in run.processes()}, files()


def files() -> set[Path]:
    """Return the files of the product but for those that its tools make."""
    skipped = {"node_modules", "__pycache__"}
    found: set[Path] = set()
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in skipped and not name.startswith(".")]
        found |= {Path(folder, name) for name in names}
    return found


def assert_nothing_shows(response: httpx.Response) -> None:
    assert not SIGNS.search(response.text), response.text[:500]
    assert "injected" not in str(response.headers)
    assert "evil" not in str(response.headers)


def test_there_are_enough_of_them():
    assert len(set(EVERY)) >= 100


@groups
def test_as_a_message_it_gets_an_ordinary_framed_reply(run, before, answers, clinic, group):
    links = own_links(clinic, answers, run)
    for text in GROUPS[group]:
        response = httpx.post(f"{run.url}/api/chat", json={"text": text}, timeout=20)
        assert response.status_code == 200, text
        assert_nothing_shows(response)
        for reply in response.json()["replies"]:
            assert_keeps_the_contract(reply)
            assert reply["kind"] != "unavailable"
            assert reply["answer"] in answers
            assert set(LINK.findall(json.dumps(reply))) <= links
            assert clinic.phone in reply["consultation"]["phone"]


def own_links(clinic, answers, run) -> set[str]:
    """Return every link in the answers as they ship."""
    return set(LINK.findall(httpx.get(f"{run.url}/api/answers").text))


@groups
@pytest.mark.parametrize("field", ["choice", "conversation"])
def test_as_a_button_or_a_chat_it_is_refused(run, before, group, field):
    for text in GROUPS[group]:
        turn = {"text": "hello", field: text} if field == "conversation" else {field: text}
        response = httpx.post(f"{run.url}/api/chat", json=turn)
        assert response.status_code == 400
        assert_nothing_shows(response)


@groups
def test_as_a_field_s_name_or_the_whole_body_it_is_refused(run, before, group):
    for text in GROUPS[group]:
        for content in (json.dumps({"text": "hello", text: "x"}), text.encode("utf-8", "ignore")):
            headers = {"Content-Type": "application/json"}
            response = httpx.post(f"{run.url}/api/chat", content=content, headers=headers)
            assert response.status_code == 400
            assert_nothing_shows(response)


@groups
@pytest.mark.parametrize("place", ["/", "/api/answers/", "/static/", "/api/conversations/", "/?q=", "/api/answers?x="])
def test_as_an_address_it_finds_nothing(run, before, group, place):
    for text in GROUPS[group]:
        method = "DELETE" if "conversations" in place else "GET"
        response = httpx.request(method, run.url + place + quote(text, safe=""), follow_redirects=False)
        assert response.status_code in ((200,) if "?" in place else (400, 404, 405))
        if "?" not in place:
            assert_nothing_shows(response)
        assert "location" not in response.headers


HEADERS = ("Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "X-Forwarded-Prefix", "Forwarded",
           "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "Referer", "User-Agent", "Origin", "Cookie",
           "Accept-Language", "Content-Language", "X-Request-Id")  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/api/answers/causes/pcos", "/widget.js", "/healthz/", "/static", "/nothing"])
@pytest.mark.parametrize("headers", [HEADERS[:1], HEADERS[1:]], ids=["Host", "all others"])
def test_as_a_header_it_changes_no_response(run, before, headers, path):
    plain = httpx.get(run.url + path, follow_redirects=False)
    for text in [*GROUPS["header"], *GROUPS["html"], *GROUPS["template"], *GROUPS["path"]]:
        value = re.sub(r"[\x00-\x1f\x7f]", " ", text).strip().encode("utf-8", "ignore")
        sent = {header.encode(): value for header in headers}
        response = httpx.get(run.url + path, headers=sent, follow_redirects=False)
        if response.status_code == 400:  # no valid HTTP
            continue
        assert (response.status_code, response.content) == (plain.status_code, plain.content)
        assert {**response.headers, "date": ""} == {**plain.headers, "date": ""}


def test_the_header_of_a_turn_puts_no_other_site_into_the_reply(run, before):
    for header in HEADERS:
        headers = {header: "evil.example"}
        response = httpx.post(f"{run.url}/api/chat", json={"text": "how do I book?"}, headers=headers, timeout=20)
        assert response.status_code == 200
        assert_nothing_shows(response)


# One chat and another.


def test_one_chat_knows_nothing_of_another(run, before):
    one = httpx.post(f"{run.url}/api/chat", json={"text": "can pcos cause miscarriage?"}, timeout=20).json()
    other = httpx.post(f"{run.url}/api/chat", json={"text": "hello"}, timeout=20).json()
    assert one["conversation"] != other["conversation"]
    follow_up = {"text": "and how is it treated?"}
    of_one, of_other = (
        httpx.post(f"{run.url}/api/chat", json={**follow_up, "conversation": chat["conversation"]}, timeout=20).json()
        for chat in (one, other)
    )
    assert of_one["replies"][0]["answer"] == "treatments/pcos"
    assert of_other["replies"][0]["answer"] != "treatments/pcos"


def test_a_chat_can_be_joined_or_forgotten_with_its_whole_id_alone(run, before):
    id = httpx.post(f"{run.url}/api/chat", json={"text": "can pcos cause miscarriage?"}, timeout=20).json()[
        "conversation"
    ]
    name, _, signature = id.partition(".")
    for guess in (
        name,
        f"{name}.",
        f".{signature}",
        f"{name}.{signature[:-1]}",
        f"{name}.{signature}x",
        id.swapcase(),
        f"{id} ",
    ):
        joined = httpx.post(f"{run.url}/api/chat", json={"text": "and how is it treated?", "conversation": guess})
        assert joined.json()["error"]["code"] == "unknown_conversation"
        assert httpx.delete(f"{run.url}/api/conversations/{quote(guess, safe='')}").status_code == 400
    again = httpx.post(f"{run.url}/api/chat", json={"text": "and how is it treated?", "conversation": id}, timeout=20)
    assert again.json()["replies"][0]["answer"] == "treatments/pcos"


@pytest.mark.parametrize(
    "path", ["/conversations", "/webhooks/rest/webhook", "/model/parse", "/status", "/webhook", "/docs"]
)
def test_nothing_behind_the_front_server_can_be_reached_through_it(run, before, path):
    for method in ("GET", "POST"):
        assert httpx.request(method, run.url + path).status_code == 404


# After all of it.


def test_all_is_as_it_was(run, before, log):
    processes, present = before
    assert {process.pid for process in run.processes()} == processes
    assert files() - present == set()
    assert not any(path.exists() for path in CREATED)
    assert run.chat("can pcos cause miscarriage?")["answer"] == "causes/pcos"
    assert [line for line in log if SIGNS.search(TIME.sub("", line))] == []
    begun = next(at for at, line in enumerate(log) if line.startswith("Ready after"))
    assert [line for line in log[begun + 1 :] if line.strip() and not LOG_LINE.match(line)] == []
    assert len([line for line in log if "bot.web.chat" in line]) >= len(EVERY)
