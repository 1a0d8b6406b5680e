"""The vectors of the training messages, kept in a file: the encoder's own, each made once."""

import threading

import numpy as np
import pytest

from bot import kept_vectors
from bot.encoder import DIMENSION, shared_encoder
from bot.kept_vectors import KeptVectors

TEXTS = ["can pcos cause miscarriage?", "how is the thyroid tested", "what about fibroids"]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "models" / "vectors.npz"


@pytest.fixture
def read(monkeypatch):
    """The texts that the encoder reads."""
    encoder, texts = shared_encoder(), []

    class Watched:
        def embed(self, given):
            texts.extend(given)
            return encoder.embed(given)

    monkeypatch.setattr(kept_vectors, "shared_encoder", Watched)
    return texts


def keep(file, texts):
    return list(KeptVectors(file).keep(texts))


def test_kept_vectors_are_those_of_the_encoder(file):
    keep(file, TEXTS)
    assert np.array_equal(KeptVectors(file).embed(TEXTS), shared_encoder().embed(TEXTS))


def test_a_kept_text_is_not_read_again(file, read):
    keep(file, TEXTS)
    read.clear()
    KeptVectors(file).embed([TEXTS[1], TEXTS[0], TEXTS[1]])
    assert read == []


def test_a_text_that_is_not_kept_is_read_once(file, read):
    vectors = KeptVectors(file).embed([TEXTS[0], TEXTS[0]])
    assert read == [TEXTS[0]]
    assert vectors.shape == (2, DIMENSION)


def test_no_texts_have_no_vectors(file):
    assert KeptVectors(file).embed([]).shape == (0, DIMENSION)


def test_only_new_texts_are_read_and_told_of(file, read):
    assert keep(file, TEXTS[:2]) == [(2, 2)]
    read.clear()
    assert keep(file, TEXTS) == [(1, 1)]
    assert read == TEXTS[2:]
    assert keep(file, TEXTS) == []


def test_what_is_no_longer_trained_on_is_not_kept(file, read):
    keep(file, TEXTS)
    keep(file, TEXTS[:1])
    read.clear()
    KeptVectors(file).embed(TEXTS)
    assert read == TEXTS[1:]


def test_the_file_holds_no_text(file):
    keep(file, TEXTS)
    assert all(text.encode() not in file.read_bytes() for text in TEXTS)


def test_vectors_of_another_encoder_are_made_anew(file, read, monkeypatch):
    keep(file, TEXTS)
    read.clear()
    monkeypatch.setattr(kept_vectors, "_maker", lambda: "another encoder")
    KeptVectors(file).embed(TEXTS)
    assert read == TEXTS


@pytest.mark.parametrize("bytes_left", [0, 100, 2000])
def test_a_damaged_file_is_made_anew(file, read, bytes_left):
    keep(file, TEXTS)
    file.write_bytes(file.read_bytes()[:bytes_left])
    read.clear()
    keep(file, TEXTS)
    assert read == TEXTS
    assert np.array_equal(KeptVectors(file).embed(TEXTS), shared_encoder().embed(TEXTS))


def test_whoever_opens_the_file_while_it_is_written_waits(file):
    opened = threading.Event()
    reader = threading.Thread(target=lambda: (KeptVectors(file), opened.set()))
    vectors = KeptVectors(file)
    with vectors.at_work():
        reader.start()
        list(vectors.keep(TEXTS))
        assert not opened.wait(0.2)
    assert opened.wait(5)
    reader.join()
