"""From what a person typed to plain words, and from a phrase of data/safety.yml to something that finds it there.

Nothing here knows what is dangerous. Every step is linear in the length of the text: gaps in a phrase are bounded,
and a phrase is followed through the words as a set of places reached, never by trying again from the start.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

MOST_CHARACTERS = 4_000  # four times what the public door accepts; the rest of a longer text is not read
BREAKS = frozenset(".?!;")  # a gap in a phrase never reaches over one of these
NEGATIONS = frozenset({"no", "not", "never", "without", "none", "nope", "nor", "neither", "nothing", "nobody"})
BLANK = "_"  # stands where a figure of speech was
SHORT_GAP, LONG_GAP = 3, 8  # words that '..' and '...' may skip
NEARBY = 16  # words that may lie between the parts of a phrase joined by '+'

_LOOK_ALIKES = str.maketrans(
    "аеіорсухѕјһԁɡοαενικτρυ’‘`´ʼ‛“”–—−‐‑·•…",
    "aeiopcyxsjhdgoaeviktpu''''''\"\"-----...",
)
_LETTER_FOR = str.maketrans("013457@$!|", "oieastasii")
_SPACED_OUT = re.compile(r"(?<![^\W_])(?:[a-z](?:[.\-_*]| {1,2})){3,}[a-z](?![^\W_])")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d(?!\d))")
_WEEKS_AND_DAYS = re.compile(r"\b(\d{1,2}) ?(?:\+|w|wk|wks) ?\d ?d?\b")
_UNIT_AT_NUMBER = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)(?=[a-z])")
_PIECE = re.compile(r"\d+(?:\.\d+)?(?![a-z0-9@$*|])|[a-z0-9](?:[a-z0-9@$*!|']*[a-z0-9])?|[.?!;,/]")
_STRETCHED = re.compile(r"(.)\1{2,}")
_RUN = re.compile(r"\d+(?:\.\d+)?|[a-z]+|[.?!;,/]")
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


def plain(text: str, emoji: Mapping[str, str]) -> str:
    """Return `text` in lower case and Latin letters: styled and look-alike letters, accents and emoji made plain."""
    text = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS].replace("º", "°")).lower()
    for sign, words in emoji.items():
        text = text.replace(sign, f" {words} ")
    text = unicodedata.normalize("NFD", text.translate(_LOOK_ALIKES))
    text = "".join(" . " if char == "\n" else char for char in text if unicodedata.category(char) not in ("Mn", "Cf"))
    text = _DECIMAL_COMMA.sub(".", text)
    return _UNIT_AT_NUMBER.sub(r"\1 ", _WEEKS_AND_DAYS.sub(r"\1 weeks", text))


@dataclass(frozen=True)
class Speller:
    """Reads pieces of text as words: contractions written out, stretched, disguised and misspelled words mended.

    `english` needs no mending; `phrase_words` are all words of the phrases, `hard_words` those of them that
    people get wrong.
    """

    contractions: Mapping[str, str]
    misspelled: Mapping[str, str]
    emoji: Mapping[str, str]
    hard_words: tuple[str, ...]
    phrase_words: Set[str]
    english: Set[str]

    @cached_property
    def long_words(self) -> tuple[str, ...]:
        """The words of the phrases that are long enough for one wrong letter not to make another word."""
        return tuple(sorted(word for word in self.phrase_words if len(word) > 4))

    def words(self, text: str) -> list[str]:
        """Return the words and stops of `text`, in order; [] for a text with none."""
        joined = _SPACED_OUT.sub(self._joined, plain(text, self.emoji))
        return [word for piece in _PIECE.findall(joined) for word in self._read(piece)]

    def _joined(self, match: re.Match[str]) -> str:
        """'b l e e d i n g' as one word; two spaces, or none that help, part the words."""
        runs = [re.sub(r"[^a-z]", "", run) for run in match.group().split("  ")]
        return " ".join(word for run in runs for word in self._mended(run))

    def _read(self, piece: str) -> Iterable[str]:
        if piece.isalpha():
            return self._mended(piece)
        if not piece[-1].isalnum() or piece.replace(".", "").isdigit():
            return (piece,)
        if "'" in piece:
            return self._without_apostrophe(piece)
        if piece[0].isdigit() and not set(piece) & set("@$*!|"):
            return (word for run in _RUN.findall(piece) for word in (self._mended(run) if run.isalpha() else (run,)))
        return self._undisguised(piece)

    def _without_apostrophe(self, piece: str) -> Iterable[str]:
        bare = piece.replace("'", "")
        for word in (bare, _STRETCHED.sub(r"\1", bare)):
            if whole := self.contractions.get(word):
                return whole.split()
        parts = [part for part in piece.split("'") if part not in ("", "s")]
        return [word for part in parts for word in self._read(part)]

    def _undisguised(self, piece: str) -> Iterable[str]:
        """'bl33ding', 'su!cide', 'k*ll': letters put back if that makes a word we look for."""
        for letters in (piece.translate(_LETTER_FOR), piece.replace("1", "l").translate(_LETTER_FOR)):
            if letters in self.phrase_words:
                return (letters,)
        hidden = re.compile(re.escape(piece).replace(r"\*", "[a-z]"))
        if "*" in piece and (found := [word for word in self.hard_words if hidden.fullmatch(word)]):
            return (found[0],)
        return [word for run in _RUN.findall(piece) for word in (self._mended(run) if run.isalpha() else (run,))]

    def _mended(self, word: str) -> tuple[str, ...]:
        if whole := self.contractions.get(word) or self.misspelled.get(word):
            return tuple(whole.split())
        if word in self.phrase_words or (word in self.english and not _STRETCHED.search(word)):
            return (word,)
        return _mend(self, word[:60])


def _mend(speller: Speller, word: str) -> tuple[str, ...]:
    for shorter in (_STRETCHED.sub(r"\1\1", word), _STRETCHED.sub(r"\1", word), re.sub(r"(.)\1+", r"\1", word)):
        if shorter != word and (shorter in speller.phrase_words or shorter in speller.contractions):
            return tuple(speller.contractions.get(shorter, shorter).split())
    word = _STRETCHED.sub(r"\1", word)
    if len(word) > 3:
        for known, allowed in ((speller.hard_words, 2 if len(word) > 6 else 1), (speller.long_words, 1)):
            close = extractOne(word, known, scorer=OSA.distance, score_cutoff=allowed)
            if close and word[0] in close[0][:2]:
                return (close[0],)
    return _parted(word, speller.phrase_words) or (word,)


def _parted(run: str, known: Set[str]) -> tuple[str, ...]:
    """'iambleeding' as the fewest known words that make it up, or () where none do."""
    best: list[tuple[str, ...] | None] = [()] + [None] * len(run)
    for end in range(1, len(run) + 1):
        for start in range(max(0, end - 14), end):
            word, before = run[start:end], best[start]
            if before is None or word not in known or (len(word) < 2 and word not in "ai"):
                continue
            if best[end] is None or len(before) + 1 < len(best[end] or ()):
                best[end] = (*before, word)
    return best[-1] or ()


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
