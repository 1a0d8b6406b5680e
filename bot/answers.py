"""The answer records: what the bot says, loaded from data/answers/ and found by id.

Records hold words and the fact ids they rest on; nothing here decides which one to say. `{clinic_phone}` and its
like in a text are filled from clinic.yml when a reply is rendered (bot/reply.py).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from bot.yaml_files import YamlFault, read_yaml

FALLBACK = "meta/fallback"
NOT_COVERED = "meta/not_covered"
KIND_BY_ID = MappingProxyType(
    {
        "safety/urgent": "urgent",
        "safety/crisis": "crisis",
        "safety/personal_advice": "advice",
        "meta/greet": "small_talk",
        "meta/goodbye": "small_talk",
        "meta/thanks": "small_talk",
        NOT_COVERED: "not_covered",
        "meta/out_of_scope": "out_of_scope",
        FALLBACK: "fallback",
    }
)


class _Record(BaseModel):
    """Base of everything written in data/answers/: no unknown keys, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paragraph(_Record):
    """One paragraph that rests on exactly one thing: facts, our `own` words, or a standard caution.

    `own` names why words that are in neither document may stand here: an erratum (reviewer text) or one of OWN.
    `when` names a setting of clinic.yml without which the paragraph is left out; 'not' before it turns that round.
    """

    text: str | None = None
    facts: tuple[str, ...] = ()
    own: str | None = None
    caution: str | None = None
    when: str | None = None

    @model_validator(mode="after")
    def _rests_on_one_thing(self) -> "Paragraph":
        grounds = [key for key in ("facts", "own", "caution") if getattr(self, key)]
        if len(grounds) != 1:
            raise ValueError(f"a paragraph rests on exactly one of facts, own or caution, not {grounds or 'nothing'}")
        if bool(self.text) == bool(self.caution):
            raise ValueError("a paragraph has a text, or names a caution whose text is in frame.yml")
        return self


OWN = ("bot", "clinic", "safety")


class StaffNote(_Record):
    """One paragraph of the staff detail: facts it rests on, or errata whose staff line it gives."""

    text: str
    facts: tuple[str, ...] = ()
    errata: tuple[str, ...] = ()


class Answer(_Record):
    """One record. `question` is the label of a button that leads here; `next` the answers offered after it.

    `variants` are other wordings of the same reply that the situation picks, such as the urgent reply about
    another person. `review_due` is when a clinician must look again.
    """

    id: str
    title: str
    question: str
    visitor: tuple[Paragraph, ...]
    variants: Mapping[str, tuple[Paragraph, ...]] = {}
    staff: tuple[StaffNote, ...] = ()
    next: tuple[str, ...] = ()
    reviewed_on: date
    review_due: date
    reviewer: str

    @property
    def facet(self) -> str:
        """The part of the id before the slash: what is being asked."""
        return self.id.partition("/")[0]

    @property
    def topic(self) -> str:
        """The part of the id after the slash: what it is asked about."""
        return self.id.partition("/")[2]

    @property
    def kind(self) -> str:
        """The kind of reply that this record makes, as in the contract."""
        return KIND_BY_ID.get(self.id, "answer")

    @property
    def fact_ids(self) -> tuple[str, ...]:
        """Every fact the visitor's text cites, each once, in order."""
        return tuple(dict.fromkeys(fact for paragraph in self.visitor for fact in paragraph.facts))


class SafetyButtons(_Record):
    """The labels of the buttons under a safety reply."""

    cannot_call: str
    have_called: str
    am_safe: str
    not_now: str


class Frame(_Record):
    """The words around every answer, from data/answers/frame.yml."""

    disclaimer: str
    disclaimer_safety: str
    consultation: str
    consultation_after_safety: str
    consultation_label: str
    choose: str
    nearest: str
    repeated: str
    in_general: str
    after_refusal: str
    none_of_these: str
    unavailable_title: str
    unavailable: str
    demo_notice: str
    emergency_line: str
    privacy_line: str
    sympathy: str
    still_urgent: str
    still_crisis: str
    still_violence: str
    still_unsure: str
    abroad: str
    safety_buttons: SafetyButtons
    cautions: Mapping[str, str]


@dataclass(frozen=True)
class Answers(Mapping[str, Answer]):
    """All records by id, and the frame. `version` is told with each count: it changes with every word."""

    records: Mapping[str, Answer]
    frame: Frame
    version: str = ""

    def __getitem__(self, id: str) -> Answer:
        return self.records[id]

    def __iter__(self):
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ' (nearest: x)' for an error message, or '' where nothing known is like `name`."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (nearest: {close[0]})" if close else ""


def load_answers(folder: Path) -> Answers:
    """Read every record of data/answers/*.yml and frame.yml.

    Raises YamlFault listing all faults of form at once, a line each: path, id, fault, remedy. What the words may say
    is checked apart, in bot/checks.py.
    """
    faults: list[str] = []
    records: dict[str, Answer] = {}
    frame = None
    for path in sorted(folder.glob("*.yml")):
        try:
            if path.name == "frame.yml":
                frame = _parse(Frame, read_yaml(path, "frame"), f"{path}: frame")
            else:
                _read_records(path, records, faults)
        except YamlFault as fault:
            faults.append(str(fault))
    if not (folder / "frame.yml").exists():
        faults.append(f"{folder / 'frame.yml'}: the file is missing; put it back from version control")
    if faults:
        raise YamlFault("\n".join(faults))
    assert frame is not None
    return Answers(MappingProxyType(records), frame, content_version(folder))


def content_version(folder: Path) -> str:
    """Return 12 hexadecimal digits that are the same as long as every file of the folder is."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.yml")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _read_records(path: Path, records: dict[str, Answer], faults: list[str]) -> None:
    entries = read_yaml(path, "answers") or {}
    if not isinstance(entries, dict):
        raise YamlFault(f"{path}: answers: must hold records by id, as '{path.stem}/topic:'")
    for id, entry in entries.items():
        where = f"{path}: {id}"
        if not isinstance(id, str):
            faults.append(f"{where}: must be an id such as {path.stem}/topic")
            continue
        if id.partition("/")[0] != path.stem:
            faults.append(f"{where}: stands in the wrong file; move it to {path.with_stem(id.partition('/')[0])}")
        if not isinstance(entry, dict):
            faults.append(f"{where}: must be a record with title, question, visitor, …")
            continue
        try:
            records[id] = _parse(Answer, {"id": id, **entry}, where)
        except YamlFault as fault:
            faults.append(str(fault))


def _parse(model: type[_Record], entry: Any, where: str) -> Any:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        known = model.model_fields
        raise YamlFault("\n".join(_explain(fault, where, known) for fault in error.errors())) from None


def _explain(fault: Mapping[str, Any], where: str, known: Iterable[str]) -> str:
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"{where}: {place}: no such key{nearest(str(fault['loc'][-1]), known)}; use one of {', '.join(known)}"
    if fault["type"] == "missing":
        return f"{where}: {place}: is missing; add it"
    return f"{where}: {place}: {fault['msg'].removeprefix('Value error, ')}"
