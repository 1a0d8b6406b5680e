"""The encoder as a TensorFlow network, to be trained. The embeddings of the word pieces stay as they are."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import tensorflow as tf

from scripts.tuning.weights import Weights

WIDTH, HEADS = 384, 12
EPSILON = 1e-12


class Network(tf.Module):
    """The transformer, its layers as variables; called on word pieces it returns one vector for each."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._read = weights
        self.layers = [
            {name: (tf.Variable(a), tf.Variable(b)) for name, (a, b) in layer.items()} for layer in weights.layers
        ]
        self._words, self._places = tf.constant(weights.words), tf.constant(weights.places)

    def __call__(self, pieces: tf.Tensor, mask: tf.Tensor, dropout: float = 0.0) -> tf.Tensor:
        """Return vectors, shape (texts, pieces, 384), for word pieces and their mask, both of shape (texts, pieces)."""
        places = self._places[: tf.shape(pieces)[1]]
        states = dropped(normal(tf.gather(self._words, pieces) + places, *self._read.norm), dropout)
        hidden = (1.0 - tf.cast(mask, tf.float32))[:, None, None, :] * -1e9
        for layer in self.layers:
            states = normal(states + attended(states, layer, hidden, dropout), *layer["after_attention"])
            wide = tf.nn.gelu(affine(states, layer["widened"]), approximate=False)
            states = normal(states + dropped(affine(wide, layer["narrowed"]), dropout), *layer["after_layer"])
        return states

    def weights(self) -> Weights:
        """Return the weights as they are now."""
        layers = ({name: (a.numpy(), b.numpy()) for name, (a, b) in layer.items()} for layer in self.layers)
        return replace(self._read, layers=tuple(layers))


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
