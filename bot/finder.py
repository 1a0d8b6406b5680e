"""From what staff type to the answers, best first: what the chat would understand, joined with a search over the words.

The understanding is the chat's own classifier and gate, run in this process: nothing that staff type leaves it, and
the search works also when the rest of the bot is down. Nothing typed is kept.
"""

import re
import sqlite3
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from spacy.lang.en.stop_words import STOP_WORDS

from bot.answer_model import AnswerModel
from bot.answers import FALLBACK, Answer, Answers
from bot.checks import Content
from bot.encoder import MiniLMEncoder
from bot.followups import OFF_SUBJECT, SUBJECT, Conversation, load_cues, nameable_topics
from bot.gate import Decision, load_gate
from bot.later import Later
from bot.links import load_nearest
from bot.paths import DATA
from bot.topics import load_topics, words_of
from bot.yaml_files import read_yaml

MODEL_FILE = "answers.skops"
RANKED = 10  # how many of the classifier's answers the gate sees, as in Rasa's pipeline
MOST = 8  # results
NEVER_FOUND = ("meta/greet", "meta/goodbye", "meta/thanks", FALLBACK)
EMPTY_WORDS = STOP_WORDS | {"patient", "patients", "caller", "asks", "asking"}
BY_MEANING_ALONE = ("safety/",)  # found by what is meant, not by a word in them
# Weights of a match by field: title, question, what visitors read, staff detail, facts and headings.
FIELD_WEIGHTS = (8.0, 6.0, 2.0, 1.0, 0.5)
# What a full match of words adds to a probability, what a named topic does, and the least that is worth showing.
BY_WORDS, BY_TOPIC, LEAST = 0.15, 0.1, 0.02
UNLIKELY = 0.1  # of "off the subject" where words of the answers are matched: half a word is easily taken for that
FEW_LETTERS = 5
_SHORT = re.compile(r"[\w&/]+")


@dataclass(frozen=True)
class Understanding:
    """The chat's own reading of a message, without Rasa around it."""

    encoder: MiniLMEncoder
    model: AnswerModel
    conversation: Conversation

    def read(self, text: str) -> tuple[dict[str, float], Decision]:
        """Return the probability of each answer, and what the chat would decide on."""
        row = self.model.probabilities([text], self.encoder.embed([text]))[0]
        best = np.argsort(-row)[:RANKED]
        ranking = [{"id": self.model.ids[column], "confidence": float(row[column])} for column in best]
        (decision, *_) = self.conversation.decide({"text": text, "answer_ranking": ranking}, None)
        return dict(zip(self.model.ids, row.tolist(), strict=True)), decision


class Finder:
    """Finds answers. Safe to share between threads."""

    def __init__(
        self, content: Content, shorthand: Mapping[str, str], understanding: Later[Understanding] | None
    ) -> None:
        self._shorthand = {short.lower(): meant for short, meant in shorthand.items()}
        self._understanding = understanding
        self._topics = load_topics(DATA / "topics.yml")
        self._lock = threading.Lock()
        self._renewed(content)

    def _renewed(self, content: Content) -> None:
        self._answers = content.answers
        self._index = word_index(content)

    def prepare(self, after_s: float = 0.0) -> None:
        """Begin to load the trained model. It takes seconds, which the visitors' chat must not wait for at a start."""
        if self._understanding:
            self._understanding.begin(after_s)

    @property
    def understands(self) -> bool:
        """Whether the trained model is there; without it only words are matched."""
        return self._understanding is not None

    def renew(self, content: Content) -> None:
        """Search in this content from now on."""
        with self._lock:
            self._renewed(content)

    def in_full(self, text: str) -> str:
        """Return the text with staff shorthand written out."""
        return _SHORT.sub(lambda word: self._meant(word[0]), text)

    def _meant(self, word: str) -> str:
        low = word.lower()
        return self._shorthand.get(low) or self._shorthand.get(low.removesuffix("s")) or word

    def find(self, text: str) -> list[str]:
        """Return the ids of the answers, best first; none for a blank text."""
        full = self.in_full(text).strip()
        if not full:
            return []
        by_words = [*self._by_words(full), *self._by_topic(full)]
        off_subject = UNLIKELY if by_words or len(full) < FEW_LETTERS else 1
        scores = dict.fromkeys(self._answers, 0.0)
        for id, score in (*by_words, *self._understood(text, full)):
            if id in scores:
                scores[id] += score * (off_subject if id == OFF_SUBJECT else 1)
        found = [id for id, score in scores.items() if score >= LEAST and id not in NEVER_FOUND]
        return sorted(found, key=lambda id: -scores[id])[:MOST]

    def _understood(self, text: str, full: str) -> Iterable[tuple[str, float]]:
        """Return what the chat would understand, of the text as typed and as written out: each counts half."""
        if self._understanding is None:
            return []
        readings = [self._understanding.now.read(each) for each in dict.fromkeys((text, full))]
        return [(id, score / len(readings)) for reading in readings for id, score in in_order(*reading)]

    def _by_topic(self, text: str) -> Iterable[tuple[str, float]]:
        named = set(self._topics.find(text).topics) - {SUBJECT}
        return [(id, BY_TOPIC) for id, answer in self._answers.items() if answer.topic in named]

    def _by_words(self, text: str) -> Iterable[tuple[str, float]]:
        query = words_query(text)
        if not query:
            return []
        with self._lock:
            found = self._index.execute(_SEARCH, (query,)).fetchall()
        best = max((score for _, score in found), default=1.0)
        return [(id, BY_WORDS * score / best) for id, score in found]


