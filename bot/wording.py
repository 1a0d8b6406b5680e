"""How we may speak to a visitor: blocked words, figures and the reading grade, from data/wording.yml.

The patterns run over a handful of short texts at check time and over replies in tests; they are not a filter on the
visitor's own words.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.yaml_files import YamlFault, read_yaml


@dataclass(frozen=True)
class Blocked:
    """A pattern no visitor may read, why, what to write, and per answer the one sentence where it is right."""

    pattern: re.Pattern[str]
    why: str
    use: str
    errata: tuple[str, ...]
    allowed: Mapping[str, str]


@dataclass(frozen=True)
class Wording:
    """The rules of data/wording.yml."""

    blocked: tuple[Blocked, ...]
    medicines: re.Pattern[str]
    figure_phrases: tuple[str, ...]
    names: re.Pattern[str]

    def offences(self, text: str, answer_id: str) -> Iterator[tuple[str, Blocked]]:
        """Yield the words of `text` that `answer_id` may not say to a visitor, each with its rule."""
        for rule in self.blocked:
            permitted = text.replace(rule.allowed.get(answer_id, "\0"), "")
            if match := rule.pattern.search(permitted):
                yield match.group(), rule

    def grade(self, text: str) -> float:
        """Return the Flesch-Kincaid grade of `text`, with the names of conditions, tests and medicines left out."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # textstat asks setuptools for its version on import
            from textstat import textstat
        return float(textstat.flesch_kincaid_grade(self.names.sub("it", text)))


def load_wording(path: Path) -> Wording:
    """Read data/wording.yml. Raises YamlFault for a pattern that is no regular expression."""
    content = read_yaml(path, "wording")
    return Wording(
        tuple(_blocked(entry, path) for entry in content["blocked"]),
        _any_of(content["medicines"]),
        tuple(content["figure_phrases"]),
        _any_of(content["names"]),
    )


def _blocked(entry: Mapping, path: Path) -> Blocked:
    try:
        pattern = re.compile(entry["pattern"], re.IGNORECASE)
    except re.error as error:
        raise YamlFault(f"{path}: {entry['pattern']!r}: not a regular expression ({error}); mend it") from None
    return Blocked(pattern, entry["why"], entry["use"], tuple(entry.get("errata", ())), entry.get("except", {}))


def _any_of(words: list[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(r"\b(" + "|".join(map(re.escape, longest_first)) + r")s?\b", re.IGNORECASE)
