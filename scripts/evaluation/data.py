"""The evaluation set, split once and for all, and the training examples that every system learns from.

A message belongs to a part by the sha256 of its text, a dialogue by that of its name, so adding one moves no other.
The reporting part is never shown line by line: whoever reads it would mend the training data to it.
"""

import hashlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.links import Last, topic_of
from bot.paths import DATA, ROOT
from bot.yaml_files import read_yaml

CALIBRATION, REPORTING = PARTS = ("calibration", "reporting")
FOLLOWUPS = DATA / "nlu" / "followups"
SET = ROOT / "tests" / "nlu"


@dataclass(frozen=True)
class Turn:
    """One thing a visitor does, a typed `ask` or a tapped `choice`, and the ids that are right for it."""

    right: tuple[str, ...]
    ask: str = ""
    choice: str = ""
    style: str = ""
    is_trained_on: bool = False  # the same words stand among the follow-ups of data/nlu: they are no measure

    @property
    def label(self) -> str:
        """The id that serves best."""
        return self.right[0]

    @property
    def facet(self) -> str:
        """The facet of the label."""
        return self.label.partition("/")[0]


@dataclass(frozen=True)
class EvaluationPart:
    """One part of the evaluation set; `excluded` counts the messages left out because they stand in data/nlu."""

    name: str
    messages: tuple[Turn, ...]
    dialogues: tuple[tuple[Turn, ...], ...]
    excluded: int


@dataclass(frozen=True)
class Example:
    """A training example and its answer id."""

    text: str
    id: str


def load_part(name: str, folder: Path = SET, examples: Sequence[Example] | None = None) -> EvaluationPart:
    """Return a part of the evaluation set. Raises YamlFault where a file cannot be read."""
    trained_on = {plain(example.text) for example in (load_examples() if examples is None else examples)}
    written = [entry for entry in read_yaml(folder / "messages.yml", "messages") if part_of(entry["text"]) == name]
    kept = [entry for entry in written if plain(entry["text"]) not in trained_on]
    trained_on |= {plain(text) for text in load_followups()}
    dialogues = [entry for entry in read_yaml(folder / "dialogues.yml", "dialogues") if part_of(entry["name"]) == name]
    return EvaluationPart(
        name,
        tuple(turn_of(entry | {"ask": entry["text"]}) for entry in kept),
        tuple(tuple(turn_of(turn, trained_on) for turn in dialogue["turns"]) for dialogue in dialogues),
        len(written) - len(kept),
    )


def part_of(text: str) -> str:
    """Return the part that a message of this text, or a dialogue of this name, belongs to."""
    return PARTS[int(sha256(text), 16) % 2]


def sha256(text: str) -> str:
    """Return the sha256 of a text, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def plain(text: str) -> str:
    """Return a text as it is compared with the training examples."""
    return text.strip().casefold()


def turn_of(entry: dict[str, Any], trained_on: Container[str] = ()) -> Turn:
    """Return an entry of the files as a Turn; `trained_on` are the plain texts of training."""
    right, ask = (entry["answer"], *entry.get("also", ())), entry.get("ask", "")
    return Turn(right, ask, entry.get("choice", ""), entry.get("style", ""), plain(ask) in trained_on)


def load_examples(folder: Path = DATA / "nlu") -> list[Example]:
    """Return the training examples of every file of a folder, in a fixed order."""
    return [example for path in sorted(folder.glob("*.yml")) for example in _examples(path)]


def load_followups(folder: Path = FOLLOWUPS) -> list[str]:
    """Return the texts of the follow-ups that are trained on."""
    return [text for text, _, _ in load_after(folder)]


def load_after(folder: Path = FOLLOWUPS) -> Iterator[tuple[str, Last, tuple[str, ...]]]:
    """Yield the follow-ups that are trained on: the text, the answer before it, and the ids that are right."""
    for path in sorted(folder.glob("*.yml")):
        for block in read_yaml(path)["nlu"]:
            metadata = block["metadata"]
            last = Last(metadata["after"], metadata.get("about") or topic_of(metadata["after"]))
            right = (f"{block['intent']}/{metadata['topic']}", *metadata.get("also", ()))
            yield from ((line[2:].strip(), last, right) for line in block["examples"].splitlines() if line.strip())


def _examples(path: Path) -> Iterator[Example]:
    for block in read_yaml(path)["nlu"]:
        if "intent" in block:
            id = f"{block['intent']}/{block['metadata']['topic']}"
            yield from (Example(line[2:].strip(), id) for line in block["examples"].splitlines() if line.strip())


def fingerprint(examples: Sequence[Example]) -> str:
    """Return a hash over the training examples, to tell whether a record was made from the same ones."""
    return sha256("\n".join(f"{example.id}\t{example.text}" for example in examples))[:16]