_SEARCH = (
    f"SELECT id, -bm25(words, 0, {', '.join(map(str, FIELD_WEIGHTS))}) AS score "  # noqa: S608 (figures of ours)
    "FROM words WHERE words MATCH ? ORDER BY score DESC LIMIT 20"
)


def in_order(probabilities: Mapping[str, float], decision: Decision) -> list[tuple[str, float]]:
    """Return a score for each answer: its probability, and up to 1 more for what the chat would say or offer."""
    first = decision.choices or (decision.id,)
    return [*probabilities.items(), *((id, 1.0 - at / 10) for at, id in enumerate(first))]


def word_index(content: Content) -> sqlite3.Connection:
    """Return a full-text index of the answers, in memory."""
    index = sqlite3.connect(":memory:", check_same_thread=False)
    index.execute(
        "CREATE VIRTUAL TABLE words USING fts5(id UNINDEXED, title, question, visitor, staff, facts, "
        "tokenize='porter unicode61 remove_diacritics 2', prefix='2 3')"
    )
    index.executemany(
        "INSERT INTO words VALUES (?, ?, ?, ?, ?, ?)",
        (row_of(each, content) for each in content.answers.values() if not each.id.startswith(BY_MEANING_ALONE)),
    )
    return index


def row_of(answer: Answer, content: Content) -> tuple[str, ...]:
    """Return what an answer is found by."""
    cited = [*answer.fact_ids, *(fact for note in answer.staff for fact in note.facts)]
    facts = (content.sources.facts[id] for id in dict.fromkeys(cited))
    return (
        answer.id,
        answer.title,
        answer.question,
        " ".join(paragraph.text or "" for paragraph in answer.visitor),
        " ".join(note.text for note in answer.staff),
        " ".join(f"{fact.heading} {fact.text}" for fact in facts),
    )


def words_query(text: str) -> str:
    """Return the full-text query for any of the words; the last one may still be being typed. '' for none."""
    words = [word for word in words_of(text) if len(word) > 1 and word not in EMPTY_WORDS]
    quoted = ['"' + word.replace('"', "") + '"' for word in words]
    return " OR ".join([*quoted[:-1], f"{quoted[-1]}*"]) if quoted else ""


def load_finder(content: Content, model: str | None, encoder: MiniLMEncoder) -> Finder:
    """Return the search, with the understanding of the trained `model` where one is named.

    Raises FileNotFoundError where it holds none.
    """
    if not model:
        return Finder(content, load_shorthand(DATA / "shorthand.yml"), None)
    refuse_without_model(Path(model))
    understanding = Later(lambda: load_understanding(Path(model), encoder, content.answers))
    return Finder(content, load_shorthand(DATA / "shorthand.yml"), understanding)


def refuse_without_model(archive: Path) -> None:
    """Raise FileNotFoundError where there is no archive; what it holds is read later."""
    if not archive.is_file():
        raise FileNotFoundError(f"{archive} is missing; train it anew: make train")


def load_understanding(model: Path, encoder: MiniLMEncoder, answers: Answers) -> Understanding:
    """Return the chat's understanding from the trained model. Raises FileNotFoundError where there is none."""
    followups = DATA / "followups.yml"
    topics = nameable_topics(followups, answers)
    with tempfile.TemporaryDirectory() as folder:
        file = unpacked(model, MODEL_FILE, Path(folder))
        classifier = AnswerModel.load(file, load_topics(DATA / "topics.yml", only=topics))
    conversation = Conversation(
        answers,
        load_nearest(followups, answers),
        load_topics(DATA / "topics.yml", only={*topics, SUBJECT}),
        load_cues(followups),
        load_gate(DATA / "gate.yml"),
    )
    return Understanding(encoder, classifier, conversation)


def unpacked(archive: Path, name: str, folder: Path) -> Path:
    """Return the one file of that name in an archive, written to a folder. Raises FileNotFoundError."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.isfile() and Path(member.name).name == name]
        content = tar.extractfile(members[0]) if members else None
        if content is None:
            raise FileNotFoundError(f"{archive} holds no {name}; train it anew: make train")
        (folder / name).write_bytes(content.read())
    return folder / name


def load_shorthand(path: Path) -> dict[str, str]:
    """Read data/shorthand.yml."""
    return {str(short): str(meant) for short, meant in read_yaml(path, "shorthand").items()}


def first_sentences(paragraphs: Sequence[str], most_words: int = 30) -> str:
    """Return the beginning of an answer, fit to be said on the telephone: one sentence, two if they are short."""
    sentences = re.split(r"(?<=[.?!])\s+", paragraphs[0]) if paragraphs else []
    said = sentences[:1]
    if len(sentences) > 1 and len(f"{sentences[0]} {sentences[1]}".split()) <= most_words:
        said = sentences[:2]
    return " ".join(said)
