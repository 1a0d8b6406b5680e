"""`action_answer`: from what Rasa understood to the words it sends, on every channel."""

import logging

import pytest
from rasa_sdk import Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.answer import ENTRY_NOTE_GIVEN, LED_TO_A_PERSON, SYMPATHY_GIVEN, ActionAnswer, load_speaker, rasa_buttons
from bot.answers import FALLBACK, load_answers
from bot.gate import ADVICE
from bot.links import LAST_ANSWER, TOPIC
from bot.paths import ANSWERS
from bot.reply import as_text

IDS = sorted(load_answers(ANSWERS))


def understood(text: str, **confidences: float) -> dict:
    """Return a parsed message; `causes__pcos=0.9` stands for a probability of 0.9 for causes/pcos."""
    ranking = [{"id": id.replace("__", "/"), "confidence": value} for id, value in confidences.items()]
    facets: dict[str, float] = {}
    for entry in ranking:
        facet = entry["id"].partition("/")[0]
        facets[facet] = facets.get(facet, 0) + entry["confidence"]
    names = [{"name": facet, "confidence": value} for facet, value in facets.items()]
    return {"text": text, "intent": names[0], "entities": [], "answer_ranking": ranking, "intent_ranking": names}


def in_danger(id: str, variant=None, level=None, also_crisis=None) -> dict:
    """Return a parsed message in which the safety component found danger."""
    danger = {"id": id, "variant": variant, "level": level, "also_crisis": also_crisis}
    return {**understood("…", causes__pcos=0.99), "danger": danger}


def tapped(id: str) -> dict:
    """Return a parsed message as a button's payload gives it: no ranking, only intent and topic."""
    facet, topic = id.split("/")
    return {"intent": {"name": facet}, "entities": [{"entity": "topic", "value": topic}]}


def run(message: dict | None, **slots) -> tuple[list[dict], list]:
    """Run the action on a conversation whose last message this is; return the messages sent and the events."""
    dispatcher = CollectingDispatcher()
    tracker = Tracker("conversation-1", slots, message, [], False, None, {}, "action_listen")
    events = ActionAnswer().run(dispatcher, tracker, {})
    return dispatcher.messages, events


def answer(message: dict | None, **slots) -> dict:
    """Return the one reply to a message."""
    (sent,), _ = run(message, **slots)
    return sent["custom"]


def test_rasa_calls_it_by_the_name_in_the_domain():
    assert ActionAnswer().name() == "action_answer"


def test_a_sure_answer_is_said_with_its_confidence():
    reply = answer(understood("can pcos cause miscarriage?", causes__pcos=0.9))
    assert (reply["answer"], reply["confidence"]) == ("causes/pcos", 0.9)


@pytest.mark.parametrize("id", IDS)
def test_every_answer_can_be_asked_for_by_its_button(id):
    reply = answer(tapped(id))
    assert (reply["answer"], reply["confidence"]) == (id, 1)


def test_several_answers_near_enough_are_a_question_back():
    reply = answer(
        understood("sugar and the ovary thing", causes__pcos=0.4, causes__diabetes=0.35, tests__hormones=0.2)
    )
    assert reply["kind"] == "choice"
    assert [button["choice"] for button in reply["next"]] == [
        "causes/pcos",
        "causes/diabetes",
        "tests/hormones",
        "meta/fallback",
    ]


def test_danger_overrules_the_surest_answer_and_keeps_its_variant_level_and_crisis(renderer):
    reply = answer(in_danger("safety/urgent", variant="other", level="D", also_crisis="violence"))
    assert reply == renderer.reply(
        "safety/urgent", variant="other", level="D", also_crisis="violence", not_now="causes/pcos"
    )


def test_behind_not_now_is_the_answer_that_the_message_would_have_got():
    message = {**in_danger("safety/urgent"), "answer_ranking": []}
    assert answer(message)["next"][-1]["choice"] == "warning_signs/overview"
    assert answer(in_danger("safety/urgent"))["next"][-1]["choice"] == "causes/pcos"


def beside_danger(id: str, confidence: float = 0.95, *, danger: bool = False) -> dict:
    """Return a parsed message in danger that also asks for an answer."""
    part = {"text": "…", "answer_ranking": [{"id": id, "confidence": confidence}], "danger": danger}
    return in_danger("safety/urgent") | {"parts": [part]}


