"""`action_answer`: says the record that the message asks for, always with the disclaimer and the consultation.

The pipeline leaves in the parse data what it understood; what to say follows from that and from the last answer of
the conversation (bot/followups.py). A tapped button comes as `/facet{"topic": "…"}`: its id is intent and entity.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.abroad import Abroad
from bot.answers import FALLBACK
from bot.cautions import REFUSED, Cautions, load_cautions
from bot.followups import SUBJECT, Conversation, load_cues, nameable_topics
from bot.gate import ADVICE, Decision, load_gate
from bot.links import LAST_ANSWER, TOPIC, Last, last_of, load_nearest
from bot.live import Live, Published
from bot.paths import DATA
from bot.reply import NOT_NOW, Renderer, Reply, as_text, payload
from bot.sympathy import Sympathy, load_sympathy
from bot.tidy import keep_tidy
from bot.topics import load_topics

logger = logging.getLogger(__name__)

MEDICINE = "K3"  # the caution of whoever names one
ENTRY_NOTE_GIVEN, SYMPATHY_GIVEN = "entry_note_given", "sympathy_given"
# Replies that lead with a person when they come twice in a row, and the slot that remembers the first.
LED_TO_A_PERSON = {FALLBACK: "not_understood", ADVICE: "advice_refused"}


class ActionAnswer(Action):
    """Renders any record, as plain text with buttons for every channel and as the contract's `custom` object."""

    def __init__(self) -> None:
        keep_tidy()

    def name(self) -> str:
        return "action_answer"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        speaker = load_speaker()
        try:
            replies, slots = speaker.speak(tracker.latest_message or {}, tracker.current_slot_values())
        except Exception as error:
            # The SDK would send the whole request, with the visitor's words, back and into the log.
            logger.error("conversation %s: no reply made (%s)", tracker.sender_id[:8], type(error).__name__)
            replies, slots = [speaker.renderer.unavailable()], {}
        for reply in replies:
            dispatcher.utter_message(text=as_text(reply), buttons=rasa_buttons(reply), json_message=reply)
        return [SlotSet(name, value) for name, value in slots.items()]


class Speaker:
    """Turns a parsed message and the slots of its conversation into replies and new slots."""

    def __init__(self, renderer: Renderer, conversation: Conversation, cautions: Cautions, sympathy: Sympathy) -> None:
        self.renderer = renderer
        self._conversation = conversation
        self._cautions = cautions
        self._sympathy = sympathy
        self._abroad = Abroad(renderer.country)

    def speak(self, message: Mapping[str, Any], slots: Mapping[str, Any]) -> tuple[list[Reply], dict[str, Any]]:
        """Return the replies to a message, one or two, and the slots to set."""
        last = last_of(slots)
        decisions = self._decide(message, last, is_refused=bool(slots.get(LED_TO_A_PERSON[ADVICE])))
        helpless = decisions[0].id if not decisions[0].choices else None
        changed: dict[str, Any] = {slot: id == helpless for id, slot in LED_TO_A_PERSON.items()}
        replies: list[Reply] = []
        text = str(message.get("text"))
        is_sad = decisions[0].id not in NOT_NOW and not slots.get(SYMPATHY_GIVEN) and self._sympathy.is_due(text)
        changed |= {SYMPATHY_GIVEN: True} if is_sad else {}
        for decision in decisions:
            again = decision.id == helpless and bool(slots.get(LED_TO_A_PERSON.get(decision.id, "")))
            note_due = not {**slots, **changed}.get(ENTRY_NOTE_GIVEN) and self._needs_note(decision)
            refusal_stands = decision.leans and bool(slots.get(LED_TO_A_PERSON[ADVICE]))
            changed[LED_TO_A_PERSON[ADVICE]] |= refusal_stands
            cautions = self._cautions_of(decision, text, refusal_stands=refusal_stands)
            replies.append(
                self._say(
                    of_medicine(decision) if MEDICINE in cautions else decision,
                    again=again,
                    sympathy=is_sad and not replies,
                    entry_note=note_due,
                    abroad=decision.id in NOT_NOW and self._abroad.says(text),
                    after_refusal=refusal_stands,
                    cautions=cautions,
                )
            )
            changed |= {ENTRY_NOTE_GIVEN: True} if note_due else {}
            if carried := self._conversation.carried(decision, last):
                changed |= {LAST_ANSWER: carried.id, TOPIC: carried.topic}
        return replies, changed

    def _decide(self, message: Mapping[str, Any], last: Last | None, *, is_refused: bool) -> tuple[Decision, ...]:
        if message.get("danger"):
            return self._conversation.in_danger(message, last)
        if is_refused and self._conversation.says_done(str(message.get("text"))):
            return (Decision(ADVICE, 1.0),)  # the words for too much of a medicine come again
        if id := tapped_id(message):
            return (Decision(id if id in self.renderer.answers else FALLBACK, 1.0),)
        if not message.get("answer_ranking"):
            return (Decision(FALLBACK, 0.0),)
        return self._conversation.decide(message, last)

    def _needs_note(self, decision: Decision) -> bool:
        return not decision.choices and self.renderer.needs_entry_note(decision.general or decision.id)

    def _cautions_of(self, decision: Decision, text: str, *, refusal_stands: bool) -> Sequence[str]:
        if decision.id in NOT_NOW:
            return ()
        return self._cautions.named(text, is_refused=refusal_stands or decision.id in REFUSED)

    def _say(self, decision: Decision, *, again: bool, sympathy: bool, **beside: Any) -> Reply:
        if decision.choices:
            return self.renderer.choice(decision.choices, decision.confidence, sympathy=sympathy)
        return self.renderer.reply(
            decision.id,
            confidence=decision.confidence,
            variant="again" if again else decision.variant,
            level=decision.level,
            also_crisis=decision.also_crisis,
            instead=decision.instead,
            repeated=decision.repeated,
            general=decision.general,
            not_now=decision.not_now,
            sympathy=sympathy,
            **beside,
        )


def of_medicine(decision: Decision) -> Decision:
    """Return a refusal in the words for a medicine, where it had those for a diagnosis: a medicine was named."""
    return replace(decision, variant="medicine") if decision.variant == "diagnosis" else decision


def tapped_id(message: Mapping[str, Any]) -> str | None:
    """Return the id that a tapped button asks for, None where the message was typed."""
    topics = [entity["value"] for entity in message.get("entities", ()) if entity.get("entity") == "topic"]
    return f"{(message.get('intent') or {}).get('name')}/{topics[0]}" if topics else None


def rasa_buttons(reply: Reply) -> list[dict[str, str]]:
    """Return the reply's next questions as Rasa buttons."""
    return [{"title": button["label"], "payload": payload(button["choice"])} for button in reply["next"]]


def load_speaker() -> Speaker:
    """Return the speaker of the content in force; the first use loads it."""
    return live_speakers().made


@lru_cache(maxsize=1)
def live_speakers() -> Live[Speaker]:
    """Return what holds the speaker, and looks for changes of the content."""
    live = Live(speaker_of)
    live.watch()
    return live


def speaker_of(published: Published) -> Speaker:
    """Return what speaks the words of one content."""
    answers, followups = published.content.answers, DATA / "followups.yml"
    conversation = Conversation(
        answers,
        load_nearest(followups, answers),
        load_topics(DATA / "topics.yml", only={*nameable_topics(followups, answers), SUBJECT}),
        load_cues(followups),
        load_gate(DATA / "gate.yml"),
    )
    return Speaker(
        published.renderer,
        conversation,
        load_cautions(DATA / "cautions.yml"),
        load_sympathy(DATA / "sympathy.yml"),
    )
