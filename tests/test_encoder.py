"""The sentence encoder gives the vectors we know, whatever machine it runs on."""

import json
from pathlib import Path

import numpy as np
import pytest

from bot.encoder import DIMENSION, MEANING, MODEL, TOKENIZER, EncoderMissing, MiniLMEncoder, meaning, packaged_file
from scripts.evaluation.data import load_examples

STORED = json.loads((Path(__file__).parent / "nlu" / "vectors.json").read_text())


@pytest.fixture(scope="module")
def encoder() -> MiniLMEncoder:
    return MiniLMEncoder()


@pytest.mark.parametrize("text", STORED)
def test_a_vector_is_the_one_stored(encoder, text):
    (vector,) = encoder.embed([text])
    assert float(meaning(vector) @ np.array(STORED[text])) > 0.998  # the floats differ a little between processors


def test_meanings_have_unit_length_and_keep_the_order_of_the_texts(encoder):
    texts = ["a much longer question about tests after several losses", "hi", "why"]
    together = encoder.embed(texts)
    assert together.shape == (3, DIMENSION)
    assert np.linalg.norm(meaning(together), axis=1) == pytest.approx(np.ones(3), abs=1e-3)
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(encoder.embed([text])[0], row)  # whatever stands beside it


def test_the_early_layers_have_the_measure_of_the_meaning(encoder):
    early = encoder.embed([example.text for example in load_examples()[::100]])[:, MEANING:]
    for layer in np.split(early, 2, axis=1):
        assert (layer**2).sum(axis=1).mean() == pytest.approx(1, abs=0.2)
        assert np.linalg.norm(layer.mean(axis=0)) < 0.2  # they lie around the middle, not all on one side


def test_a_blank_text_gives_zeros(encoder):
    assert not encoder.embed(["", "  \n"]).any()


def test_no_texts_give_no_rows(encoder):
    assert encoder.embed([]).shape == (0, DIMENSION)


def test_like_meanings_are_nearer_than_unlike_ones(encoder):
    asked = ["why do I keep losing pregnancies", "reasons for repeated miscarriage", "how do I book a visit"]
    loss, same, other = meaning(encoder.embed(asked))
    assert loss @ same > loss @ other


@pytest.mark.parametrize(
    ("package", "name", "sha256"),
    [
        ("no-such-package", MODEL[1], MODEL[2]),
        (TOKENIZER[0], "no/such/file.json", TOKENIZER[2]),
        (*TOKENIZER[:2], "0" * 64),  # a file that was changed
    ],
)
def test_a_missing_or_changed_file_is_refused_with_the_remedy(package, name, sha256):
    with pytest.raises(EncoderMissing, match="make install"):
        packaged_file(package, name, sha256)
