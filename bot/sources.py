"""The two documents as facts and errata: what every answer rests on, and how it may be worded.

Loaded from data/sources/. A fact's audience decides who may hear it; `STAFF_ONLY` never reaches a visitor.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.yaml_files import YamlFault, read_yaml

VISITOR, CAUTION, STAFF_ONLY, NOT_USED = "visitor", "visitor, with caution", "staff only", "not used"
AUDIENCES = (VISITOR, CAUTION, STAFF_ONLY, NOT_USED)


@dataclass(frozen=True)
class Document:
    """One of the two documents. `published` is an ISO date, or None where the document has none."""

    key: str
    title: str
    published: str | None


@dataclass(frozen=True)
class Fact:
    """One statement of a document, in plain words."""

    id: str
    document: str
    heading: str
    line: int
    audience: str
    errata: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Erratum:
    """One place where a literal reading would mislead, with the wording that binds instead."""

    id: str
    title: str
    harm: str
    visitor: str
    staff: str
    answers: tuple[str, ...]
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class Sources:
    """Documents by letter, facts and errata by id."""

    documents: Mapping[str, Document]
    facts: Mapping[str, Fact]
    errata: Mapping[str, Erratum]

    def headings(self, fact_ids: Iterable[str]) -> list[tuple[Document, str]]:
        """Return the (document, heading) pairs the facts stand under, each once, in the order first cited."""
        found = [self.facts[fact_id] for fact_id in fact_ids]
        return list(dict.fromkeys((self.documents[fact.document], fact.heading) for fact in found))


def load_sources(folder: Path) -> Sources:
    """Read facts.yml and errata.yml from `folder` (data/sources).

    Raises YamlFault for a missing field, an unknown audience or an erratum that does not exist.
    """
    facts_file, errata_file = folder / "facts.yml", folder / "errata.yml"
    content = read_yaml(facts_file)
    errata = {id: _erratum(id, entry, errata_file) for id, entry in read_yaml(errata_file, "errata").items()}
    documents = {
        letter: Document(entry["key"], entry["title"], str(entry["published"]) if entry["published"] else None)
        for letter, entry in content["documents"].items()
    }
    facts = {id: _fact(id, entry, facts_file) for id, entry in content["facts"].items()}
    for fact in facts.values():
        if unknown := [id for id in fact.errata if id not in errata]:
            raise YamlFault(f"{facts_file}: {fact.id}: errata {unknown} do not exist; see errata.yml")
    return Sources(documents, facts, errata)


def _fact(id: str, entry: dict, path: Path) -> Fact:
    _refuse_missing(("heading", "line", "audience", "errata", "fact"), id, entry, path)
    if entry.get("audience") not in AUDIENCES:
        raise YamlFault(f"{path}: {id}: audience is {entry.get('audience')!r}; use one of {', '.join(AUDIENCES)}")
    return Fact(id, id[0], entry["heading"], entry["line"], entry["audience"], tuple(entry["errata"]), entry["fact"])


def _erratum(id: str, entry: dict, path: Path) -> Erratum:
    _refuse_missing(("title", "harm", "visitor", "staff", "answers"), id, entry, path)
    return Erratum(
        id,
        entry["title"],
        entry["harm"],
        entry["visitor"],
        entry["staff"],
        tuple(entry["answers"]),
        tuple(entry.get("cautions", ())),
    )


def _refuse_missing(fields: Iterable[str], id: str, entry: Mapping, path: Path) -> None:
    if missing := [field for field in fields if field not in entry]:
        raise YamlFault(f"{path}: {id}: {', '.join(missing)} missing; add what is")
