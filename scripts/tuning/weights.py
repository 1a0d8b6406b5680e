"""The encoder's weights, read from its ONNX file: the package's, or ours as scripts/tuning/graph.py writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from bot.encoder import MAX_TOKENS

LAYERS = 6
# The matrices of a layer in the order of the package's file, each with the name of its bias there.
MATRICES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "widened": "intermediate.dense",
    "narrowed": "output.dense",
}
TOGETHER = ("query", "key", "value")  # one matrix in our file
NORMS = {"after_attention": "attention.output.LayerNorm", "after_layer": "output.LayerNorm"}
Parts = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Weights:
    """Float32 throughout: words (30522, 384), places (256, 384) with the one type of text added, norm of both.

    Each layer holds, by the names of MATRICES, a matrix (in, out) with its bias (out), and by those of NORMS a
    weight (384) with its bias (384).
    """

    words: np.ndarray
    places: np.ndarray
    norm: Parts
    layers: tuple[Mapping[str, Parts], ...]


def packaged_weights(file: Path) -> Weights:
    """Read the file of the package. Raises KeyError where it has not the form that is known."""
    stored = _stored(file)

    def matrix(name: str) -> np.ndarray:
        whole: np.ndarray = stored[f"{name}_q"].astype(np.float32) * stored[f"{name}_scale"]
        return whole

    def parts(name: str) -> Parts:
        return stored[f"{name}.weight"], stored[f"{name}.bias"]

    def layer(at: int) -> dict[str, Parts]:
        prefix, first = f"inner.encoder.layer.{at}.", at * len(MATRICES)
        matrices = {
            name: (matrix(numbered[first + place]), stored[f"{prefix}{packaged}.bias"])
            for place, (name, packaged) in enumerate(MATRICES.items())
        }
        return matrices | {name: parts(prefix + packaged) for name, packaged in NORMS.items()}

    numbered = [name[:-2] for name in stored if name.startswith("val_") and name.endswith("_q")]
    embeddings = "inner.embeddings."
    places = matrix(f"{embeddings}position_embeddings.weight")[:MAX_TOKENS]
    return Weights(
        words=matrix(f"{embeddings}word_embeddings.weight"),
        places=places + stored[f"{embeddings}token_type_embeddings.weight"][0],
        norm=parts(f"{embeddings}LayerNorm"),
        layers=tuple(layer(at) for at in range(LAYERS)),
    )


def tuned_weights(file: Path) -> Weights:
    """Read a file that scripts/tuning/graph.py wrote. Raises KeyError where it has not that form."""
    stored = _stored(file)

    def parts(name: str) -> Parts:
        return stored[f"{name}.weight"], stored[f"{name}.bias"]

    def product(name: str) -> Parts:
        whole = stored[f"{name}.integers"] * stored[f"{name}.scale"] * stored[f"{name}.narrow"][:, None]
        return whole, stored[f"{name}.bias"]

    def layer(at: int) -> dict[str, Parts]:
        matrix, bias = product(f"{at}.attention")
        apart = zip(TOGETHER, np.split(matrix, 3, axis=1), np.split(bias, 3), strict=True)
        alone = {name: product(f"{at}.{name}") for name in MATRICES if name not in TOGETHER}
        return {name: (m, b) for name, m, b in apart} | alone | {name: parts(f"{at}.{name}") for name in NORMS}

    return Weights(
        words=stored["words.integers"] * stored["words.scale"],
        places=stored["places"],
        norm=parts("norm"),
        layers=tuple(layer(at) for at in range(LAYERS)),
    )


def _stored(file: Path) -> dict[str, np.ndarray]:
    return {each.name: numpy_helper.to_array(each) for each in onnx.load(str(file)).graph.initializer}
