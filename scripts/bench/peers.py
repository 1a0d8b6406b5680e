"""The two other assistants, as Rasa projects made from our data: the floor and Rasa's default.

The floor answers every message with one response that a keyword leads to: what Rasa itself costs. The default is the
pipeline and the policies that Rasa writes into a new project, with an intent, a rule and a response for each answer,
and the follow-ups of data/nlu as its stories.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.answers import load_answers
from bot.clinic import load_clinic
from bot.paths import ANSWERS, CLINIC, DATA, SOURCES
from bot.reply import Renderer, as_text
from bot.sources import load_sources
from bot.yaml_files import read_yaml
from scripts.evaluation.data import load_examples
from scripts.evaluation.rasa_default import blocks
from scripts.train import QUIET

FLOOR, DEFAULT = "floor", "default"
DEFAULT_EPOCHS = 100  # of Rasa's default
STORIES = 100  # the commonest pairs of an answer and what is asked after it
MODEL = "model.tar.gz"
# Words that nearly every message has, so that the floor answers and does not fall back.
COMMON = ("a", "i", "is", "the", "what", "my", "can", "do", "how", "it", "to", "of", "and", "in", "you", "for")
FLOOR_CONFIG: dict[str, Any] = {"pipeline": [{"name": "KeywordIntentClassifier"}], "policies": [{"name": "RulePolicy"}]}
_EPOCHS = re.compile(r"Epochs: 100%\|[^|]*\| (\d+)/\1 \[((?:\d+:)?\d+:\d+)<")


@dataclass(frozen=True)
class Training:
    """How long a training took, in seconds; and what it would have been with all epochs of Rasa's default."""

    seconds: float
    epochs: int = 0
    of_all_epochs: float = 0.0


def default_config(epochs: int) -> dict[str, Any]:
    """Return what `rasa init` writes, less what this data has none of (entities, retrieval intents)."""
    return {
        "pipeline": [
            {"name": "WhitespaceTokenizer"},
            {"name": "RegexFeaturizer"},
            {"name": "LexicalSyntacticFeaturizer"},
            {"name": "CountVectorsFeaturizer"},
            {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
            {"name": "DIETClassifier", "epochs": epochs, "constrain_similarities": True, "entity_recognition": False},
            {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
        ],
        "policies": [
            {"name": "MemoizationPolicy"},
            {"name": "RulePolicy"},
            {"name": "TEDPolicy", "max_history": 5, "epochs": epochs, "constrain_similarities": True},
        ],
    }


def write_floor(folder: Path) -> None:
    """Write the project of the floor: one intent, one rule, one response."""
    words = dict.fromkeys(("utter_answer", "utter_default"), as_text(_renderer().reply("causes/overview")))
    nlu = [{"intent": "anything", "examples": "".join(f"- {word}\n" for word in COMMON)}]
    _write(folder, FLOOR_CONFIG, nlu, {"anything": "utter_answer"}, words, stories=())


def write_default(folder: Path, epochs: int) -> None:
    """Write the project of Rasa's default."""
    renderer = _renderer()
    examples = load_examples()
    ids = sorted({example.id for example in examples})
    rules = {intent_of(id): f"utter_{intent_of(id)}" for id in ids} | {"nlu_fallback": "utter_default"}
    words = {f"utter_{intent_of(id)}": as_text(renderer.reply(id)) for id in ids}
    words["utter_default"] = as_text(renderer.reply("meta/fallback"))
    stories = [(intent_of(before), intent_of(id)) for before, id in followed(ids)]
    _write(folder, default_config(epochs), blocks(examples), rules, words, stories)


def intent_of(id: str) -> str:
    """Return the name of the intent for an answer: a '/' would have a meaning there."""
    return id.replace("/", "__")


def followed(ids: Iterable[str]) -> list[tuple[str, str]]:
    """Return which answer is asked for after which, by data/nlu/followups: the commonest pairs."""
    known = set(ids)
    pairs: Counter[tuple[str, str]] = Counter()
    for path in sorted((DATA / "nlu" / "followups").glob("*.yml")):
        for block in read_yaml(path)["nlu"]:
            pair = (block["metadata"]["after"], f"{block['intent']}/{block['metadata']['topic']}")
            pairs[pair] += len(block["examples"].splitlines())
    return [pair for pair, _ in pairs.most_common() if known.issuperset(pair)][:STORIES]


def train(folder: Path) -> Training:
    """Train the project; return how long it took. Raises RuntimeError with the end of its log."""
    log = folder / "train.log"
    started = time.monotonic()
    with log.open("w") as out:
        command = [sys.executable, "-m", "rasa", "train", "--out", ".", "--fixed-model-name", MODEL, "--force"]
        code = subprocess.run(command, cwd=folder, env=os.environ | QUIET, stdout=out, stderr=out).returncode
    seconds = time.monotonic() - started
    if code or not (folder / MODEL).exists():
        raise RuntimeError(f"{folder} could not be trained. The end of {log}:\n{log.read_text()[-2000:]}")
    epochs, in_epochs = in_training(log.read_text())
    return Training(seconds, epochs, seconds + in_epochs * (DEFAULT_EPOCHS / epochs - 1) if epochs else seconds)


def in_training(log: str) -> tuple[int, float]:
    """Return the epochs that a log of Rasa's training tells of, and the seconds of all of them; zeros for none."""
    found = {(int(number), time) for number, time in _EPOCHS.findall(log)}
    return max((number for number, _ in found), default=0), float(sum(seconds_of(time) for _, time in found))


def seconds_of(clock: str) -> int:
    """Return the seconds in 1:02:03 or 02:03."""
    seconds = 0
    for part in clock.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds


def _renderer() -> Renderer:
    return Renderer(load_answers(ANSWERS), load_sources(SOURCES), load_clinic(CLINIC, {}))


def _write(
    folder: Path,
    config: Mapping[str, Any],
    nlu: list[dict[str, str]],
    rules: Mapping[str, str],
    words: Mapping[str, str],
    stories: Iterable[tuple[str, str]],
) -> None:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    told = [
        {
            "story": f"{one}, then {other}",
            "steps": [step for intent in (one, other) for step in ({"intent": intent}, {"action": rules[intent]})],
        }
        for one, other in stories
    ]
    files = {
        "config.yml": {"recipe": "default.v1", "assistant_id": folder.name, "language": "en", **config},
        "credentials.yml": {"rest": None},
        "endpoints.yml": {},
        "domain.yml": {
            "intents": [intent for intent in rules if intent != "nlu_fallback"],
            "responses": {name: [{"text": text}] for name, text in words.items()},
            "session_config": {"session_expiration_time": 30, "carry_over_slots_to_new_session": False},
        },
        "data/nlu.yml": {"nlu": nlu},
        "data/rules.yml": {
            "rules": [
                {"rule": intent, "steps": [{"intent": intent}, {"action": action}]} for intent, action in rules.items()
            ]
        },
        "data/stories.yml": {"stories": told},
    }
    for name, content in files.items():
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True) if content else ""
        (folder / name).write_text('version: "3.1"\n' + text if name.startswith(("data", "domain")) else text)
