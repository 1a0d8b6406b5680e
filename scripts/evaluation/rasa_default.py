"""Rasa's own default pipeline (DIET, FallbackClassifier 0.3/0.1) as a peer, on the same examples and messages.

It trains for half an hour even with 15 epochs in place of its 100, so its predictions are kept, by the sha256 of each
message and without its text, in tests/nlu/rasa_default.json; `make evaluate PEERS=all` renews them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from scripts.evaluation.data import SET, Example, fingerprint, sha256
from scripts.train import QUIET

KEPT = SET / "rasa_default.json"
KEY_LENGTH = 16
FALLBACK_INTENT = "nlu_fallback"
EPOCHS = 15  # of 100: 97 % of the training examples are right by then, and the other 85 would take hours
# What Rasa fills in for an empty pipeline, less what plays no part here (entities, synonyms, retrieval intents).
CONFIG = f"""
recipe: default.v1
assistant_id: default
language: en
pipeline:
  - name: WhitespaceTokenizer
  - name: RegexFeaturizer
  - name: LexicalSyntacticFeaturizer
  - name: CountVectorsFeaturizer
  - {{name: CountVectorsFeaturizer, analyzer: char_wb, min_ngram: 1, max_ngram: 4}}
  - {{name: DIETClassifier, epochs: {EPOCHS}, constrain_similarities: true, entity_recognition: false}}
  - {{name: FallbackClassifier, threshold: 0.3, ambiguity_threshold: 0.1}}
policies: []
"""


@dataclass(frozen=True)
class Prediction:
    """The best answer id with its confidence, and whether the FallbackClassifier refused it."""

    id: str
    confidence: float
    refused: bool


@dataclass(frozen=True)
class Kept:
    """The predictions of one training, by the key of each message."""

    date: str
    examples: int
    fingerprint: str
    predictions: dict[str, Prediction]

    def of(self, texts: Sequence[str]) -> list[Prediction] | None:
        """Return the predictions for messages; None where one was not there at the time."""
        found = [self.predictions.get(key(text)) for text in texts]
        return [prediction for prediction in found if prediction] if all(found) else None


def renew(examples: Sequence[Example], texts: Sequence[str], path: Path = KEPT) -> Kept:
    """Train, predict and keep. Raises CalledProcessError where the training fails."""
    with TemporaryDirectory(prefix="evaluation-") as folder:
        predictions = predict(train(examples, Path(folder)), texts)
    by_key = {key(text): prediction for text, prediction in zip(texts, predictions, strict=True)}
    kept = Kept(datetime.now(UTC).date().isoformat(), len(examples), fingerprint(examples), by_key)
    rows = ",\n".join(f'  "{name}": {json.dumps(list(asdict(value).values()))}' for name, value in by_key.items())
    head = json.dumps({"date": kept.date, "examples": kept.examples, "fingerprint": kept.fingerprint})[:-1]
    path.write_text(f'{head}, "predictions": {{\n{rows}\n}}}}\n')
    return kept


def load_kept(path: Path = KEPT) -> Kept | None:
    """Return the predictions kept last, or None."""
    if not path.exists():
        return None
    read: dict[str, Any] = json.loads(path.read_text())
    return Kept(**read | {"predictions": {name: Prediction(*row) for name, row in read["predictions"].items()}})


def remark(
    kept: Kept, predictions: Sequence[Prediction], right: np.ndarray, wrong: np.ndarray, examples: Sequence[Example]
) -> str:
    """Return what to know of the kept predictions: how they fare as Rasa sets its thresholds, and how old they are."""
    taken = np.array([not prediction.refused for prediction in predictions])
    as_set = f"as it is set: {(right & taken).mean():.1%} right, {(wrong & taken).mean():.1%} wrong"
    same = kept.fingerprint == fingerprint(examples)
    given = "the present" if same else f"{kept.examples} older"
    return f"{as_set}; trained {kept.date} on {given} examples, {EPOCHS} of 100 epochs"


def key(text: str) -> str:
    """Return the name under which a message's prediction is kept."""
    return sha256(text)[:KEY_LENGTH]


def train(examples: Sequence[Example], folder: Path) -> Path:
    """Train the default pipeline in a folder and return the model. Raises CalledProcessError where that fails."""
    (folder / "config.yml").write_text(CONFIG)
    (folder / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": blocks(examples)}, sort_keys=False))
    command = [sys.executable, "-m", "rasa", "train", "nlu", "--nlu", "nlu.yml", "--out", "."]
    with (folder / "train.log").open("w") as log:
        subprocess.run(
            [*command, "--fixed-model-name", "default"],
            cwd=folder, env=os.environ | QUIET, stdout=log, stderr=log, check=True,
        )  # fmt: skip
    return folder / "default.tar.gz"


def blocks(examples: Sequence[Example]) -> list[dict[str, str]]:
    """Return Rasa's training data with an intent for each full id: causes__pcos, as '/' has a meaning there."""
    by_id: dict[str, list[str]] = {}
    for example in examples:
        by_id.setdefault(example.id.replace("/", "__"), []).append(f"- {example.text}\n")
    return [{"intent": intent, "examples": "".join(lines)} for intent, lines in by_id.items()]


def predict(model: Path, texts: Sequence[str]) -> list[Prediction]:
    """Return what a trained default pipeline makes of messages."""
    import asyncio
    import logging

    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.WARNING)  # Rasa's debug lines, on by default here, hold the messages
    agent = Agent.load(str(model))
    return [prediction_of(asyncio.run(agent.parse_message(text))) for text in texts]


def prediction_of(parsed: dict[str, Any]) -> Prediction:
    """Return the best id of Rasa's parse data."""
    ranking = [entry for entry in parsed["intent_ranking"] if entry["name"] != FALLBACK_INTENT]
    best: dict[str, Any] = ranking[0] if ranking else {"name": "meta__fallback", "confidence": 0.0}
    refused = parsed["intent"]["name"] == FALLBACK_INTENT
    return Prediction(best["name"].replace("__", "/"), round(float(best["confidence"]), 4), refused)
