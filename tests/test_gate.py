"""The gate: when an answer is served, when the nearest are offered, when the bot says that it did not understand."""

import pytest
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.gate import DECISION, FALLBACK_ID, FALLBACK_INTENT, Gate, decide


def ranking(**confidences: float) -> list[dict]:
    """Return a ranking; `causes__pcos=0.5` stands for {'id': 'causes/pcos', 'confidence': 0.5}."""
    return [{"id": id.replace("__", "/"), "confidence": value} for id, value in confidences.items()]


def decision(entries: list[dict]) -> dict:
    return decide(entries, min_confidence=0.4, min_offer=0.1)


def test_a_sure_answer_is_served_with_its_confidence():
    assert decision(ranking(causes__pcos=0.8, tests__hormones=0.1)) == {"id": "causes/pcos", "confidence": 0.8}


def test_an_answer_exactly_at_the_threshold_is_served():
    assert decision(ranking(causes__pcos=0.4, tests__hormones=0.3))["id"] == "causes/pcos"


def test_below_the_threshold_the_three_nearest_are_offered():
    entries = ranking(causes__pcos=0.3, treatments__pcos=0.25, tests__hormones=0.2, causes__weight=0.1)
    assert decision(entries)["choices"] == ["causes/pcos", "treatments/pcos", "tests/hormones"]


def test_safety_and_small_talk_are_never_among_the_choices():
    entries = ranking(meta__greet=0.3, causes__pcos=0.2, safety__urgent=0.2, treatments__pcos=0.1)
    assert decision(entries)["choices"] == ["causes/pcos", "treatments/pcos"]


@pytest.mark.parametrize(
    "entries",
    [
        ranking(meta__out_of_scope=0.39, causes__pcos=0.03, causes__weight=0.02),  # nothing near enough
        ranking(meta__greet=0.3, causes__pcos=0.2),  # one choice is no choice
        [{"id": FALLBACK_ID, "confidence": 0.0}],
    ],
)
def test_where_nothing_can_be_offered_it_says_that_it_did_not_understand(entries):
    found = decision(entries)
    assert found["id"] == FALLBACK_ID
    assert "choices" not in found


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_threshold_outside_0_to_1_is_refused_by_name(value):
    with pytest.raises(ValueError, match="min_confidence"):
        Gate({"min_confidence": value})


def test_a_message_that_was_not_ranked_is_not_understood():
    (message,) = Gate({}).process([Message({TEXT: ""})])
    assert message.get(DECISION)["id"] == FALLBACK_ID
    assert message.get("intent")["name"] == FALLBACK_INTENT