def test_what_else_a_message_in_danger_asks_is_answered_behind_the_number():
    sent, _ = run(beside_danger("treatments/pcos"))
    assert [each["custom"]["answer"] for each in sent] == ["safety/urgent", "treatments/pcos"]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(beside_danger("treatments/pcos", 0.7), id="not sure"),
        pytest.param(beside_danger("treatments/pcos", danger=True), id="the danger itself"),
        pytest.param(beside_danger("warning_signs/bleeding"), id="it could be taken for the way out"),
        pytest.param(beside_danger("meta/not_covered"), id="nothing that is known"),
    ],
)
def test_nothing_else_stands_behind_the_number(message):
    assert answer(message)["answer"] == "safety/urgent"


@pytest.mark.parametrize("kind", ["diagnosis", "result", "medicine", "odds", "second_opinion", "other"])
def test_a_refusal_has_the_wording_of_its_kind(renderer, kind):
    reply = answer(understood("is that bad", safety__personal_advice=0.9) | {"advice_kind": kind})
    assert reply["paragraphs"] == renderer.reply(ADVICE, variant=kind)["paragraphs"]


def test_advice_is_refused_and_what_the_sources_say_follows_in_the_same_reply(renderer):
    reply = answer(understood("should I take aspirin", safety__personal_advice=0.9, treatments__antiphospholipid=0.08))
    refused, general = renderer.reply(ADVICE), renderer.reply("treatments/antiphospholipid")
    assert (reply["answer"], reply["kind"]) == (ADVICE, "advice")
    assert reply["paragraphs"][: len(refused["paragraphs"])] == refused["paragraphs"]
    assert set(general["paragraphs"]) < set(reply["paragraphs"])
    assert reply["sources"] == general["sources"]
    assert len(set(reply["paragraphs"])) == len(reply["paragraphs"])


def test_where_no_answer_is_near_the_refusal_of_advice_stands_alone(renderer):
    reply = answer(
        understood("is it bad", safety__personal_advice=0.9, causes__pcos=0.02, tests__blood=0.02, causes__thyroid=0.02)
    )
    assert reply["paragraphs"] == renderer.reply(ADVICE)["paragraphs"]


def test_the_topic_that_a_message_names_says_what_its_refusal_goes_on_with(renderer):
    message = understood("prolactin 900 high?", safety__personal_advice=0.97) | {"advice_kind": "result"}
    assert answer(message)["sources"] == renderer.reply("tests/hormones")["sources"]


def test_what_is_hardly_likely_at_all_does_not_follow_a_refusal(renderer):
    message = understood("promise me that it goes well", safety__personal_advice=0.99, tests__physical_exam=0.003)
    assert answer(message)["paragraphs"] == renderer.reply(ADVICE)["paragraphs"]


@pytest.mark.parametrize("id", [ADVICE, "meta/not_covered"])
def test_who_names_a_medicine_is_told_not_to_stop_it_whatever_else_is_said(renderer, id):
    facet, _, topic = id.partition("/")
    message = understood("came off my epilim, ok?", **{f"{facet}__{topic}": 0.97}) | {"advice_kind": "diagnosis"}
    assert renderer.frame.cautions["K3"] in answer(message)["paragraphs"]


def test_a_refusal_about_a_medicine_does_not_speak_of_having_something(renderer):
    reply = answer(understood("stop my clexane?", safety__personal_advice=0.97) | {"advice_kind": "diagnosis"})
    wording = renderer.reply(ADVICE, variant="medicine")["paragraphs"]
    assert reply["paragraphs"][: len(wording)] == wording


def test_who_names_a_value_is_told_that_it_is_not_read(renderer):
    reply = answer(understood("we have a fibroid of 6 cm", causes__fibroids=0.97))
    assert (reply["answer"], reply["paragraphs"][-1]) == ("causes/fibroids", renderer.frame.cautions["K4"])


