"""Did this help? Counted once a conversation and answer, never after safety or grief replies."""

import pytest
from sqlalchemy import func, select

from bot.answers import load_answers
from bot.paths import ANSWERS
from bot.store.tables import FeedbackCount
from bot.web.feedback import is_asked_after

ANSWERS_HERE = load_answers(ANSWERS)


@pytest.fixture
def tap(site, rasa):
    """Return a function that says whether an answer helped, in a conversation of its own."""
    conversation = site.post("/api/chat", json={"text": "hello"}).json()["conversation"]

    def post(**changes):
        given = {"conversation": conversation, "answer": "causes/pcos", "helpful": True, **changes}
        return site.post("/api/feedback", json=given)

    return post


@pytest.fixture
def taps(site):
    """Return a function that gives how many taps are counted, as written to the database."""

    def count(**which) -> int:
        site.app.state.counts.write()
        with site.app.state.database.reading() as session:
            return session.scalar(select(func.coalesce(func.sum(FeedbackCount.taps), 0)).filter_by(**which))

    return count


def test_a_tap_is_counted_once_for_an_answer(tap, taps):
    before = taps(answer="causes/pcos", helpful=True)
    for _ in range(3):
        response = tap()
        assert (response.status_code, response.content) == (204, b"")
    tap(helpful=False)
    assert taps(answer="causes/pcos", helpful=True) == before + 1
    tap(answer="causes/thyroid", helpful=False)
    assert taps(answer="causes/thyroid", helpful=False) >= 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"conversation": "made up"}, "unknown_conversation"),
        ({"conversation": None}, "missing_field"),
        ({"answer": "causes/nothing"}, "unknown_answer"),
        ({"answer": ["causes/pcos"]}, "bad_request"),
        ({"helpful": "yes"}, "bad_request"),
        ({"helpful": 1}, "bad_request"),
        ({"comment": "words"}, "unknown_field"),
        ({"answer": "safety/urgent"}, "not_asked"),
        ({"answer": "safety/crisis"}, "not_asked"),
        ({"answer": "support/emotional"}, "not_asked"),
        ({"answer": "meta/fallback"}, "not_asked"),
    ],
)
def test_what_cannot_be_counted_is_told_what_to_do(tap, clinic, changes, code):
    response = tap(**changes)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == code
    assert clinic.emergency_number in response.json()["error"]["message"]


@pytest.mark.parametrize("id", sorted(ANSWERS_HERE))
def test_only_ordinary_answers_ask_whether_they_helped(id):
    facet = id.partition("/")[0]
    assert is_asked_after(ANSWERS_HERE[id]) == (
        ANSWERS_HERE[id].kind == "answer" and facet not in ("safety", "support", "meta")
    )


def test_other_sites_of_the_clinic_may_use_both(site):
    for path in ("/api/feedback", "/api/questions"):
        assert site.get(path).status_code == 405
