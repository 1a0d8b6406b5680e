"""The encoder's vectors of the training messages, kept in a file.

Both trainings (Rasa's, and that of the reader of danger) read mostly the same texts, and the next training reads only
what was changed since. The file holds hashes of the texts, not the texts.
"""

import fcntl
import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bot.encoder import DIMENSION, TUNED, shared_encoder
from bot.paths import MODELS

VECTORS = MODELS / "vectors.npz"
KEY_BYTES = 16
AT_ONCE = 8192  # texts between two words of progress


class KeptVectors:
    """Vectors by text: those in the file, and for any other text the encoder's. A file of another encoder is none.

    Whoever opens the file while another process is `at_work` on it waits.
    """

    def __init__(self, path: Path = VECTORS) -> None:
        self._path = path
        with self._locked(fcntl.LOCK_SH):
            self._rows = _read(path)

    def at_work(self) -> AbstractContextManager[None]:
        """Have others wait for the file while vectors are added to it."""
        return self._locked(fcntl.LOCK_EX)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, how)
            yield

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return what the encoder's `embed` returns: one row per text, float32, shape (len(texts), 1152)."""
        new = self._new(texts)
        rows = dict(zip(map(_key, new), shared_encoder().embed(new), strict=True))
        vectors = [rows[key] if key in rows else self._rows[key] for key in map(_key, texts)]
        return np.array(vectors, dtype=np.float32).reshape(-1, DIMENSION)

    def keep(self, texts: Iterable[str]) -> Iterator[tuple[int, int]]:
        """Have the vectors of these texts in the file and of no others; yield how many of the new ones are read."""
        wanted = list(dict.fromkeys(texts))
        new = self._new(wanted)
        for start in range(0, len(new), AT_ONCE):
            part = new[start : start + AT_ONCE]
            self._rows |= zip(map(_key, part), shared_encoder().embed(part).astype(np.float16), strict=True)
            yield start + len(part), len(new)
        kept = {key: self._rows[key] for key in map(_key, wanted)}
        if new or len(kept) < len(self._rows):
            self._rows = kept
            _write(self._path, kept)

    def _new(self, texts: Iterable[str]) -> list[str]:
        return [text for text in dict.fromkeys(texts) if _key(text) not in self._rows]


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()


@lru_cache(maxsize=1)
def _maker() -> str:
    """Return what makes the vectors: another encoder, or another version of what runs it, makes others."""
    return f"{hashlib.sha256(TUNED.read_bytes()).hexdigest()} onnxruntime=={version('onnxruntime')}"


def _read(path: Path) -> dict[bytes, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["maker"]) != _maker():
                return {}
            keys, vectors = file["keys"].tobytes(), file["vectors"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return {}  # none yet, or one that was damaged: it is made anew
    return {keys[at * KEY_BYTES : (at + 1) * KEY_BYTES]: row for at, row in enumerate(vectors)}


def _write(path: Path, rows: Mapping[bytes, np.ndarray]) -> None:
    half = path.with_suffix(f".{os.getpid()}.part")
    keys = np.frombuffer(b"".join(rows), dtype=np.uint8)
    with half.open("wb") as file:
        np.savez(file, maker=np.array(_maker()), keys=keys, vectors=np.array(list(rows.values()), dtype=np.float16))
    half.replace(path)