@pytest.mark.parametrize(
    ("text", "entry", "caution"),
    [
        ("ok but is that normal", {"id": "causes/thyroid", "link": "same"}, None),
        ("and progesterone?", {"id": "causes/luteal", "link": "other_topic"}, "K3"),
        ("and prolactin 30?", {"id": "causes/prolactin", "link": "other_topic"}, "K4"),
    ],
)
def test_a_refusal_still_stands_at_the_next_message_that_leans_on_it(renderer, text, entry, caution):
    message = understood(text, causes__overview=0.5) | {"context_ranking": [entry | {"confidence": 0.95}]}
    refused = {LED_TO_A_PERSON[ADVICE]: True}
    sent, events = run(message, **{LAST_ANSWER: "causes/thyroid", TOPIC: "thyroid"}, **refused)
    paragraphs = sent[0]["custom"]["paragraphs"]
    assert paragraphs[0] == renderer.frame.after_refusal
    assert renderer.frame.repeated not in paragraphs
    assert caution is None or renderer.frame.cautions[caution] in paragraphs
    assert SlotSet(LED_TO_A_PERSON[ADVICE], True) in events


def test_a_new_question_after_a_refusal_is_answered_plainly(renderer):
    entry = {"id": "causes/pcos", "confidence": 0.95, "link": "alone"}
    message = understood("can pcos cause it", causes__pcos=0.95) | {"context_ranking": [entry]}
    reply = answer(message, **{LAST_ANSWER: "causes/thyroid", TOPIC: "thyroid", LED_TO_A_PERSON[ADVICE]: True})
    assert renderer.frame.after_refusal not in reply["paragraphs"]


def test_a_follow_up_goes_on_from_the_general_part_of_a_refusal():
    _, events = run(understood("should I take aspirin", safety__personal_advice=0.9, treatments__clotting=0.08))
    assert SlotSet(LAST_ANSWER, "treatments/antiphospholipid") in events


def test_advice_asked_for_twice_in_a_row_leads_with_a_person(clinic):
    message = understood("what dose", safety__personal_advice=0.9)
    assert clinic.phone in answer(message, **{LED_TO_A_PERSON[ADVICE]: True})["paragraphs"][0]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(tapped("causes/unheard_of"), id="a button of an older page"),
        pytest.param({"intent": {"name": "causes"}, "entities": []}, id="no topic"),
        pytest.param({"intent": {"name": None}, "entities": []}, id="no intent"),
        pytest.param({"intent": None}, id="nothing understood"),
        pytest.param(
            {"intent": {"name": "x"}, "entities": [{"entity": "other", "value": "pcos"}]}, id="another entity"
        ),
    ],
)
def test_what_it_cannot_place_gets_the_fallback(message):
    assert answer(message)["answer"] == "meta/fallback"


def test_what_is_not_understood_twice_in_a_row_leads_with_a_person(clinic):
    unclear = understood("hm", meta__out_of_scope=0.2, meta__greet=0.1)
    _, events = run(unclear)
    assert SlotSet(LED_TO_A_PERSON[FALLBACK], True) in events
    first, second = answer(unclear), answer(unclear, **{LED_TO_A_PERSON[FALLBACK]: True})
    assert clinic.phone not in first["paragraphs"][0]
    assert clinic.phone in second["paragraphs"][0]


def test_an_answer_in_between_starts_the_count_anew():
    _, events = run(understood("can pcos cause miscarriage?", causes__pcos=0.9), **{LED_TO_A_PERSON[FALLBACK]: True})
    assert SlotSet(LED_TO_A_PERSON[FALLBACK], False) in events


def test_two_questions_that_are_both_sure_get_two_replies():
    message = understood("what causes it and how is it treated?", causes__overview=0.6, treatments__overview=0.3)
    parts = [
        understood("what causes it", causes__overview=0.9),
        understood("how is it treated?", treatments__overview=0.9),
    ]
    sent, _ = run({**message, "parts": parts})
    assert [part["custom"]["answer"] for part in sent] == ["causes/overview", "treatments/overview"]


def test_a_follow_up_goes_on_from_the_last_answer():
    in_context = [{"id": "treatments/pcos", "confidence": 0.9, "link": "treatments"}]
    message = understood("what would one get", treatments__overview=0.8) | {"context_ranking": in_context}
    assert answer(message, **{LAST_ANSWER: "causes/pcos", TOPIC: "pcos"})["answer"] == "treatments/pcos"


