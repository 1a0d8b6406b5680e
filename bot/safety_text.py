"""From what a person typed to plain words: disguise, stretching and misspelling undone.

Nothing here knows what is dangerous; the words worth mending towards come from data/safety.yml.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

MOST_CHARACTERS = 4_000  # four times what the public door accepts; the rest of a longer text is not read

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
        for word in (bare, _STRETCHED.sub(r"\1", bare), *_slips_undone(bare)):
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
            # spaCy's words hold slips too ('mme', 'tto'); no English word we look for begins with a letter twice.
            return (word[1:],) if word[0] == word[1:2] and word[1:] in self.phrase_words else (word,)
        return _mend(self, word[:60])


def _mend(speller: Speller, word: str) -> tuple[str, ...]:
    for shorter in (_STRETCHED.sub(r"\1\1", word), _STRETCHED.sub(r"\1", word), re.sub(r"(.)\1+", r"\1", word)):
        if shorter != word and (shorter in speller.phrase_words or shorter in speller.contractions):
            return tuple(speller.contractions.get(shorter, shorter).split())
    for undone in _slips_undone(word) if len(word) > 2 else ():
        if undone in speller.phrase_words or undone in speller.contractions:
            return tuple(speller.contractions.get(undone, undone).split())
    word = _STRETCHED.sub(r"\1", word)
    if len(word) > 3:
        for known, allowed in ((speller.hard_words, 2 if len(word) > 6 else 1), (speller.long_words, 1)):
            close = extractOne(word, known, scorer=OSA.distance, score_cutoff=allowed)
            if close and word[0] in close[0][:2]:
                return (close[0],)
    return _parted(word, speller.phrase_words) or (word,)


def _slips_undone(word: str) -> Iterator[str]:
    """Yield `word` with two neighbouring letters put back in order, or one doubled letter made single."""
    for at in range(len(word) - 1):
        first, second = word[at], word[at + 1]
        yield word[:at] + second + (first if first != second else "") + word[at + 2 :]


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
