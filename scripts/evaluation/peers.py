"""The systems that ours is compared with, on the same examples and messages, and the comparison at equal wrong rate.

Each system gives one answer id and one score a message. Serving only above a threshold trades right answers for wrong
ones; every peer gets the threshold that suits it best on the very messages it is judged on, ours keeps the one it has.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from bot.encoder import meaning
from scripts.evaluation.data import Example, Turn
from scripts.evaluation.figures import Figure, figure
from scripts.evaluation.outcomes import SERVED, Outcome
from scripts.evaluation.rasa_default import Prediction

if TYPE_CHECKING:
    from bot.encoder import MiniLMEncoder

FOLDS = 5
RESAMPLES = 500
ASKS_AGAIN = "meta/fallback"  # an answer that serves nothing: never wrong
MARGIN = "ahead of the best peer, at equal wrong rate"
NEIGHBOURS, BM25, RASA = "MiniLM, nearest neighbour", "BM25", "Rasa's default pipeline"


@dataclass(frozen=True)
class Ranked:
    """For each message: the score of the answer given, whether it was right and whether it was wrong."""

    name: str
    score: np.ndarray
    right: np.ndarray
    wrong: np.ndarray

    def take(self, rows: np.ndarray) -> "Ranked":
        """Return it for some of the messages."""
        return Ranked(self.name, self.score[rows], self.right[rows], self.wrong[rows])


def ours(outcomes: Sequence[Outcome]) -> Ranked:
    """Return the bot itself: a choice or a fallback has the lowest score of all."""
    scores = [o.first["confidence"] if o.first["kind"] in SERVED else -1.0 for o in outcomes]
    return Ranked(
        "this bot",
        np.array(scores),
        np.array([outcome.is_right for outcome in outcomes]),
        np.array([outcome.is_wrong for outcome in outcomes]),
    )


def peer(name: str, turns: Sequence[Turn], ids: Sequence[str], scores: np.ndarray) -> Ranked:
    """Return a peer's answers, judged as ours are."""
    right = np.array([id in turn.right for id, turn in zip(ids, turns, strict=True)])
    asks_again = np.array([id == ASKS_AGAIN for id in ids])
    return Ranked(name, np.asarray(scores, dtype=float), right, ~right & ~asks_again)


def untuned_encoder(texts: Sequence[str]) -> "MiniLMEncoder":
    """Return the encoder as it comes, computing as ours does; `texts` show what is loud in it."""
    from bot.encoder import MODEL, MiniLMEncoder, packaged_file
    from scripts.tuning.graph import write
    from scripts.tuning.weights import packaged_weights

    with TemporaryDirectory() as folder:
        file = Path(folder) / "encoder.onnx"
        write(packaged_weights(packaged_file(*MODEL)), file, texts)
        return MiniLMEncoder(file)


class QuickPeers:
    """The peers that learn in seconds: the encoder with its nearest neighbour, and BM25."""

    def __init__(self, turns: Sequence[Turn], examples: Sequence[Example]) -> None:
        encoder = untuned_encoder([example.text for example in examples])
        self._turns, self._examples = turns, examples
        asked, known = ([turn.ask for turn in turns], [example.text for example in examples])
        self._cosines = meaning(encoder.embed(asked)) @ meaning(encoder.embed(known)).T

    def ranked(self, learnt: np.ndarray | None = None) -> list[Ranked]:
        """Return what each makes of the messages, knowing all the examples or those of the rows `learnt` only."""
        rows = np.arange(len(self._examples)) if learnt is None else learnt
        ids = [self._examples[row].id for row in rows]
        best = {NEIGHBOURS: nearest(self._cosines[:, rows]), BM25: self._best_by_words(rows)}
        return [peer(name, self._turns, [ids[row] for row in found], scores) for name, (found, scores) in best.items()]

    def spread(self, wrong_rate: float) -> dict[str, list[float]]:
        """Return what each serves right at a wrong rate, knowing four fifths of the examples, five times."""
        numbers = np.arange(len(self._examples))
        shares: dict[str, list[float]] = {}
        for fold in range(FOLDS):
            for ranked in self.ranked(numbers[numbers % FOLDS != fold]):
                shares.setdefault(ranked.name, []).append(right_at(ranked, wrong_rate))
        return shares

    def _best_by_words(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return best_by_words([turn.ask for turn in self._turns], [self._examples[row].text for row in rows])


def nearest(cosines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the column of the nearest example for each row, and its cosine."""
    return cosines.argmax(axis=1), cosines.max(axis=1)


def best_by_words(texts: Sequence[str], known: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the known text with the best BM25 score for each text, and that score."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.ERROR)  # it tells of every message without words
    index = bm25s.BM25()
    index.index(bm25s.tokenize(list(known), stopwords=None, show_progress=False), show_progress=False)
    asked = bm25s.tokenize(list(texts), stopwords=None, show_progress=False, return_ids=False)
    found, scores = index.retrieve(asked, k=1, show_progress=False)
    return found[:, 0], scores[:, 0]


def rasa_peer(turns: Sequence[Turn], predictions: Sequence[Prediction]) -> Ranked:
    """Return Rasa's default pipeline with its threshold swept."""
    scores = np.array([prediction.confidence for prediction in predictions])
    return peer(RASA, turns, [prediction.id for prediction in predictions], scores)


def risk_and_coverage(ranked: Ranked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the thresholds from strict to lax and, at each, the shares of all messages served wrong and right."""
    order = np.argsort(-ranked.score, kind="stable")
    scores = ranked.score[order]
    # Messages of the same score are served together or not at all.
    last_of_score = np.append(scores[1:] != scores[:-1], True)
    wrong = np.cumsum(ranked.wrong[order]) / len(order)
    right = np.cumsum(ranked.right[order]) / len(order)
    return scores[last_of_score], wrong[last_of_score], right[last_of_score]


def right_at(ranked: Ranked, wrong_rate: float) -> float:
    """Return the largest share served right with at most this share of all messages served wrong."""
    _, wrong, right = risk_and_coverage(ranked)
    return float(right[wrong <= wrong_rate + 1e-9].max(initial=0.0))


def margin(bot: Ranked, peers: Sequence[Ranked]) -> Figure:
    """Return by how much our share served right is ahead of the best peer's at our wrong rate, in paired draws."""

    def statistic(rows: np.ndarray) -> float:
        wrong_rate = float(bot.wrong[rows].mean())
        return float(bot.right[rows].mean()) - max(right_at(one.take(rows), wrong_rate) for one in peers)

    return figure(MARGIN, statistic, len(bot.score), resamples=RESAMPLES, bar=0.08, unit="points")
