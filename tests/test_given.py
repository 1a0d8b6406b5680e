"""The vector of a message is made once, where it is looked through for danger, and used again in Rasa."""

import asyncio
import contextlib
import json
from contextvars import Context, copy_context

import httpx
import numpy as np
import pytest
from starlette.types import Receive, Scope, Send

from bot.encoder import DIMENSION, meaning, shared_encoder
from bot.given import as_words, forget, from_words, is_known_calm, known, note, note_sent
from bot.web.danger_reader import DangerReader
from bot.web.intake import Intake
from tests.exchange import before

TEXT = "can pcos cause miscarriage?"


@pytest.fixture
def vector() -> np.ndarray:
    return shared_encoder().embed([TEXT])[0]


def test_it_comes_as_it_was_sent(vector):
    np.testing.assert_array_equal(from_words(as_words(vector)), vector)


UNIT = np.eye(DIMENSION)[0]
STRANGE = (
    np.zeros(DIMENSION),
    np.ones(DIMENSION),
    np.full(DIMENSION, np.nan),
    np.where(UNIT, 1, np.inf),
    meaning(UNIT),
)


def test_a_vector_of_ours_is_taken():
    np.testing.assert_array_equal(from_words(as_words(UNIT)), UNIT)


@pytest.mark.parametrize("sent", [None, "", "no base64 …", "AAAA", 7, {"a": 1}, *map(as_words, STRANGE)])
def test_what_is_no_vector_of_ours_is_not_taken(sent):
    assert from_words(sent) is None


def test_it_is_known_for_its_own_text_and_request_alone(vector):
    def request() -> None:
        note(TEXT, vector)
        assert known(TEXT) is vector
        assert known("another text") is None

    copy_context().run(request)
    assert known(TEXT) is None


def test_a_connection_that_outlives_the_request_keeps_nothing_of_it(vector):
    def request() -> Context:
        note(f"{TEXT} or fibroids?", vector)
        first = copy_context()  # as each connection does that is opened
        note(TEXT, vector)
        second = copy_context()
        forget()
        assert [first.run(known, f"{TEXT} or fibroids?"), second.run(known, TEXT)] == [None, None]
        return second

    kept = copy_context().run(request)
    assert not [held for value in kept.values() if isinstance(value, dict) for held in value if "pcos" in held]


@pytest.mark.parametrize("fails", [False, True])
def test_the_end_of_a_request_lets_go_of_it(vector, fails):
    contexts: list[Context] = []

    async def chat(scope: Scope, receive: Receive, send: Send) -> None:
        note(TEXT, vector)
        contexts.append(copy_context())
        if fails:
            raise RuntimeError("as it happens")

    async def ask() -> None:
        intake = Intake(chat, limits=None, metrics=None, on_error=None)  # type: ignore[arg-type]
        with contextlib.suppress(RuntimeError):
            await intake({"type": "http", "path": "/api/chat"}, None, None)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert contexts[0].run(known, TEXT) is None


@pytest.mark.parametrize("finding", [None, "a danger"])
def test_the_look_for_danger_leaves_for_rasa_what_it_found_out(finding):
    class Check:
        """Stands for the detector, which a test of its own looks at."""

        def rules_alone(self) -> "Check":
            return self

        def find(self, text: str, vector: np.ndarray | None = None) -> str | None:
            self.vector = vector
            return finding

    async def sent() -> dict:
        bodies: list[dict] = []

        def rasa(request: httpx.Request) -> httpx.Response:
            bodies.append(json.loads(request.content))
            return httpx.Response(500)

        check = Check()
        await DangerReader(check, shared_encoder().embed).find(TEXT, is_over_limit=False)  # type: ignore[arg-type]
        for text in (TEXT, "another text"):
            with pytest.raises(RuntimeError):
                await before(rasa).ask("a", text)
        np.testing.assert_array_equal(from_words(bodies[0]["metadata"]["vector"]), check.vector)
        assert bodies[0]["metadata"]["calm"] is (finding is None)
        return bodies[1]

    assert asyncio.run(sent()) == {"sender": "a", "message": "another text"}


@pytest.mark.parametrize(
    ("sent", "is_calm"),
    [
        ({"calm": True}, True),
        ({"calm": False}, False),
        ({"calm": "true"}, False),
        ({"calm": 1}, False),
        ({}, False),
        ({"calm": True, "vector": "none of ours"}, False),
    ],
)
def test_only_what_the_front_server_says_beside_its_vector_counts_as_looked_through(vector, sent, is_calm):
    def request() -> bool:
        note_sent(TEXT, {"vector": as_words(vector)} | sent)
        return is_known_calm(TEXT) and not is_known_calm("another text")

    assert copy_context().run(request) is is_calm


@pytest.mark.parametrize("sent", [None, "words", [], 3])
def test_what_is_sent_in_another_form_is_nothing(sent):
    def request() -> tuple:
        note_sent(TEXT, sent)
        return known(TEXT), is_known_calm(TEXT)

    assert copy_context().run(request) == (None, False)


@pytest.mark.model
@pytest.mark.parametrize("is_calm", [False, True])
def test_the_pipeline_looks_for_danger_where_nobody_has(bot, is_calm):
    danger = "i am bleeding heavily and fainting"

    def ask() -> dict:
        note(danger, shared_encoder().embed([danger])[0], is_calm=is_calm)
        return bot.parse(danger)

    assert ("danger" in copy_context().run(ask)) is not is_calm


@pytest.mark.model
def test_rasa_takes_it_and_keeps_nothing_of_it(bot, monkeypatch):
    """With the vector of another question at hand the answer is to that one: no second one was made."""

    def ask() -> dict:
        note(TEXT, shared_encoder().embed(["how is a low thyroid treated?"])[0])
        return bot.parse(TEXT)

    parsed = copy_context().run(ask)
    assert parsed["answer_ranking"] != bot.parse(TEXT)["answer_ranking"]
    assert "metadata" not in parsed or not parsed["metadata"]
