"""The classifier of answer ids: what it learns from, what it gives, and that it comes back from disk the same."""

import numpy as np
import pytest
from rasa.shared.nlu.training_data.message import Message

from bot.answer_model import AnswerModel, Labelled, Marks, best_weights, fit, words_on_subject
from bot.encoder import MiniLMEncoder
from bot.links import Last
from bot.nlu.answer_classifier import facet_ranking
from bot.nlu.models import by_use, ids_of, last_before
from bot.topics import TopicWords

EXAMPLES = {
    "causes/thyroid": ["can my thyroid cause this", "thyroid and loss", "underactive thyroid", "is it my thyroid"],
    "tests/imaging": ["what is an HSG", "scan of the uterus", "do I need an ultrasound", "camera inside the womb"],
    "clinic/human": ["talk to a person", "speak to a nurse", "is there a human", "call me please"],
}  # fmt: skip
TEXTS = [text for texts in EXAMPLES.values() for text in texts]
RIGHT = [(id,) for id, texts in EXAMPLES.items() for _ in texts]
HELD_OUT = {"is thyroid disease a reason": ("causes/thyroid",), "ultrasound": ("tests/imaging", "clinic/human")}
TOPIC_WORDS = TopicWords({"thyroid": ["thyroid"], "imaging": ["ultrasound", "HSG"]})


@pytest.fixture(scope="module")
def encoder() -> MiniLMEncoder:
    return MiniLMEncoder()


@pytest.fixture(scope="module")
def model(encoder) -> AnswerModel:
    return small_model(encoder)


def small_model(encoder: MiniLMEncoder) -> AnswerModel:
    """Return a model of three ids."""
    held_out = Labelled(list(HELD_OUT), encoder.embed(list(HELD_OUT)), list(HELD_OUT.values()))
    return fit(Labelled(TEXTS, encoder.embed(TEXTS), RIGHT), held_out, TOPIC_WORDS)


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
    again = AnswerModel.load(tmp_path / "answers.skops", TOPIC_WORDS)
    vectors = encoder.embed(TEXTS)
    assert again.probabilities(TEXTS, vectors) == pytest.approx(model.probabilities(TEXTS, vectors))


def test_a_held_out_message_must_have_an_id_that_can_be_learnt(encoder):
    held_out = Labelled(["hello"], encoder.embed(["hello"]), [("meta/greet",)])
    with pytest.raises(ValueError, match="meta/greet"):
        fit(Labelled(TEXTS, encoder.embed(TEXTS), RIGHT), held_out, TOPIC_WORDS)


def test_marks_tell_the_topics_and_how_much_is_unknown():
    marks = Marks(TOPIC_WORDS, ["can", "my", "cause", "thyroid"])
    assert marks.of("Can my thyroid cause this") == "thyroid unknown1 share1"
    assert marks.of("my car stalls at lights") == "none unknown4 share4"
    assert marks.of("") == "none unknown0 share0"


def test_a_word_of_the_subject_is_one_that_several_examples_on_it_use():
    off = [("meta/out_of_scope",)] * 3
    messages = ["the scan", "a scan", "scan it", "car", "car", "car"]
    assert words_on_subject(Labelled(messages, np.zeros((6, 384)), [("tests/imaging",)] * 3 + off)) == ["scan"]


def test_overconfident_scores_are_made_blunter():
    always_sure = np.array([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [9.0, 0.0]])
    right_half_the_time = np.array([[True, False], [False, True], [True, False], [False, True]])
    assert best_weights([always_sure], right_half_the_time)[0] < 0.2


def test_the_expert_that_knows_more_gets_the_greater_weight():
    knows = np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.5, 0.0]])
    guesses = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    weights = best_weights([knows, guesses], np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=bool))
    assert weights[0] > weights[1]


def test_a_facet_has_the_summed_probability_of_its_answers():
    ranking = facet_ranking(["causes/pcos", "tests/imaging", "causes/thyroid"], np.array([0.3, 0.4, 0.3]))
    assert [entry["name"] for entry in ranking] == ["causes", "tests"]
    assert ranking[0]["confidence"] == pytest.approx(0.6)


def example(text: str, topic: str, **metadata) -> Message:
    """Return a training example of intent tests as Rasa gives it."""
    return Message({"text": text, "intent": "tests", "metadata": {"intent": {"topic": topic, **metadata}}})


def test_examples_are_told_apart_by_what_they_are_for():
    plain, held_out = example("what is an HSG", "imaging"), example("scan?", "imaging", use="calibration")
    after = example("and how is it seen", "imaging", after="causes/fibroids")
    assert by_use([after, held_out, plain]) == ([plain], [held_out], [after], [])


def test_a_follow_up_has_the_topic_of_the_answer_before_it_unless_it_names_another():
    assert last_before(example("?", "imaging", after="causes/fibroids")) == Last("causes/fibroids", "fibroids")
    last = last_before(example("?", "hormones", after="tests/hormones", about="thyroid"))
    assert last == Last("tests/hormones", "thyroid")


def test_an_example_without_a_topic_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="metadata"):
        ids_of(Message({"text": "hello", "intent": "meta"}))
