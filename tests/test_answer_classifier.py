"""The classifier of answer ids: what it learns from, what it gives, and that it comes back from disk the same."""

import numpy as np
import pytest
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.answer_classifier import AnswerModel, best_weights, facet_ranking, fit, id_of
from bot.nlu.encoder import MiniLMEncoder

EXAMPLES = {
    "causes/thyroid": ["can my thyroid cause this", "thyroid and loss", "underactive thyroid", "is it my thyroid"],
    "tests/imaging": ["what is an HSG", "scan of the uterus", "do I need an ultrasound", "camera inside the womb"],
    "clinic/human": ["talk to a person", "speak to a nurse", "is there a human", "call me please"],
}  # fmt: skip
TEXTS = [text for texts in EXAMPLES.values() for text in texts]
IDS = [id for id, texts in EXAMPLES.items() for _ in texts]


@pytest.fixture(scope="module")
def encoder() -> MiniLMEncoder:
    return MiniLMEncoder()


@pytest.fixture(scope="module")
def model(encoder) -> AnswerModel:
    return fit(TEXTS, encoder.embed(TEXTS), IDS, meaning_C=10.0, words_C=1.0, folds=2)


def test_an_unseen_wording_gets_its_answer(model, encoder):
    text = "could an underactive thyroid be behind my losses"
    (row,) = model.probabilities([text], encoder.embed([text]))
    assert model.ids[row.argmax()] == "causes/thyroid"


def test_probabilities_of_a_message_add_up_to_1(model, encoder):
    texts = ["", "thyroid", "🩸" * 50, "x" * 1000]
    rows = model.probabilities(texts, encoder.embed(texts))
    assert rows.shape == (4, 3)
    assert rows.sum(axis=1) == pytest.approx(np.ones(4))


def test_a_saved_model_comes_back_the_same(model, encoder, tmp_path):
    model.save(tmp_path / "answers.skops")
    again = AnswerModel.load(tmp_path / "answers.skops")
    vectors = encoder.embed(TEXTS)
    assert again.probabilities(TEXTS, vectors) == pytest.approx(model.probabilities(TEXTS, vectors))


def test_overconfident_scores_are_made_blunter():
    right_half_the_time = np.array([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [9.0, 0.0]])
    assert best_weights([right_half_the_time], np.array([0, 1, 0, 1]))[0] < 0.2


def test_the_expert_that_knows_more_gets_the_greater_weight():
    knows = np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.5, 0.0]])
    guesses = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    weights = best_weights([knows, guesses], np.array([0, 1, 0, 1]))
    assert weights[0] > weights[1]


def test_a_facet_has_the_summed_probability_of_its_answers():
    ranking = facet_ranking({"causes/pcos": 0.3, "tests/imaging": 0.4, "causes/thyroid": 0.3})
    assert [entry["name"] for entry in ranking] == ["causes", "tests"]
    assert ranking[0]["confidence"] == pytest.approx(0.6)


def test_an_example_without_a_topic_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="metadata"):
        id_of(Message({"text": "hello", "intent": "meta"}))
