"""The encoder as a TensorFlow network: read from its ONNX file, trained, and written back in the same form.

The file keeps each weight matrix as 8-bit integers with a scale for every column, and computes in 32-bit floats; so
does what is written. The embeddings of the word pieces stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from onnx import numpy_helper

WIDTH, HEADS, LAYERS = 384, 12, 6
EPSILON = 1e-12
LEVELS = 127  # of an 8-bit integer with sign
# The matrices of a layer in the order of the file, each with the name of its bias.
MATRICES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "widened": "intermediate.dense",
    "narrowed": "output.dense",
}
NORMS = {"after_attention": "attention.output.LayerNorm", "after_layer": "output.LayerNorm"}
EMBEDDINGS = "inner.embeddings"


class Network(tf.Module):
    """The transformer, its layers as variables; called on word pieces it returns one vector for each."""

    def __init__(self, file: Path) -> None:
        """Read the ONNX file of the encoder. Raises KeyError where it has not the form that is known."""
        super().__init__()
        self._model = onnx.load(str(file))
        self._stored = {each.name: numpy_helper.to_array(each) for each in self._model.graph.initializer}
        quantised = [name[:-2] for name in self._stored if name.startswith("val_") and name.endswith("_q")]
        width = len(MATRICES)
        self._names = [dict(zip(MATRICES, quantised[at * width :], strict=False)) for at in range(LAYERS)]
        self.layers = [self._layer(at) for at in range(LAYERS)]
        words, places = (self._matrix(f"{EMBEDDINGS}.{name}_embeddings.weight") for name in ("word", "position"))
        self._words, self._places = tf.constant(words), tf.constant(places)
        self._type = tf.constant(self._stored[f"{EMBEDDINGS}.token_type_embeddings.weight"][0])
        self._norm = self._normed(f"{EMBEDDINGS}.LayerNorm")

    def __call__(self, pieces: tf.Tensor, mask: tf.Tensor, dropout: float = 0.0) -> tf.Tensor:
        """Return vectors, shape (texts, pieces, 384), for word pieces and their mask, both of shape (texts, pieces)."""
        places = self._places[: tf.shape(pieces)[1]]
        states = dropped(normal(tf.gather(self._words, pieces) + places + self._type, *self._norm), dropout)
        hidden = (1.0 - tf.cast(mask, tf.float32))[:, None, None, :] * -1e9
        for layer in self.layers:
            states = normal(states + attended(states, layer, hidden, dropout), *layer["after_attention"])
            wide = tf.nn.gelu(affine(states, layer["widened"]), approximate=False)
            states = normal(states + dropped(affine(wide, layer["narrowed"]), dropout), *layer["after_layer"])
        return states

    def save(self, file: Path) -> None:
        """Write the network in the form it was read in."""
        changed = dict(item for at, layer in enumerate(self.layers) for item in self._stored_layer(at, layer).items())
        for each in self._model.graph.initializer:
            if each.name in changed:
                each.CopyFrom(numpy_helper.from_array(changed[each.name], each.name))
        onnx.save(self._model, str(file))

    def _layer(self, at: int) -> dict[str, tuple[tf.Variable, tf.Variable]]:
        prefix = f"inner.encoder.layer.{at}."
        matrices = {
            name: (self._matrix(self._names[at][name]), self._stored[f"{prefix}{stored}.bias"])
            for name, stored in MATRICES.items()
        }
        norms = {name: self._normed(prefix + stored) for name, stored in NORMS.items()}
        return {name: (tf.Variable(a), tf.Variable(b)) for name, (a, b) in (matrices | norms).items()}

    def _matrix(self, name: str) -> np.ndarray:
        whole: np.ndarray = self._stored[f"{name}_q"].astype(np.float32) * self._stored[f"{name}_scale"]
        return whole

    def _normed(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return self._stored[f"{name}.weight"], self._stored[f"{name}.bias"]

    def _stored_layer(self, at: int, layer: Mapping[str, tuple[tf.Variable, tf.Variable]]) -> dict[str, np.ndarray]:
        prefix, changed = f"inner.encoder.layer.{at}.", {}
        for name, stored in MATRICES.items():
            matrix, bias = (part.numpy() for part in layer[name])
            scale = np.maximum(np.abs(matrix).max(axis=0, keepdims=True) / LEVELS, EPSILON).astype(np.float32)
            quantised = self._names[at][name]
            changed[f"{quantised}_q"] = np.round(matrix / scale).astype(np.int8)
            changed[f"{quantised}_scale"] = scale
            changed[f"{prefix}{stored}.bias"] = bias
        for name, stored in NORMS.items():
            weight, bias = (part.numpy() for part in layer[name])
            changed |= {f"{prefix}{stored}.weight": weight, f"{prefix}{stored}.bias": bias}
        return changed


def attended(states: tf.Tensor, layer: Mapping, hidden: tf.Tensor, dropout: float) -> tf.Tensor:
    """Return what a layer's attention adds to the states."""
    query, key, value = (in_heads(affine(states, layer[name])) for name in ("query", "key", "value"))
    scores = tf.matmul(query, key, transpose_b=True) / np.sqrt(WIDTH // HEADS) + hidden
    mixed = tf.transpose(tf.matmul(dropped(tf.nn.softmax(scores), dropout), value), (0, 2, 1, 3))
    return dropped(affine(tf.reshape(mixed, tf.shape(states)), layer["attended"]), dropout)


def in_heads(states: tf.Tensor) -> tf.Tensor:
    """Return states of shape (texts, pieces, 384) as (texts, heads, pieces, 32)."""
    count, length = tf.shape(states)[0], tf.shape(states)[1]
    return tf.transpose(tf.reshape(states, (count, length, HEADS, WIDTH // HEADS)), (0, 2, 1, 3))


def affine(states: tf.Tensor, parts: tuple[tf.Variable, tf.Variable]) -> tf.Tensor:
    """Return states times a matrix plus a bias.

    As one flat product: over three dimensions TensorFlow would make a gradient of the matrix for each text.
    """
    matrix, bias = parts
    return tf.tensordot(states, matrix, 1) + bias


def normal(states: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Return states with mean 0 and variance 1 in their last dimension, scaled and shifted."""
    mean = tf.reduce_mean(states, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(states - mean), -1, keepdims=True)
    return (states - mean) * tf.math.rsqrt(variance + EPSILON) * weight + bias


def dropped(states: tf.Tensor, dropout: float) -> tf.Tensor:
    """Return states with that share of them set to zero, for training."""
    return tf.nn.dropout(states, dropout) if dropout else states


def sentence_vectors(states: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return one vector of length 1 for each text, as bot/encoder.py makes it: the mean of its pieces."""
    weights = tf.cast(mask, tf.float32)[..., None]
    return tf.math.l2_normalize(tf.reduce_sum(states * weights, 1) / tf.reduce_sum(weights, 1), 1)
