"""The reply: a record put into the words and the shape of the contract, with the frame around it.

This is the only way out. Every reply of every kind ends with the disclaimer and the pointer to a consultation; in a
safety reply they come after the number to call and are worded for afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.answers import FALLBACK, Answer, Answers, Frame, Paragraph
from bot.clinic import Clinic
from bot.sources import Sources

Reply = dict[str, Any]
URGENT, CRISIS = "safety/urgent", "safety/crisis"
SAFETY_KINDS = ("urgent", "crisis")
HAVE_CALLED = "meta/thanks"  # where 'I have called' and 'I am safe' lead
CANNOT_CALL, STAFF = "cannot_call", "staff"  # variants of the urgent reply
# Where 'This is not happening now' leads when nothing closer to the message is known.
NOT_NOW = {URGENT: "warning_signs/overview", CRISIS: "support/emotional"}
NO_LEVEL_GIVEN = "E"  # of an urgent reply: when in doubt, the emergency number
SYMPATHY = "I am so sorry"  # how an answer begins that says so itself
ENTRY_NOTE = "K1"  # said once in a conversation, at the first answer drawn from the reference entry alone


class Renderer:
    """Puts records into replies: answers, sources and one clinic's settings in, dicts of the contract out."""

    def __init__(self, answers: Answers, sources: Sources, clinic: Clinic) -> None:
        self.renew(answers, sources, clinic)

    def renew(self, answers: Answers, sources: Sources, clinic: Clinic) -> None:
        """Speak these words from now on. Call it where no reply is being rendered: on the event loop."""
        self.answers = answers
        self._sources = sources
        self._clinic = clinic
        self.frame = Frame.model_validate(self._fill_all(answers.frame.model_dump()))

    @property
    def country(self) -> str:
        """The code of the clinic's country, as US."""
        return self._clinic.country

    def reply(
        self,
        id: str,
        *,
        confidence: float = 1.0,
        variant: str | None = None,
        level: str | None = None,
        also_crisis: str | None = None,
        entry_note: bool = False,
        instead: bool = False,
        repeated: bool = False,
        general: str | None = None,
        cautions: Iterable[str] = (),
        after_refusal: bool = False,
        not_now: str | None = None,
        abroad: bool = False,
        sympathy: bool = False,
    ) -> Reply:
        """Return the reply that says record `id`. Raises KeyError where there is no such record.

        `variant` picks another wording of the record, `level` is E or D of an urgent reply, `also_crisis` appends the
        crisis reply of that variant, `entry_note` the note that the words come from the reference entry;
        `instead` says first that this is only the nearest to what was asked, `repeated` that it was said just before.
        `general` names the answer whose words follow a refusal to advise; `cautions` the standard cautions that the
        message calls for; `after_refusal` says first that the refusal just before still stands. `not_now` names the
        answer that a person in no danger gets with one tap. `abroad` says first to call the number of the place where
        the person is, `sympathy` that the bot is sorry for a loss.
        """
        answer = self.answers[id]
        paragraphs = self._words(answer, variant)
        if also_crisis:
            crisis = self._words(self.answers[CRISIS], also_crisis)
            paragraphs += [words for words in crisis if not is_said(words, paragraphs)]
        if abroad:
            paragraphs.insert(0, self.frame.abroad)
        if instead:
            paragraphs.insert(0, self.frame.nearest)
        if answer.kind == "answer" and (repeated or after_refusal):
            paragraphs.insert(0, self.frame.after_refusal if after_refusal else self.frame.repeated)
        if sympathy and not paragraphs[0].startswith(SYMPATHY):
            paragraphs.insert(0, self.frame.sympathy)
        behind = [self.frame.cautions[name] for name in cautions]
        if general:
            behind += [self.frame.in_general, *self._words(self.answers[general], None)]
        paragraphs += [words for words in behind if words not in paragraphs]
        if entry_note:
            paragraphs.append(self.frame.cautions[ENTRY_NOTE])
        return self._framed(
            answer=id,
            kind=answer.kind,
            title=self._fill(answer.title),
            paragraphs=paragraphs,
            sources=self._source_list(self.answers[general] if general else answer),
            next=self._next(answer, variant, not_now),
            level=level or (NO_LEVEL_GIVEN if answer.kind == "urgent" else None),
            confidence=round(float(confidence), 4),
        )

    def choice(self, ids: Sequence[str], confidence: float, *, sympathy: bool = False) -> Reply:
        """Return the question back: which of these `ids` (two or three) is meant, or none of them.

        `sympathy` says first that the bot is sorry for a loss.
        """
        none = {"label": self.frame.none_of_these, "choice": FALLBACK}
        titles = [{"label": self._fill(self.answers[id].title), "choice": id} for id in ids]
        return self._framed(
            answer=FALLBACK,
            kind="choice",
            title=self._fill(self.answers[FALLBACK].title),
            paragraphs=[self.frame.sympathy, self.frame.choose] if sympathy else [self.frame.choose],
            sources=[],
            next=[*titles, none],
            level=None,
            confidence=round(float(confidence), 4),
        )

    def unavailable(self) -> Reply:
        """Return the reply for when something behind the front server is down: the emergency line comes first."""
        return self._framed(
            answer=FALLBACK,
            kind="unavailable",
            title=self.frame.unavailable_title,
            paragraphs=[self.frame.emergency_line, self.frame.unavailable],
            sources=[],
            next=[],
            level=None,
            confidence=1.0,
        )

    def needs_entry_note(self, id: str) -> bool:
        """Whether the answer rests on the reference entry alone, so that K1 is due once in a conversation."""
        facts = self.answers[id].fact_ids
        return bool(facts) and all(self._sources.facts[fact].document == "E" for fact in facts)

    def _words(self, answer: Answer, variant: str | None) -> list[str]:
        # A variant that a record does not have falls to its first wording: in danger any of them is right.
        paragraphs = answer.variants.get(variant or "", answer.visitor)
        return [self._paragraph(each) for each in paragraphs if not each.when or self._clinic.holds(each.when)]

    def _paragraph(self, paragraph: Paragraph) -> str:
        return self._fill(paragraph.text) if paragraph.text else self.frame.cautions[str(paragraph.caution)]

    def names_violence_line(self, reply: Reply) -> bool:
        """Whether a reply gives the line for violence: its words are those for violence, then."""
        return any(self._clinic.dv_line in words for words in reply["paragraphs"])

    def staff_notes(self, id: str) -> list[str]:
        """Return the staff detail of a record: never for visitors, and shown under caution K5 alone."""
        return [self._fill(note.text) for note in self.answers[id].staff]

    def buttons(self, ids: Iterable[str]) -> list[dict[str, str]]:
        """Return the buttons that lead to the answers `ids`."""
        return [{"label": self._fill(self.answers[id].question), "choice": id} for id in ids]

    def _next(self, answer: Answer, variant: str | None, not_now: str | None) -> list[dict[str, str]]:
        if answer.id not in NOT_NOW:
            return self.buttons(answer.next)
        return self._safety_buttons(answer.id, variant, not_now or NOT_NOW[answer.id])

    def _safety_buttons(self, id: str, variant: str | None, not_now: str) -> list[dict[str, str]]:
        words = self.frame.safety_buttons
        steps = {words.cannot_call: URGENT, words.have_called: HAVE_CALLED}
        if id == CRISIS:
            steps = {words.am_safe: HAVE_CALLED}
        elif variant == STAFF:
            steps = {}
        elif variant == CANNOT_CALL:
            del steps[words.cannot_call]
        return [{"label": label, "choice": choice} for label, choice in (steps | {words.not_now: not_now}).items()]

    def _framed(self, **reply: Any) -> Reply:
        # The frame is added here and nowhere else: no reply leaves without it.
        after_safety = reply["kind"] in SAFETY_KINDS
        frame, clinic = self.frame, self._clinic
        return reply | {
            "disclaimer": frame.disclaimer_safety if after_safety else frame.disclaimer,
            "consultation": {
                "text": frame.consultation_after_safety if after_safety else frame.consultation,
                "label": frame.consultation_label,
                "url": clinic.booking_url,
                "phone": clinic.phone,
            },
        }

    def _source_list(self, answer: Answer) -> list[dict[str, str | None]]:
        urls = self._clinic.document_urls
        return [
            {"document": document.key, "title": document.title, "heading": heading, "url": urls.get(document.key)}
            for document, heading in self._sources.headings(answer.fact_ids)
        ]

    def _fill(self, text: str) -> str:
        return text.format_map(self._clinic.words)

    def _fill_all(self, words: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: self._fill(value) if isinstance(value, str) else self._fill_all(value) for key, value in words.items()
        }


def is_said(words: str, paragraphs: Iterable[str]) -> bool:
    """Whether a paragraph begins with these words already."""
    return any(paragraph.startswith(words) for paragraph in paragraphs)


def as_text(reply: Reply) -> str:
    """Return the whole reply as plain text for any Rasa channel: answer, sources, disclaimer, consultation.

    Lines are single: Rasa's channels cut a text into several messages at a blank line.
    """
    sources = [f"Source: {source['title']}, {source['heading']}" for source in reply["sources"]]
    consultation = reply["consultation"]
    contact = f"{consultation['text']} {consultation['label']}: {consultation['url']} or {consultation['phone']}."
    return "\n".join([reply["title"], *reply["paragraphs"], *sources, reply["disclaimer"], contact])


def payload(id: str) -> str:
    """Return the message by which a tapped button asks Rasa for the answer `id`."""
    facet, _, topic = id.partition("/")
    return f'/{facet}{{"topic": "{topic}"}}'
