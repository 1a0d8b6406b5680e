"""What a message asks after an answer, joined from two models, and how sure that may be."""

import numpy as np
import pytest

from bot.encoder import DIMENSION
from bot.nlu.pair_model import EVEN, HeldOut, PairModel

IDS = ["causes/pcos", "tests/hormones", "treatments/pcos"]
DICE = np.random.RandomState(3)
CENTRES = DICE.randn(len(IDS), DIMENSION) / np.sqrt(DIMENSION)


def vector(at: int) -> np.ndarray:
    """Return a vector near the centre of an id, shape (1, 384)."""
    return CENTRES[at : at + 1] + DICE.randn(1, DIMENSION) / DIMENSION


@pytest.fixture
def model() -> PairModel:
    which = [at for at in range(len(IDS)) for _ in range(20)]
    vectors = np.vstack([vector(at) for at in which])
    return PairModel.fit(vectors, vectors, [IDS[at] for at in which])


def held_out(links_are_right: float) -> tuple[list[HeldOut], np.ndarray]:
    """Return follow-ups whose links name the right id with 0.6, or so often only, and which ids are right."""
    which = DICE.randint(len(IDS), size=60)
    named = [at if DICE.rand() < links_are_right else (at + 1) % len(IDS) for at in which]
    by_links = [np.where(np.arange(len(IDS)) == at, 0.6, 0.2) for at in named]
    messages = [HeldOut(each, vector(at), vector(at)) for each, at in zip(by_links, which, strict=True)]
    return messages, np.eye(len(IDS), dtype=bool)[which]


def loss(model: PairModel, messages: list[HeldOut], right: np.ndarray) -> float:
    said = np.vstack([model.joined(each.by_links, each.pair, each.vector, IDS) for each in messages])
    return -float(np.log(said[right]).mean())


def test_the_probabilities_add_up_to_one(model):
    said = model.joined(np.array([0.2, 0.2, 0.6]), vector(0), vector(0), IDS)
    assert said.sum() == pytest.approx(1)


def test_held_out_follow_ups_make_the_probabilities_truer(model):
    messages, right = held_out(links_are_right=0.5)
    before = loss(model, messages, right)
    model.calibrate(messages, right, IDS)
    assert loss(model, messages, right) < before
    fresh = held_out(links_are_right=0.5)
    assert loss(model, *fresh) < loss(PairModel(model.answers, np.array(EVEN)), *fresh)


def test_the_weight_of_an_expert_follows_from_how_often_it_is_right(model):
    weights = []
    for share in (0.3, 1.0):
        model.calibrate(*held_out(share), IDS)
        weights.append(model.weights[0])
    assert weights[0] < weights[1]


def test_what_was_saved_says_the_same(model, tmp_path):
    model.calibrate(*held_out(0.5), IDS)
    model.save(tmp_path / "pairs.skops")
    asked = np.array([0.2, 0.2, 0.6]), vector(1), vector(1), IDS
    np.testing.assert_array_equal(PairModel.load(tmp_path / "pairs.skops").joined(*asked), model.joined(*asked))
