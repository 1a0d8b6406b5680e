"""What every component of ours promises to the pipeline: it adds its output, leaves others' alone, and copes with
what people send.
"""

import pytest
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder import DIMENSION
from bot.followups import OVERRIDE
from bot.nlu.answer_classifier import FACETS, PARTS, RANKING, AnswerClassifier
from bot.nlu.featurizer import MiniLMFeaturizer
from bot.nlu.models import Models
from bot.nlu.safety import DANGER, SafetyOverride
from bot.paths import DATA
from bot.safety import SafetyCheck
from tests.test_answer_classifier import TEXTS, small_model

ODD = ["", " ", "?", "🩸" * 200, "x" * 1000, "a b " * 250, "ПОЧЕМУ", "لماذا", "\u200d\ufe0f", "0", "why? " * 150]


@pytest.fixture(scope="module")
def featurizer() -> MiniLMFeaturizer:
    return MiniLMFeaturizer({"alias": None}, "encoder")


@pytest.fixture(scope="module")
def classifier(featurizer) -> AnswerClassifier:
    return AnswerClassifier({}, None, None, Models(small_model(featurizer._encoder)))


@pytest.fixture(scope="module")
def components(featurizer, classifier) -> dict:
    return {"encoder": featurizer, "classifier": classifier, "safety": SafetyOverride(SafetyCheck(DATA / "safety.yml"))}


def through(components: dict, text: str) -> Message:
    message = Message({TEXT: text, "metadata": {"kept": True}})
    for name, component in components.items():
        component.process([message], None) if name == "classifier" else component.process([message])
    return message


@pytest.mark.parametrize("text", ODD)
def test_no_message_is_too_odd(components, text):
    assert through(components, text).get(TEXT) == text


def test_each_adds_its_output(components):
    message = through(components, "Is it my thyroid?")
    assert message.get_dense_features(TEXT)[1].features.shape == (1, DIMENSION)
    assert message.get(RANKING)[0]["id"] == "causes/thyroid"
    assert message.get(FACETS)[0]["name"] == message.get(INTENT)["name"] == "causes"


def test_danger_another_language_and_a_sign_for_a_doctor_overrule_the_answer(components):
    message = through(components, "Is it my thyroid? I am soaking a pad every hour")
    assert message.get(DANGER)["id"] == "safety/urgent"
    assert message.get(INTENT)["name"] == "safety"
    assert through(components, "¿qué causa los abortos?").get(OVERRIDE)["variant"] == "not_english"
    assert through(components, "went through menopause and now bleeding").get(OVERRIDE)["variant"] == "needs_visit"


def test_the_output_reaches_the_parse_data(components):
    message = through(components, "Is it my thyroid? What is an HSG?")
    data = message.as_dict(only_output_properties=True)
    assert {RANKING, FACETS, INTENT, PARTS} <= set(data)
    assert [part[RANKING][0]["id"] for part in data[PARTS]] == ["causes/thyroid", "tests/imaging"]


def test_none_touches_what_was_there(components):
    assert through(components, "is it my thyroid").get("metadata") == {"kept": True}


def test_a_message_without_danger_is_left_as_it_is(components):
    assert through(components, "is it my thyroid").get(DANGER) is None


@pytest.mark.parametrize("name", ["encoder", "classifier", "safety"])
def test_no_messages_are_no_trouble(components, name):
    tracker = [None] if name == "classifier" else []
    assert components[name].process([], *tracker) == []


def test_training_data_comes_back_whole(featurizer, classifier):
    data = TrainingData([Message({TEXT: text}) for text in TEXTS])
    for component in (featurizer, classifier):
        assert component.process_training_data(data) is data
    assert len(data.training_examples) == len(TEXTS)
