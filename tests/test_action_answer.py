"""`action_answer`: from what Rasa understood to the words it sends, on every channel."""

import logging

import pytest
from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.answer import ENTRY_NOTE_GIVEN, ActionAnswer, rasa_buttons, reply_to
from bot.answers import load_answers
from bot.paths import ANSWERS
from bot.reply import as_text

IDS = sorted(load_answers(ANSWERS))


def decided(id: str, **more) -> dict:
    """Return a parsed message on which the gate left its decision."""
    return {"text": "…", "intent": {"name": "x"}, "entities": [], "answer": {"id": id, "confidence": 0.8, **more}}


def tapped(id: str) -> dict:
    """Return a parsed message as a button's payload gives it: no decision, only intent and topic."""
    facet, topic = id.split("/")
    return {"intent": {"name": facet}, "entities": [{"entity": "topic", "value": topic}]}


def run(message: dict | None, **slots) -> tuple[list[dict], list]:
    """Run the action on a conversation whose last message this is; return the messages sent and the events."""
    dispatcher = CollectingDispatcher()
    tracker = Tracker("conversation-1", slots, message, [], False, None, {}, "action_listen")
    events = ActionAnswer().run(dispatcher, tracker, {})
    return dispatcher.messages, events


@pytest.fixture
def answer(renderer):
    """Return a function from a parsed message to its reply."""
    return lambda message: reply_to(message, renderer, note_given=True)[0]


def test_rasa_calls_it_by_the_name_in_the_domain():
    assert ActionAnswer().name() == "action_answer"


def test_the_answer_decided_on_is_said_with_its_confidence(answer):
    reply = answer(decided("causes/pcos"))
    assert (reply["answer"], reply["confidence"]) == ("causes/pcos", 0.8)


@pytest.mark.parametrize("id", IDS)
def test_every_answer_can_be_asked_for_by_its_button(answer, id):
    reply = answer(tapped(id))
    assert (reply["answer"], reply["confidence"]) == (id, 1)


def test_several_answers_near_enough_are_a_question_back(answer):
    reply = answer(decided("meta/fallback", choices=["causes/pcos", "tests/hormones"]))
    assert reply["kind"] == "choice"
    assert [button["choice"] for button in reply["next"]] == ["causes/pcos", "tests/hormones", "meta/fallback"]


def test_a_safety_decision_keeps_its_variant_level_and_crisis(answer, renderer):
    reply = answer(decided("safety/urgent", variant="other", level="D", also_crisis="violence"))
    expected = renderer.reply("safety/urgent", variant="other", level="D", also_crisis="violence", confidence=0.8)
    assert reply == expected


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(decided("causes/unheard_of"), id="an id of an older model"),
        pytest.param(tapped("causes/unheard_of"), id="a button of an older page"),
        pytest.param({"intent": {"name": "causes"}, "entities": []}, id="no topic"),
        pytest.param({"intent": {"name": None}, "entities": []}, id="no intent"),
        pytest.param({"intent": None}, id="nothing understood"),
        pytest.param(
            {"intent": {"name": "x"}, "entities": [{"entity": "other", "value": "pcos"}]}, id="another entity"
        ),
    ],
)
def test_what_it_cannot_place_gets_the_fallback(answer, message):
    assert answer(message)["answer"] == "meta/fallback"


def test_the_note_on_the_reference_entry_is_given_once(renderer):
    of_entry = next(id for id in IDS if renderer.needs_entry_note(id))
    first, noted_first = reply_to(decided(of_entry), renderer, note_given=False)
    second, noted_second = reply_to(decided(of_entry), renderer, note_given=True)
    assert (noted_first, noted_second) == (True, False)
    assert first["paragraphs"] == [*second["paragraphs"], renderer.frame.cautions["K1"]]


def test_an_answer_of_the_clinics_own_article_needs_no_note(renderer):
    of_article = next(id for id in IDS if not renderer.needs_entry_note(id))
    assert not reply_to(decided(of_article), renderer, note_given=False)[1]


def test_the_conversation_remembers_that_the_note_was_given(renderer):
    of_entry = next(id for id in IDS if renderer.needs_entry_note(id))
    _, events = run(tapped(of_entry))
    assert events == [SlotSet(ENTRY_NOTE_GIVEN, True)]
    messages, events = run(tapped(of_entry), **{ENTRY_NOTE_GIVEN: True})
    assert events == []
    assert renderer.frame.cautions["K1"] not in messages[0]["text"]


def test_one_message_goes_out_as_text_with_buttons_and_as_the_reply_of_the_contract(keeps_the_contract):
    (message,), _ = run(tapped("causes/pcos"))
    keeps_the_contract(message["custom"])
    assert message["text"] == as_text(message["custom"])
    assert message["buttons"] == rasa_buttons(message["custom"])


def test_a_button_of_rasa_asks_for_the_answer_by_its_payload(renderer):
    (first, *_) = rasa_buttons(renderer.reply("meta/menu"))
    choice = renderer.answers["meta/menu"].next[0]
    facet, topic = choice.split("/")
    assert first == {"title": renderer.answers[choice].question, "payload": f'/{facet}{{"topic": "{topic}"}}'}


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(decided("meta/fallback", choices=["causes/unheard_of"]), id="a choice that does not exist"),
        pytest.param({"answer": {"confidence": 1.0}}, id="a decision without an id"),
    ],
)
def test_a_fault_inside_becomes_an_apology_with_the_emergency_line(message, clinic, caplog):
    with caplog.at_level(logging.DEBUG):
        (sent,), events = run({**message, "text": "my own words"})
    assert sent["custom"]["kind"] == "unavailable"
    assert clinic.emergency_number in sent["custom"]["paragraphs"][0]
    assert events == []
    assert caplog.records  # the operator is told …
    assert "my own words" not in caplog.text  # … but not what was written


def test_a_conversation_without_a_message_is_still_answered(keeps_the_contract):
    (sent,), _ = run(None)
    keeps_the_contract(sent["custom"])
