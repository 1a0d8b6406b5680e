"""From a phrase of data/safety.yml to something that finds it in a list of words, and quickly among thousands.

Every step is linear in the length of the text: gaps in a phrase are bounded, and a phrase is followed through the
words as a set of places reached, never by trying again from the start.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

BREAKS = frozenset(".?!;")  # a gap in a phrase never reaches over one of these
NEGATIONS = frozenset({"no", "not", "never", "without", "none", "nope", "nor", "neither", "nothing", "nobody"})
SHORT_GAP, LONG_GAP = 3, 8  # words that '..' and '...' may skip
NEARBY = 16  # words that may lie between the parts of a phrase joined by '+'

Span = tuple[int, int]

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_TENS = "thirty forty fifty sixty seventy eighty ninety hundred"
_NUMBERS = {
    **{word: float(n) for n, word in enumerate(_NUMBER_WORDS.split())},
    **{word: 10.0 * n for n, word in enumerate(_TENS.split(), 3)},
}


def number(word: str) -> float | None:
    """Return the value of '38.5' or 'sixteen', or None for a word that is no number."""
    return float(word) if word[0].isdigit() else _NUMBERS.get(word)


@dataclass(frozen=True)
class Step:
    """One place in a phrase: one of some words (by first word, each with what follows it), or a number in a range."""

    words: Mapping[str, tuple[tuple[str, ...], ...]]
    ranges: tuple[tuple[float, float], ...] = ()
    gap: int = 0
    optional: bool = False

    def ends(self, tokens: Sequence[str], at: int) -> Iterator[int]:
        """Yield where this step ends if it starts at `at`."""
        value = number(tokens[at]) if self.ranges else None
        if value is not None and any(low <= value <= high for low, high in self.ranges):
            yield at + 1
        for words in self.words.get(tokens[at], ()):
            if tuple(tokens[at : at + len(words)]) == words:
                yield at + len(words)


@dataclass(frozen=True)
class Part:
    """Steps that follow one another, words of no weight ('really', a comma) between them not counted."""

    steps: tuple[Step, ...]
    fillers: Set[str]

    @property
    def takes_number(self) -> bool:
        """Whether this part may begin with a number."""
        return bool(self.steps[0].ranges)

    def end(self, tokens: Sequence[str], start: int) -> int | None:
        """Return where the part ends, at its shortest, if it starts at `start`; else None."""
        places = set(self.steps[0].ends(tokens, start))
        for step in self.steps[1:]:
            reached = {end for at in self._reach(tokens, places, step.gap) for end in step.ends(tokens, at)}
            places = reached | places if step.optional else reached
        return min(places, default=None)

    def _reach(self, tokens: Sequence[str], places: Set[int], gap: int) -> Set[int]:
        reached: set[int] = set()
        for place in places:
            left = gap
            for at in range(place, len(tokens)):
                reached.add(at)
                if tokens[at] in BREAKS or (left == 0 and tokens[at] not in self.fillers):
                    break
                left -= tokens[at] not in self.fillers
        return reached


@dataclass(frozen=True)
class Phrase:
    """Parts that stand near one another in one sentence, in any order. `text` is how the data writes it."""

    text: str
    parts: tuple[Part, ...]

    @cached_property
    def has_no(self) -> bool:
        """Whether the phrase itself says 'no' or 'not' ("can't stop bleeding")."""
        entries = (entry for part in self.parts for step in part.steps for entry in step.words.values())
        return any(NEGATIONS.intersection(words) for choices in entries for words in choices)

    def may_be_in(self, words: Set[str]) -> bool:
        """Whether some word of every step that has to be there is among `words`: a quick look before the search."""
        return not any(needed.isdisjoint(words) for needed in self._needed)

    @cached_property
    def _needed(self) -> tuple[frozenset[str], ...]:
        steps = [step for part in self.parts for step in part.steps if not step.optional and not step.ranges]
        return tuple(frozenset(step.words) for step in steps)

    def spans(self, tokens: Sequence[str], start: int) -> tuple[tuple[int, int], ...]:
        """Return (start, end) of every part if the first part begins at `start`; () if the phrase is not there."""
        end = self.parts[0].end(tokens, start)
        if end is None:
            return ()
        found = [(start, end)]
        for part in self.parts[1:]:
            span = _nearest(part, tokens, found[0])
            if span is None:
                return ()
            found.append(span)
        return tuple(found)


def _nearest(part: Part, tokens: Sequence[str], anchor: tuple[int, int]) -> tuple[int, int] | None:
    start, end = anchor
    ahead = range(end, min(len(tokens), end + NEARBY))
    behind = range(start - 1, max(-1, start - NEARBY), -1)
    for places in (ahead, behind):
        for at in places:
            if tokens[at] in BREAKS:
                break
            stop = part.end(tokens, at)
            if stop is not None and (at >= end or stop <= start):
                return at, stop
    return None


@dataclass(frozen=True)
class PhraseReader:
    """Reads the phrase language explained at the top of data/safety.yml. `lists` are its named lists of words."""

    lists: Mapping[str, Sequence[str]]
    contractions: Mapping[str, str]
    fillers: Set[str]

    def phrase(self, text: str) -> Phrase:
        """Return the phrase that `text` writes. Raises ValueError, saying what is wrong with it."""
        parts = tuple(self._part(part.split(), text) for part in text.split(" + "))
        return Phrase(text, parts)

    def _part(self, marks: Sequence[str], text: str) -> Part:
        steps: list[Step] = []
        gap = 0
        for mark in marks:
            if mark in ("..", "..."):
                gap = SHORT_GAP if mark == ".." else LONG_GAP
                continue
            steps += self._steps(mark, gap)
            gap = 0
        if not steps or steps[0].optional or gap:
            raise ValueError(f"{text!r} must begin and end with words that have to be there")
        return Part(tuple(steps), self.fillers)

    def _steps(self, mark: str, gap: int) -> list[Step]:
        optional = mark.startswith("[") and mark.endswith("]")
        mark = mark[1:-1] if optional else mark
        words: dict[str, tuple[tuple[str, ...], ...]] = {}
        ranges = []
        for choice in mark.split("|"):
            if found := re.fullmatch(r"\{([\d.]+?)\.\.([\d.]*)\}", choice):
                ranges.append((float(found[1]), float(found[2] or "inf")))
                continue
            for entry in self._choices(choice):
                words[entry[0]] = (*words.get(entry[0], ()), entry)
        return [Step(words, tuple(ranges), gap, optional)]

    def _choices(self, word: str) -> Iterator[tuple[str, ...]]:
        if word.startswith("<") and word.endswith(">"):
            if word[1:-1] not in self.lists:
                raise ValueError(f"no list of words is called {word}")
            for entry in self.lists[word[1:-1]]:
                yield tuple(self._written_out(entry))
            return
        if not re.fullmatch(r"[a-z0-9'_.?!,/]+", word):
            raise ValueError(f"{word!r} is no word, <list>, [optional] or {{from..to}} number")
        yield tuple(self._written_out(word.replace("_", " ")))

    def _written_out(self, words: str) -> Iterator[str]:
        for word in words.split():
            bare = word.removesuffix("'s").replace("'", "")
            yield from self.contractions.get(bare, bare).split()


class Index:
    """Finds which of many phrases are in a list of words, looking only at those whose first word is there."""

    def __init__(self, phrases: Iterable[tuple[Phrase, Any]]) -> None:
        self._by_word: dict[str, list[tuple[Phrase, Any]]] = defaultdict(list)
        self._by_number: list[tuple[Phrase, Any]] = []
        for phrase, label in phrases:
            for word in phrase.parts[0].steps[0].words:
                self._by_word[word].append((phrase, label))
            if phrase.parts[0].takes_number:
                self._by_number.append((phrase, label))

    def found(self, tokens: Sequence[str]) -> Iterator[tuple[Any, tuple[Span, ...]]]:
        """Yield the label of each phrase that is there and its spans, once for each place where it begins."""
        said = set(tokens)
        by_word = {word: [entry for entry in self._by_word.get(word, ()) if entry[0].may_be_in(said)] for word in said}
        for start, token in enumerate(tokens):
            numbers = self._by_number if number(token) is not None else ()
            for phrase, label in (*by_word[token], *numbers):
                if spans := phrase.spans(tokens, start):
                    yield label, spans
