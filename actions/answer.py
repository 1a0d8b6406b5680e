"""`action_answer`: says the record that the message asks for, always with the disclaimer and the consultation.

The understanding is done before: the gate (bot/nlu/gate.py) leaves its decision in the parse data under `answer`. A
tapped button comes as `/facet{"topic": "…"}` and carries no such key; its id is the intent and the entity.
"""

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.answers import FALLBACK, load_answers
from bot.clinic import load_clinic
from bot.paths import ANSWERS, CLINIC, SOURCES
from bot.reply import Renderer, Reply, as_text, payload
from bot.sources import load_sources

logger = logging.getLogger(__name__)
ENTRY_NOTE_GIVEN = "entry_note_given"


class ActionAnswer(Action):
    """Renders any record, as plain text with buttons for every channel and as the contract's `custom` object."""

    def name(self) -> str:
        return "action_answer"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        renderer = load_renderer()
        message = tracker.latest_message or {}
        note_given = bool(tracker.get_slot(ENTRY_NOTE_GIVEN))
        try:
            reply, note_now = reply_to(message, renderer, note_given=note_given)
        except Exception as error:
            # The SDK would send the whole request, with the visitor's words, back and into the log.
            logger.error("conversation %s: no reply made (%s)", tracker.sender_id[:8], type(error).__name__)
            reply, note_now = renderer.unavailable(), False
        dispatcher.utter_message(text=as_text(reply), buttons=rasa_buttons(reply), json_message=reply)
        return [SlotSet(ENTRY_NOTE_GIVEN, True)] if note_now else []


def reply_to(message: Mapping[str, Any], renderer: Renderer, *, note_given: bool) -> tuple[Reply, bool]:
    """Return the reply to a parsed message, and whether it carries the note on the reference entry."""
    decision = message.get("answer") or _tapped(message)
    if decision.get("choices"):
        return renderer.choice(decision["choices"], decision["confidence"]), False
    id = decision["id"] if decision["id"] in renderer.answers else FALLBACK
    note_now = not note_given and renderer.needs_entry_note(id)
    reply = renderer.reply(
        id,
        confidence=decision["confidence"],
        variant=decision.get("variant"),
        level=decision.get("level"),
        also_crisis=decision.get("also_crisis"),
        entry_note=note_now,
    )
    return reply, note_now


def rasa_buttons(reply: Reply) -> list[dict[str, str]]:
    """Return the reply's next questions as Rasa buttons."""
    return [{"title": button["label"], "payload": payload(button["choice"])} for button in reply["next"]]


@lru_cache(maxsize=1)
def load_renderer() -> Renderer:
    """Return the renderer, loaded on first use and kept."""
    return Renderer(load_answers(ANSWERS), load_sources(SOURCES), load_clinic(CLINIC))


def _tapped(message: Mapping[str, Any]) -> dict[str, Any]:
    topics = [entity["value"] for entity in message.get("entities", ()) if entity.get("entity") == "topic"]
    intent = (message.get("intent") or {}).get("name")
    return {"id": f"{intent}/{topics[0]}" if topics else FALLBACK, "confidence": 1.0}
