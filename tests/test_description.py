"""/openapi.json is a valid description, of every address that there is, and every response is as it says."""

import re
import subprocess

import httpx
import jsonschema
import pytest
from starlette.routing import Mount, Route

from bot.paths import ROOT
from bot.web.description import FILE, load_description
from tests.conftest import FIELDS, KINDS

DESCRIPTION = load_description()
VALIDATOR = ROOT / ".tools" / "apart" / "bin" / "openapi-spec-validator"
DANGER = "I am soaking a pad every hour"
FOR_PEOPLE = ("/desk",)  # pages behind the sign-in: no program reads them


def test_the_description_keeps_to_its_standard():
    assert VALIDATOR.exists(), "run scripts/install_tools.sh"
    checked = subprocess.run([VALIDATOR, FILE], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_it_is_served(site):
    response = site.get("/openapi.json")
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == DESCRIPTION


def test_every_route_is_described_and_every_address_described_is_a_route(site):
    routes = {
        re.sub(r":\w+\}", "}", route.path): route.methods - {"HEAD"}
        for route in site.app.routes
        if isinstance(route, Route) and not route.path.startswith(FOR_PEOPLE)
    }
    described = {
        path: {method.upper() for method in item if method != "parameters"}
        for path, item in DESCRIPTION["paths"].items()
    }
    assert described == routes
    assert [route.path for route in site.app.routes if isinstance(route, Mount)] == ["/static", "/desk"]


def test_every_reply_kind_of_the_contract_is_described(answers):
    reply = DESCRIPTION["components"]["schemas"]["Reply"]
    assert set(reply["properties"]["kind"]["enum"]) == KINDS
    assert set(reply["required"]) == FIELDS


# Every response is held to it.


def holds(response, path: str, method: str) -> None:
    """Fail where a response is not one of those described for this address."""
    operation = DESCRIPTION["paths"][path][method]
    described = resolved(operation["responses"][str(response.status_code)])
    content_type = response.headers.get("Content-Type", "").partition(";")[0]
    if "content" not in described:
        assert response.content == b""
        return
    schema = described["content"][content_type]["schema"]
    body = response.json() if content_type == "application/json" else response.text
    validator = jsonschema.Draft202012Validator({**schema, "components": DESCRIPTION["components"]})
    assert [error.message for error in validator.iter_errors(body)] == []
    for name, header in described.get("headers", {}).items():
        if resolved(header).get("required"):
            assert name in response.headers


def resolved(part: dict) -> dict:
    """Return what a reference stands for."""
    if "$ref" not in part:
        return part
    found = DESCRIPTION
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


TURNS = [
    ({"text": "what causes it"}, 200),
    ({"text": "what causes it", "conversation": None, "choice": None}, 200),
    ({"choice": "causes/pcos"}, 200),
    ({"text": DANGER}, 200),
    ({"text": "I want to kill myself"}, 200),
    ({}, 400),
    ({"text": " "}, 400),
    ({"text": "x" * 1001}, 400),
    ({"choice": "causes/unheard_of"}, 400),
    ({"text": "hi", "conversation": "made up"}, 400),
    ({"text": "hi", "choice": "causes/pcos"}, 400),
    ({"text": "hi", "sender": "x"}, 400),
    ({"text": "x" * 100_000}, 413),
]


@pytest.mark.parametrize(("turn", "status"), TURNS)
def test_a_turn_is_answered_as_described(site, rasa, turn, status):
    response = site.post("/api/chat", json=turn)
    assert response.status_code == status
    holds(response, "/api/chat", "post")


@pytest.mark.parametrize(("turn", "status"), [turn for turn in TURNS if turn[1] != 413])
def test_a_turn_that_is_answered_fits_the_description_and_one_that_does_not_fit_is_refused(site, rasa, turn, status):
    schema = {**DESCRIPTION["components"]["schemas"]["Turn"], "components": DESCRIPTION["components"]}
    fits = jsonschema.Draft202012Validator(schema).is_valid(turn)
    assert fits or status == 400


def test_every_choice_is_answered_as_described(site, rasa, answers):
    for id in answers:
        holds(site.post("/api/chat", json={"choice": id}), "/api/chat", "post")


@pytest.mark.parametrize("fault", [httpx.ConnectError("x"), httpx.ReadTimeout("x")])
def test_a_turn_while_rasa_is_down_is_answered_as_described(site, rasa, fault):
    def fail(request):
        raise fault

    rasa.respond = fail
    for text in ("what causes it", DANGER):
        response = site.post("/api/chat", json={"text": text})
        assert response.status_code == 200
        holds(response, "/api/chat", "post")
    conversation = response.json()["conversation"]
    forgotten = site.delete(f"/api/conversations/{conversation}")
    assert forgotten.status_code == 503
    holds(forgotten, "/api/conversations/{conversation}", "delete")
    holds(site.get("/readyz"), "/readyz", "get")


def test_what_is_no_json_is_refused_as_described(site):
    response = site.post("/api/chat", content=b"hello")
    assert response.status_code == 415
    holds(response, "/api/chat", "post")


def test_a_chat_is_forgotten_as_described(site, rasa):
    conversation = site.post("/api/chat", json={"text": "hi"}).json()["conversation"]
    for id, status in ((conversation, 204), ("made-up", 400)):
        response = site.delete(f"/api/conversations/{id}")
        assert response.status_code == status
        holds(response, "/api/conversations/{conversation}", "delete")


@pytest.mark.parametrize(
    ("path", "described", "status"),
    [
        ("/", "/", 200),
        ("/widget.js", "/widget.js", 200),
        ("/api/answers", "/api/answers", 200),
        ("/api/answers/causes/pcos", "/api/answers/{id}", 200),
        ("/api/answers/causes/unheard_of", "/api/answers/{id}", 404),
        ("/openapi.json", "/openapi.json", 200),
        ("/.well-known/security.txt", "/.well-known/security.txt", 404),
        ("/healthz", "/healthz", 200),
        ("/readyz", "/readyz", 200),
        ("/metrics", "/metrics", 403),
    ],
)
def test_every_other_address_answers_as_described(site, rasa, path, described, status):
    response = site.get(path)
    assert response.status_code == status
    holds(response, described, "get")


@pytest.mark.parametrize("path", ["/widget.js", "/api/answers", "/openapi.json"])
def test_what_has_not_changed_is_not_sent_again_as_described(site, path):
    tag = site.get(path).headers["ETag"]
    response = site.get(path, headers={"If-None-Match": tag})
    assert response.status_code == 304
    holds(response, path, "get")
