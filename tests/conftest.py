"""What the tests share: the real data, the smallest valid content, and the front server before a stand-in for Rasa.

Nothing here needs a trained model, a network or today's date.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from bot.answers import Answer, Answers, Frame, SafetyButtons, load_answers
from bot.checks import Content
from bot.clinic import Clinic, load_clinic
from bot.paths import ANSWERS, CLINIC, DATA, SOURCES
from bot.reply import Renderer, Reply, as_text
from bot.safety import SafetyCheck
from bot.sources import NOT_USED, STAFF_ONLY, VISITOR, Document, Erratum, Fact, Sources, load_sources
from bot.store.database import Database
from bot.store.desk import Attempt
from bot.web.app import create_app
from bot.web.desk.accounts import Accounts
from bot.web.door import PROBE_ANSWER
from bot.wording import Blocked, Wording
from tests.desk import EDITOR, PASSWORDS, READER, Visitor
from tests.exchange import before
from tests.postgresql import PostgreSQL, running_postgresql
from tests.product import NO_LIMITS

# The real data.


@pytest.fixture(scope="session")
def answers() -> Answers:
    return load_answers(ANSWERS)


@pytest.fixture(scope="session")
def sources() -> Sources:
    return load_sources(SOURCES)


@pytest.fixture(scope="session")
def clinic() -> Clinic:
    return load_clinic(CLINIC, environ={})


@pytest.fixture(scope="session")
def renderer(answers, sources, clinic) -> Renderer:
    return Renderer(answers, sources, clinic)


# The whole bot, for the tests marked `model`.


@pytest.fixture(scope="session")
def bot():
    from scripts.local_bot import LocalBot
    from scripts.train import model_path

    return LocalBot(model_path())


# A small content that keeps every rule of bot/checks.py, so that a test can break one.

RECORD = {
    "visitor": [{"text": "Tests can look for a cause.", "facts": ["R-1"]}],
    "staff": [{"text": "The team plans the tests.", "facts": ["R-2"]}],
    "next": ["meta/menu", "causes/overview"],
    "reviewed_on": "2025-01-01",
    "review_due": "2025-12-31",
    "reviewer": "A clinician",
}
RECORDS = {
    "meta/menu": {
        "visitor": [{"text": "Tap a subject.", "own": "bot"}],
        "staff": [],
        "next": ["causes/overview", "tests/overview"],
    },
    "causes/overview": {"next": ["meta/menu", "tests/overview"]},
    "tests/overview": {},
}
CAUTIONS = {"K3": "Do not stop a medicine.", "K6": "Call {emergency_number} now."}


@pytest.fixture
def content() -> Callable[..., Content]:
    """Return `small_content`: a maker of contents that are valid but for what a test asks for."""
    return small_content


def small_content(changes: Mapping[str, Mapping] = {}, **parts: Any) -> Content:
    """Return three short records; `changes` gives fields anew by id, `parts` whole parts of the content.

    An id that is not among the three is added, as a copy of tests/overview that the menu leads to.
    """
    added = [id for id in changes if id not in RECORDS]
    menu = {**RECORDS["meta/menu"], "next": [*RECORDS["meta/menu"]["next"], *added]}
    entries = {**RECORDS, "meta/menu": menu, **{id: {} for id in added}}
    records = {id: small_record(id, {**entry, **changes.get(id, {})}) for id, entry in entries.items()}
    buttons = dict.fromkeys(SafetyButtons.model_fields, "words")
    frame = Frame(**dict.fromkeys(Frame.model_fields, "words") | {"safety_buttons": buttons, "cautions": CAUTIONS})
    whole = {
        "answers": Answers(records, frame),
        "sources": small_sources(),
        "wording": small_wording(),
        "published": frozenset(records),
        "unused_facts": {},
        "placeholders": frozenset({"clinic_phone", "emergency_number"}),
        "conditions": frozenset({"crisis_text"}),
    }
    return Content(**{**whole, **parts})


def small_record(id: str, fields: Mapping[str, Any]) -> Answer:
    """Return a valid record; its title and question are made from its id."""
    words = id.replace("/", " ")
    return Answer.model_validate({**RECORD, "id": id, "title": words, "question": f"About {words}?", **fields})


def small_sources() -> Sources:
    """Return one document with one fact for each audience, and one erratum that wants caution K3."""
    known = (
        Fact("R-1", "R", "Tests", 1, VISITOR, (), "Tests look for a cause."),
        Fact("R-2", "R", "Tests", 2, STAFF_ONLY, (), "The dose is 5 mg."),
        Fact("R-9", "R", "Footer", 9, NOT_USED, (), "Share this page."),
    )
    erratum = Erratum("ER-1", "A wrong dose", "Major", "…", "…", ("causes/overview",), ("K3",))
    documents = {"R": Document("article", "An article", "2025-01-01")}
    return Sources(documents, {fact.id: fact for fact in known}, {"ER-1": erratum})


def small_wording() -> Wording:
    """Return one blocked word, one medicine, one phrase for figures and one name without a reading grade."""
    blocked = Blocked(re.compile("hysterectomy"), "a wrong translation", "say 'the wall'", ("ER-1",), {})
    return Wording((blocked,), re.compile("aspirin"), ("in some older studies",), re.compile("antiphospholipid"))


# The database.


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory) -> Iterator[PostgreSQL]:
    """A PostgreSQL of its own on loopback. Without its package the tests that need it fail: `make test` brings it."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request, tmp_path) -> str:
    """The address of a database without tables: each test that asks for one runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/clinic.db"
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def database(empty_database_url) -> Iterator[Database]:
    """A database of its own for each test, its tables made by the migrations."""
    made = Database(empty_database_url)
    made.prepare()
    yield made
    made.close()


# The front desk.


@pytest.fixture(scope="module")
def desk_app(tmp_path_factory):
    """The front server with an editor and a reader who may use the desk, for the tests of one file."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('desk')}/clinic.db")
    database.prepare()
    accounts = Accounts(database, "for the tests only", timedelta(minutes=30))
    for name, role in ((EDITOR, "editor"), (READER, "reader")):
        accounts.save(name, role, PASSWORDS[name])
    url = database.url.render_as_string(hide_password=False)
    environ = {"CLINIC_SECRET": "for the tests only", "DATABASE_URL": url}
    app = create_app(environ, safety=SafetyCheck(DATA / "safety.yml"))
    app.state.accounts, app.state.desk_database = accounts, database
    yield app
    database.close()


