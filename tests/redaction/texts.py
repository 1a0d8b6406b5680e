"""The marked texts, and what is measured on them."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.redaction import Redactor
from bot.yaml_files import read_yaml

HERE = Path(__file__).parent
BUILDING, REPORTING = "building", "reporting"
_MARK = re.compile(r"\[\[(\w+):(.*?)\]\]")


@dataclass(frozen=True)
class Marked:
    """A text, and where in it stands what must go: (start, end, kind)."""

    text: str
    must_go: tuple[tuple[int, int, str], ...]

    @property
    def part(self) -> str:
        """The half it belongs to; that for reporting is never read to mend the rules."""
        return BUILDING if hashlib.sha256(self.text.encode()).digest()[0] % 2 else REPORTING


def marked_texts(part: str) -> tuple[list[Marked], list[Marked]]:
    """Return the texts with something to take out, and those without, of one half."""
    with_marks = [marked(line) for line in read_yaml(HERE / "identifying.yml", "identifying")]
    ordinary = [marked(line) for line in read_yaml(HERE / "ordinary.yml", "ordinary")]
    return [each for each in with_marks if each.part == part], [each for each in ordinary if each.part == part]


def marked(line: str) -> Marked:
    """Return the text without its marks, and where they stood."""
    text, spans, end = "", [], 0
    for match in _MARK.finditer(line):
        text += line[end : match.start()]
        spans.append((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        end = match.end()
    return Marked(text + line[end:], tuple(spans))


@dataclass
class Figures:
    """`missed` are the things left in, `wrong` the words taken out of texts for nothing."""

    things: int = 0
    words: int = 0
    missed: list[str] = None  # type: ignore[assignment]
    wrong: list[str] = None  # type: ignore[assignment]

    @property
    def recall(self) -> float:
        """Share of the things that were taken out whole."""
        return 1 - len(self.missed) / self.things

    @property
    def false_cuts(self) -> float:
        """Share of the other words that were taken out."""
        return len(self.wrong) / self.words


def measured(redactor: Redactor, texts: Iterable[Marked]) -> Figures:
    """Return what was found and what was cut for nothing. A thing counts as found when no letter of it is left."""
    figures = Figures(missed=[], wrong=[])
    for each in texts:
        cut = {at for start, end, _ in redactor.cuts(each.text) for at in range(start, end)}
        meant = {at for start, end, _ in each.must_go for at in range(start, end)}
        for start, end, what in each.must_go:
            figures.things += 1
            left = [at for at in range(start, end) if each.text[at].isalnum() and at not in cut]
            if left:
                figures.missed.append(f"{what}: {each.text[start:end]}  in  {each.text}")
        for word in re.finditer(r"\w+", each.text):
            places = set(range(*word.span()))
            if not places & meant:
                figures.words += 1
                if places & cut:
                    figures.wrong.append(f"{word[0]}  in  {each.text}")
    return figures
