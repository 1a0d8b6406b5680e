"""What is computed for one message is what scikit-learn gives, and what a file keeps is what was learnt."""

import numpy as np
import pytest

from bot.answer_model import AnswerModel, Labelled, fit
from bot.encoder import DIMENSION, meaning
from bot.one_message import Linear, Networks, NGrams, dense
from bot.topics import TopicWords

WORDS = ("thyroid", "fibroid", "clot", "scan", "blood", "weight", "stress", "gene", "test", "surgery")
IDS = ("causes/one", "tests/two", "meta/out_of_scope")
TEXTS = [f"what about {word} and {other}, number {at}?" for at, word in enumerate(WORDS) for other in WORDS[:6]]


@pytest.fixture(scope="module")
def messages() -> Labelled:
    vectors = np.random.default_rng(1).normal(size=(len(TEXTS), DIMENSION)).astype(np.float32) / 20
    return Labelled(TEXTS, vectors, [(IDS[at % 3],) for at in range(len(TEXTS))])


@pytest.fixture(scope="module", params=["ids", "kinds"])
def model(messages, request) -> AnswerModel:
    kinds = [f"{id} {at % 2}" for at, id in enumerate(messages.ids)] if request.param == "kinds" else None
    return fit(messages, messages, TopicWords({}), kinds=kinds)


def test_kinds_are_added_up_to_their_ids(model, messages):
    together = model.probabilities(TEXTS, messages.vectors)
    assert together.shape == (len(TEXTS), len(IDS))
    np.testing.assert_allclose(together.sum(axis=1), 1)
    found = [model.ids[column] for column in together.argmax(axis=1)]
    assert np.mean([id == best for id, best in zip(messages.ids, found, strict=True)]) > 0.9


def test_one_message_gets_the_probabilities_that_it_gets_among_others(model, messages):
    together = model.probabilities(TEXTS, messages.vectors)
    for at in range(0, len(TEXTS), 7):
        alone = model.probabilities([TEXTS[at]], messages.vectors[at : at + 1])
        np.testing.assert_allclose(alone[0], together[at], atol=1e-5)


@pytest.mark.parametrize("text", ["", "?", "\n", "zzz qqq", "Thyroid THYROID thyroid", "clot " * 200])
def test_odd_texts_have_the_same_ngrams(model, text):
    union = model.features.ngrams
    row = NGrams(union).of(text)
    ours = np.zeros(NGrams(union).width)
    ours[row.columns] = row.values
    np.testing.assert_allclose(ours, union.transform([text]).toarray()[0], atol=1e-12)


def test_networks_say_what_they_vote(model, messages):
    vector = meaning(messages.vectors)[0] * 8
    np.testing.assert_allclose(
        Networks(model.meaning).probabilities(vector), model.meaning.predict_proba(vector[None, :])[0], atol=1e-5
    )


def test_a_linear_model_goes_on_after_it_shares_its_weights(model):
    row = np.arange(model.words.coef_.shape[1]) / 1000
    before = model.words.decision_function(row[None, :])[0]
    np.testing.assert_allclose(Linear(model.words).scores(dense(row)), before, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(model.words.decision_function(row[None, :])[0], before, rtol=1e-4, atol=1e-4)


def test_a_file_keeps_what_was_learnt(model, messages, tmp_path):
    model.save(tmp_path / "model.skops")
    again = AnswerModel.load(tmp_path / "model.skops", TopicWords({}))
    np.testing.assert_allclose(
        again.probabilities(TEXTS, messages.vectors), model.probabilities(TEXTS, messages.vectors), atol=1e-6
    )
    assert again.features.marks.known_words == model.features.marks.known_words