@pytest.fixture
def visitor(desk_app) -> Visitor:
    """A browser at the desk, not signed in; nobody has failed to sign in before."""
    with desk_app.state.desk_database.writing() as rows:
        rows.execute(delete(Attempt))
    return Visitor(desk_app)


@pytest.fixture(scope="module")
def reading(desk_app) -> Visitor:
    """A browser signed in once for the tests of one file that only read."""
    visitor = Visitor(desk_app)
    assert visitor.sign_in().status_code == 303
    return visitor


@pytest.fixture
def editor(visitor) -> Visitor:
    """A browser at the desk, signed in as an editor."""
    assert visitor.sign_in().status_code == 303
    return visitor


# The whole front server, with a stand-in where it would call Rasa.


class StandInForRasa:
    """Answers as Rasa's REST channel does: a button with its record, any words with the same one.

    `respond` is what a test makes go wrong; `asked` holds the bodies received since the test began, `forgotten` the
    conversations that were to be forgotten.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self.recover()

    def recover(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.forgotten: list[str] = []
        self.respond: Callable[[httpx.Request], httpx.Response] = self.healthy

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.asked.append(json.loads(request.content))
        return self.respond(request)

    def healthy(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            self.forgotten.append(request.url.path.removeprefix("/webhooks/rest/conversations/"))
            return httpx.Response(204)
        tapped = re.fullmatch(r'/(\w+)\{"topic": "(\w+)"\}', self.asked[-1]["message"])
        reply = self._renderer.reply("/".join(tapped.groups()) if tapped else PROBE_ANSWER)
        # Rasa sends the text and the custom object of one utterance as two messages.
        return httpx.Response(200, json=[{"text": as_text(reply)}, {"custom": reply}])


FOLDER = TemporaryDirectory(prefix="front-")  # of the databases of front servers in this process
ENVIRONMENT = {
    "CLINIC_SECRET": "for the tests only",
    "DATABASE_URL": f"sqlite:///{FOLDER.name}/clinic.db",
    **NO_LIMITS,
}


@pytest.fixture(scope="session")
def environ() -> dict[str, str]:
    """The environment of a front server for tests: a secret, no limits, and a database of its own."""
    return ENVIRONMENT


@pytest.fixture(scope="session")
def front_server(renderer, environ) -> Iterator[tuple[TestClient, StandInForRasa]]:
    stand_in = StandInForRasa(renderer)
    client = before(stand_in)
    app = create_app(environ, client, SafetyCheck(DATA / "safety.yml"))
    app.state.database.prepare()  # as a start does
    with TestClient(app, raise_server_exceptions=False) as site:
        yield site, stand_in


@pytest.fixture
def site(front_server) -> TestClient:
    """The front server: `site.get(…)`, `site.post(…)`. An error inside is a 500, as for a visitor."""
    return front_server[0]


@pytest.fixture
def rasa(front_server) -> Iterator[StandInForRasa]:
    """The stand-in for Rasa, in good health at the start of each test."""
    stand_in = front_server[1]
    stand_in.recover()
    yield stand_in
    stand_in.recover()


@pytest.fixture
def say(site, rasa) -> Callable[..., list[Reply]]:
    """Return a function that posts one turn and gives the replies: `say(text='…')`, `say(choice='…')`."""

    def post(**turn: str) -> list[Reply]:
        response = site.post("/api/chat", json=turn)
        assert response.status_code == 200, response.text
        return response.json()["replies"]

    return post


@pytest.fixture(scope="session")
def keeps_the_contract() -> Callable[[Reply], None]:
    """Return the assertion that every reply of every kind must pass."""
    return assert_keeps_the_contract


KINDS = {"answer", "choice", "not_covered", "out_of_scope", "fallback", "urgent", "crisis", "advice", "small_talk",
         "unavailable"}  # fmt: skip
FIELDS = {"answer", "kind", "title", "paragraphs", "sources", "disclaimer", "consultation", "next", "level",
          "confidence"}  # fmt: skip


def assert_keeps_the_contract(reply: Reply) -> None:
    assert set(reply) == FIELDS
    assert reply["kind"] in KINDS
    assert reply["title"].strip()
    assert reply["paragraphs"]
    assert all(paragraph.strip() for paragraph in reply["paragraphs"])
    assert reply["disclaimer"].strip()
    assert set(reply["consultation"]) == {"text", "label", "url", "phone"}
    assert all(words.strip() for words in reply["consultation"].values())
    assert (reply["level"] in ("E", "D")) == (reply["kind"] == "urgent")
    assert 0 <= reply["confidence"] <= 1
    assert all(set(button) == {"label", "choice"} for button in reply["next"])
    assert all(set(source) == {"document", "title", "heading", "url"} for source in reply["sources"])
