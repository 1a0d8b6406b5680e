"""What tunes the encoder: its weights read and written, and texts mistyped."""

import numpy as np
import pytest

from bot.encoder import MODEL, TUNED, MiniLMEncoder, meaning, packaged_file
from scripts.tuning.graph import LOUD, narrowed, write
from scripts.tuning.mistyping import mistyped
from scripts.tuning.weights import LAYERS, MATRICES, NORMS, packaged_weights, tuned_weights

TEXTS = ["why do I keep losing pregnancies", "what is done about a weak cervix, and when?", "thyroid?"]


@pytest.fixture(scope="module")
def weights():
    return tuned_weights(TUNED)


def test_the_weights_of_our_file_are_those_of_the_packages_kind(weights):
    packaged = packaged_weights(packaged_file(*MODEL))
    assert len(weights.layers) == len(packaged.layers) == LAYERS
    assert np.array_equal(weights.words, packaged.words)  # tuning leaves them alone
    for ours, theirs in zip(weights.layers, packaged.layers, strict=True):
        assert set(ours) == set(theirs) == {*MATRICES, *NORMS}
        for name, (matrix, bias) in ours.items():
            assert matrix.shape == theirs[name][0].shape
            assert bias.shape == theirs[name][1].shape


def test_what_is_written_and_read_again_is_nearly_the_same(weights, tmp_path):
    write(weights, tmp_path / "encoder.onnx", TEXTS)
    again = tuned_weights(tmp_path / "encoder.onnx")
    for old, new in zip(weights.layers, again.layers, strict=True):
        for name in MATRICES:
            coarseness = np.abs(old[name][0]).max() / 5  # a loud column makes its whole matrix coarser
            assert np.abs(old[name][0] - new[name][0]).max() < coarseness
    before, after = (meaning(MiniLMEncoder(file).embed(TEXTS)) for file in (TUNED, tmp_path / "encoder.onnx"))
    cosines = (before * after).sum(axis=1)
    assert cosines.min() > 0.98


def test_a_file_of_another_kind_is_told_apart():
    with pytest.raises(KeyError):
        packaged_weights(TUNED)
    with pytest.raises(KeyError):
        tuned_weights(packaged_file(*MODEL))


def test_only_loud_columns_are_made_smaller():
    assert narrowed(np.array([1.0, 1.0, 1.0, 8.0])).tolist() == [1, 1, 1, LOUD / 8]


def test_a_mistyped_text_keeps_most_of_its_letters():
    dice, asked = np.random.RandomState(1), "what tests are there for antiphospholipid syndrome"
    typed = [mistyped(asked, dice) for _ in range(50)]
    assert len(set(typed)) > 30
    assert all(abs(len(each) - len(asked)) < 4 for each in typed)


def test_a_text_of_short_words_stays():
    assert mistyped("do i go", np.random.RandomState(1)) == "do i go"
