"""Tune the sentence encoder to our messages and write data/encoder.onnx: `python -m scripts.tuning.tune`.

All tasks are learnt at once from the same vector: which answer, how a follow-up leans on the one before, and whether
somebody is in danger. Only the vector is kept; what reads it is fitted anew by `make train`. Needs the package onnx.
It goes on from the file that is there: take that away to start from the encoder as it comes (then with 3 epochs).
"""

import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from bot.answer_model import SCALE
from bot.encoder import MODEL, TUNED, packaged_file, tokenizer
from scripts.tuning.examples import UNKNOWN, Tasks
from scripts.tuning.graph import write
from scripts.tuning.mistyping import mistyped
from scripts.tuning.network import WIDTH, Network, sentence_vectors
from scripts.tuning.weights import packaged_weights, tuned_weights

EPOCHS, BATCH, RATE, WARM_UP = 1, 32, 8e-5, 200
READERS_RATE, READERS_FIRST = 2e-3, 250  # steps that only the readers learn: they start anew, the network does not
MEAN_EVERY, MEAN_KEEPS = 10, 0.99  # steps: the weights written are a running mean of those of the last thousand
DROPOUT, SMOOTHING, LONGEST = 0.1, 0.05, 128
MISTYPED = 0.4  # of the texts
BUCKET = 40  # batches that are cut from texts sorted by length
LENGTHS = (16, 24, 32, 48, 64, 96, LONGEST)  # word pieces; few lengths make few graphs
WEIGHTS = {"answer": 1.0, "link": 1.0, "urgent": 2.0, "crisis": 2.0, "emergency": 0.5, "wording": 0.3, "who": 0.3}


class Tuning:
    """The network with a linear reader for each task."""

    def __init__(self, tasks: Tasks) -> None:
        self.network = Network(tuned_weights(TUNED) if TUNED.exists() else packaged_weights(packaged_file(*MODEL)))
        start = np.random.RandomState(1)
        self._readers = {
            name: (
                tf.Variable(start.randn(WIDTH, size).astype(np.float32) * 0.05),
                tf.Variable(np.zeros(size, np.float32)),
            )
            for name, size in tasks.sizes.items()
        }
        self._layers = [part for layer in self.network.layers for parts in layer.values() for part in parts]
        self._means = [part.numpy() for part in self._layers]
        self._variables = [*self._layers, *(part for parts in self._readers.values() for part in parts)]
        self._optimizer, self._readers_optimizer = tf.keras.optimizers.Adam(RATE), tf.keras.optimizers.Adam()
        self._dice = np.random.RandomState(2)
        self._tokenizer = tokenizer()
        self._tokenizer.enable_truncation(LONGEST)
        # One graph for texts of every number and length: making one takes longer than many steps.
        pieces, label = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)
        signature = [pieces, pieces, dict.fromkeys(tasks.sizes, label)]
        self._step = tf.function(self._learn, input_signature=signature)

    def learn(self, texts: np.ndarray, labels: dict[str, np.ndarray], step: int, steps: int) -> float:
        """Take one step of so many towards the labels of a batch; return its loss."""
        since = step - READERS_FIRST
        falling = max(0.02, 1 - step / steps)
        self._optimizer.learning_rate.assign(RATE * falling * min(1.0, max(0.0, since / WARM_UP)))
        self._readers_optimizer.learning_rate.assign(READERS_RATE * falling)
        return float(self._step(*self._pieces(texts), {name: tf.constant(each) for name, each in labels.items()}))

    def keep_mean(self) -> None:
        """Have the running mean of the weights take in those of now."""
        for mean, part in zip(self._means, self._layers, strict=True):
            mean += (1 - MEAN_KEEPS) * (part.numpy() - mean)

    def take_mean(self) -> None:
        """Put the running mean in the place of the weights."""
        for mean, part in zip(self._means, self._layers, strict=True):
            part.assign(mean)

    def _pieces(self, texts: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
        typed = [mistyped(text, self._dice) if self._dice.rand() < MISTYPED else text for text in texts]
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(typed)]
        length = next(each for each in LENGTHS if each >= max(map(len, encoded)))
        padded = np.array([ids + [0] * (length - len(ids)) for ids in encoded], dtype=np.int32)
        return tf.constant(padded), tf.constant((padded > 0).astype(np.int32))

    def _learn(self, pieces: tf.Tensor, mask: tf.Tensor, labels: dict[str, tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            vectors = SCALE * sentence_vectors(self.network(pieces, mask, DROPOUT), mask)
            vectors = tf.nn.dropout(vectors, DROPOUT)
            loss = sum(WEIGHTS[name] * self._loss(name, vectors, label) for name, label in labels.items())
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, self._variables), 1.0)
        count = len(self._layers)
        for optimizer, part in ((self._optimizer, slice(count)), (self._readers_optimizer, slice(count, None))):
            optimizer.apply_gradients(zip(gradients[part], self._variables[part]))  # noqa: B905 (TensorFlow's has no strict)
        return loss

    def _loss(self, name: str, vectors: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        matrix, bias = self._readers[name]
        scores, known = tf.matmul(vectors, matrix) + bias, tf.cast(label != UNKNOWN, tf.float32)
        if scores.shape[1] == 1:
            wanted = tf.cast(tf.maximum(label, 0), tf.float32) * (1 - SMOOTHING) + SMOOTHING / 2
            losses = tf.nn.sigmoid_cross_entropy_with_logits(wanted, scores[:, 0])
        else:
            wanted = tf.one_hot(tf.maximum(label, 0), scores.shape[1]) * (1 - SMOOTHING) + SMOOTHING / scores.shape[1]
            losses = tf.nn.softmax_cross_entropy_with_logits(wanted, scores)
        return tf.reduce_mean(known * losses)


def batches(texts: np.ndarray, dice: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield the places of the texts in batches of like length, in random order."""
    order, cut = dice.permutation(len(texts)), []
    for start in range(0, len(order), BATCH * BUCKET):
        like = sorted(order[start : start + BATCH * BUCKET], key=lambda place: len(texts[place]))
        cut += [np.array(like[at : at + BATCH]) for at in range(0, len(like), BATCH)]
    yield from (cut[at] for at in dice.permutation(len(cut)))


def main() -> None:
    """Tune, tell how it goes, and write the encoder."""
    tasks, dice, started, step = Tasks(), np.random.RandomState(0), time.monotonic(), 0
    tuning, steps = Tuning(tasks), EPOCHS * len(tasks.texts) // BATCH
    for epoch in range(EPOCHS):
        losses = []
        for batch in batches(tasks.texts, dice):
            step += 1
            labels = {name: column[batch] for name, column in tasks.columns.items()}
            losses.append(tuning.learn(tasks.texts[batch], labels, step, steps))
            if step % MEAN_EVERY == 0:
                tuning.keep_mean()
            if step % 100 == 0:
                print(f"epoch {epoch + 1}, step {step} of {steps}: loss {np.mean(losses[-100:]):.3f}, "
                      f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
    tuning.take_mean()
    write(tuning.network.weights(), TUNED, list(tasks.texts))


if __name__ == "__main__":
    main()
