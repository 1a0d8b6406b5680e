"""What is kept of a conversation from one turn to the next: its slots, and none of its words.

The rules look at the latest message alone, and what a follow-up goes on from stands in slots (actions/answer.py). Rasa
would keep, write and read every event since the conversation began, so that each turn took longer than the one before.
"""

import json
from typing import Any

from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.events import ActionExecuted, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker

SLOTS = "slots"


def as_kept(tracker: DialogueStateTracker) -> str:
    """Return what to keep of a conversation, as JSON."""
    changed = {name: slot.value for name, slot in tracker.slots.items() if slot.value != slot.initial_value}
    return json.dumps({SLOTS: changed})


def recalled(empty: DialogueStateTracker, kept: str | bytes) -> DialogueStateTracker | None:
    """Return the conversation of which `kept` was kept, as it stands before its next message.

    `empty` is the same conversation without an event. None where something else was kept, as by an earlier version.
    """
    slots: dict[str, Any] | None = json.loads(kept).get(SLOTS)
    if slots is None:
        return None
    for event in _until_now(slots):
        empty.update(event)
    return empty


def _until_now(slots: dict[str, Any]) -> list[Event]:
    begun = (ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted())
    known = (SlotSet(name, value) for name, value in slots.items())
    return [*begun, *known, ActionExecuted(ACTION_LISTEN_NAME)]