def test_an_answer_given_again_says_so_first(renderer):
    in_context = [{"id": "causes/pcos", "confidence": 0.9, "link": "same"}]
    message = understood("really?", meta__fallback=0.8) | {"context_ranking": in_context}
    reply = answer(message, **{LAST_ANSWER: "causes/pcos", TOPIC: "pcos"})
    assert reply["paragraphs"][0] == renderer.frame.repeated


def test_the_conversation_remembers_what_it_is_about():
    _, events = run(tapped("causes/fibroids"))
    assert SlotSet(LAST_ANSWER, "causes/fibroids") in events
    assert SlotSet(TOPIC, "fibroids") in events


@pytest.mark.parametrize("id", ["meta/thanks", "safety/urgent", "clinic/human"])
def test_small_talk_safety_and_the_clinic_leave_the_subject_as_it_was(id):
    _, events = run(tapped(id))
    assert not {event["name"] for event in events} & {LAST_ANSWER, TOPIC}


def test_the_note_on_the_reference_entry_is_given_once(renderer):
    of_entry = next(id for id in IDS if renderer.needs_entry_note(id))
    note = renderer.frame.cautions["K1"]
    _, events = run(tapped(of_entry))
    assert SlotSet(ENTRY_NOTE_GIVEN, True) in events
    assert answer(tapped(of_entry))["paragraphs"][-1] == note
    assert note not in answer(tapped(of_entry), **{ENTRY_NOTE_GIVEN: True})["paragraphs"]


def test_an_answer_of_the_clinics_own_article_needs_no_note(renderer):
    of_article = next(id for id in IDS if not renderer.needs_entry_note(id))
    assert renderer.frame.cautions["K1"] not in answer(tapped(of_article))["paragraphs"]


def test_one_message_goes_out_as_text_with_buttons_and_as_the_reply_of_the_contract(keeps_the_contract):
    (message,), _ = run(tapped("causes/pcos"))
    keeps_the_contract(message["custom"])
    assert message["text"] == as_text(message["custom"])
    assert message["buttons"] == rasa_buttons(message["custom"])


def test_a_button_of_rasa_asks_for_the_answer_by_its_payload(renderer):
    (first, *_) = rasa_buttons(load_speaker().renderer.reply("meta/menu"))
    choice = renderer.answers["meta/menu"].next[0]
    facet, topic = choice.split("/")
    assert first == {"title": renderer.answers[choice].question, "payload": f'/{facet}{{"topic": "{topic}"}}'}


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(understood("…", causes__unheard_of=0.99), id="an answer of an older model"),
        pytest.param({"danger": {"id": "safety/urgent"}}, id="a finding with parts missing"),
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


def test_who_has_taken_it_already_is_told_whom_to_call(clinic):
    done = understood("I already did", support__blame=0.9)
    reply = answer(done, **{LED_TO_A_PERSON[ADVICE]: True})
    assert reply["answer"] == ADVICE
    assert any(clinic.emergency_number in words for words in reply["paragraphs"])
    assert answer(done)["answer"] == "support/blame"


LOSS = "we lost our baby in spring. could it be pcos?"


def test_who_tells_of_a_loss_hears_first_that_the_bot_is_sorry_and_once_only():
    words = load_speaker().renderer.frame.sympathy
    message = understood(LOSS, causes__pcos=0.99)
    (sent,), events = run(message)
    assert sent["custom"]["paragraphs"][0] == words
    assert SlotSet(SYMPATHY_GIVEN, True) in events
    assert words not in answer(message, **{SYMPATHY_GIVEN: True})["paragraphs"]
    assert words not in answer(understood("could it be pcos?", causes__pcos=0.99))["paragraphs"]


def test_a_question_back_begins_with_it_too_and_a_safety_reply_never():
    words = load_speaker().renderer.frame.sympathy
    unsure = understood(LOSS, causes__pcos=0.4, treatments__pcos=0.35)
    assert answer(unsure)["paragraphs"] == [words, load_speaker().renderer.frame.choose]
    assert words not in answer(in_danger("safety/urgent", level="E") | {"text": LOSS})["paragraphs"]


def test_an_answer_that_says_so_itself_does_not_say_it_twice():
    first, *_ = answer(understood("i can't stop crying since we lost our baby", support__emotional=0.99))["paragraphs"]
    assert first != load_speaker().renderer.frame.sympathy
