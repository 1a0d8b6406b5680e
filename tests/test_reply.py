"""The one renderer: every reply of every kind carries its frame, and says only what a visitor may read."""

import json

import pytest

from bot.answers import KIND_BY_ID, load_answers
from bot.checks import FACETS_WITH_SOURCES
from bot.clinic import PHONES
from bot.paths import ANSWERS, DATA
from bot.reply import SAFETY_KINDS, Renderer, as_text, payload
from bot.sources import NOT_USED, STAFF_ONLY
from bot.wording import load_wording

RECORDS = load_answers(ANSWERS)
IDS = sorted(RECORDS)
WORDINGS = [(id, variant) for id in IDS for variant in (None, *RECORDS[id].variants)]
SAFETY_WORDINGS = [(id, variant) for id, variant in WORDINGS if id in ("safety/urgent", "safety/crisis")]


def say(renderer, id, variant=None, **options):
    """Return the reply; an urgent one always has a level."""
    level = "E" if id == "safety/urgent" else None
    return renderer.reply(id, **{"variant": variant, "level": level, **options})


@pytest.fixture(scope="module")
def wording():
    return load_wording(DATA / "wording.yml")


# The frame.


@pytest.mark.parametrize(("id", "variant"), WORDINGS)
def test_every_answer_carries_the_disclaimer_and_the_consultation(renderer, keeps_the_contract, clinic, id, variant):
    reply = say(renderer, id, variant)
    keeps_the_contract(reply)
    assert reply["answer"] == id
    assert (reply["consultation"]["url"], reply["consultation"]["phone"]) == (clinic.booking_url, clinic.phone)
    text = as_text(reply)
    assert reply["disclaimer"] in text
    assert reply["consultation"]["text"] in text
    assert clinic.booking_url in text


def test_a_question_back_carries_the_frame(renderer, keeps_the_contract):
    keeps_the_contract(renderer.choice(["causes/pcos", "tests/hormones"], 0.3))


def test_the_reply_when_nothing_works_carries_the_frame(renderer, keeps_the_contract):
    keeps_the_contract(renderer.unavailable())


@pytest.mark.parametrize(("id", "variant"), SAFETY_WORDINGS)
def test_after_a_safety_reply_the_frame_speaks_of_afterwards(renderer, id, variant):
    reply, frame = say(renderer, id, variant), renderer.frame
    assert reply["disclaimer"] == frame.disclaimer_safety != frame.disclaimer
    assert reply["consultation"]["text"] == frame.consultation_after_safety != frame.consultation


@pytest.mark.parametrize(("id", "variant"), SAFETY_WORDINGS)
def test_in_a_safety_reply_the_number_to_call_stands_before_the_frame(renderer, clinic, id, variant):
    reply = say(renderer, id, variant)
    text = as_text(reply)
    lines = (clinic.emergency_number, clinic.urgent_line, clinic.crisis_line, clinic.dv_line)
    first = min(text.index(line) for line in lines if line in text)
    assert first < text.index(reply["disclaimer"]) < text.index(reply["consultation"]["text"])


@pytest.mark.parametrize("variant", [None, *RECORDS["safety/urgent"].variants])
def test_an_urgent_reply_gives_a_number_in_its_first_paragraph(renderer, clinic, variant):
    first = say(renderer, "safety/urgent", variant)["paragraphs"][0]
    assert clinic.emergency_number in first or clinic.urgent_line in first


@pytest.mark.parametrize(("id", "variant"), SAFETY_WORDINGS)
def test_a_safety_reply_offers_nothing_to_read_as_the_way_out(renderer, id, variant):
    reply = say(renderer, id, variant)
    first = [button["choice"] for button in reply["next"]][:-1]  # the last is for who is in no danger
    assert set(first) <= {"safety/urgent", "meta/thanks"}
    assert reply["sources"] == []


def test_the_emergency_line_comes_first_when_nothing_works(renderer, clinic):
    reply = renderer.unavailable()
    assert reply["kind"] == "unavailable"
    assert clinic.emergency_number in reply["paragraphs"][0]
    assert clinic.phone in " ".join(reply["paragraphs"])


# What a reply is made of.


@pytest.mark.parametrize("id", [id for id in IDS if id.startswith(FACETS_WITH_SOURCES)])
def test_an_answer_from_the_documents_shows_its_sources(renderer, sources, id):
    shown = say(renderer, id)["sources"]
    assert shown
    cited = [sources.facts[fact] for fact in RECORDS[id].fact_ids]
    keys = {letter: document.key for letter, document in sources.documents.items()}
    assert {(source["document"], source["heading"]) for source in shown} == {
        (keys[fact.document], fact.heading) for fact in cited
    }


def test_a_source_has_the_link_that_the_clinic_gives_for_its_document(renderer, clinic):
    links = {source["document"]: source["url"] for id in IDS for source in say(renderer, id)["sources"]}
    assert links == {"rosh": clinic.rosh_url, "encyclopedia": clinic.encyclopedia_url}


@pytest.mark.parametrize("id", IDS)
def test_a_reply_has_the_kind_and_the_buttons_of_its_record(renderer, answers, id):
    reply = say(renderer, id)
    assert reply["kind"] == KIND_BY_ID.get(id, "answer")
    if reply["kind"] not in SAFETY_KINDS:
        assert [button["choice"] for button in reply["next"]] == list(answers[id].next)
        assert all(button["label"] == answers[button["choice"]].question for button in reply["next"])


def test_an_unknown_answer_has_no_reply(renderer):
    with pytest.raises(KeyError):
        renderer.reply("causes/unheard_of")


def test_a_variant_is_said_in_its_own_words(renderer):
    said = {
        tuple(say(renderer, "safety/urgent", variant)["paragraphs"]) for variant in RECORDS["safety/urgent"].variants
    }
    assert len(said) == len(RECORDS["safety/urgent"].variants)


def test_a_variant_that_a_record_does_not_have_falls_to_its_first_wording(renderer):
    assert say(renderer, "safety/urgent", "unheard_of") == say(renderer, "safety/urgent")


def test_danger_to_body_and_mind_is_one_reply_with_the_body_first(renderer):
    both = say(renderer, "safety/urgent", also_crisis="violence")
    urgent, crisis = say(renderer, "safety/urgent"), say(renderer, "safety/crisis", "violence")
    assert both["answer"] == "safety/urgent"
    assert both["paragraphs"] == urgent["paragraphs"] + crisis["paragraphs"]


def test_the_number_to_call_is_not_said_twice_over(renderer):
    both = say(renderer, "safety/urgent", also_crisis="emergency_first")["paragraphs"]
    to_call = say(renderer, "safety/crisis", "emergency_first")["paragraphs"][0]
    assert both[0].startswith(to_call)
    assert to_call not in both


def test_the_level_and_the_confidence_are_passed_on(renderer):
    assert say(renderer, "safety/urgent", level="D")["level"] == "D"
    assert say(renderer, "causes/pcos", confidence=0.123456)["confidence"] == 0.1235
    assert say(renderer, "causes/pcos")["confidence"] == 1  # a choice or a rule


def test_an_urgent_reply_has_a_level_also_where_nobody_gave_one(renderer):
    """As when the button is tapped, or the classifier alone decides; the higher level is the safe one."""
    assert renderer.reply("safety/urgent")["level"] == "E"


def test_a_question_back_offers_each_answer_by_title_and_none_of_these(renderer, answers):
    reply = renderer.choice(["causes/pcos", "tests/hormones"], 0.3)
    assert (reply["kind"], reply["answer"], reply["confidence"]) == ("choice", "meta/fallback", 0.3)
    assert reply["next"] == [
        {"label": answers["causes/pcos"].title, "choice": "causes/pcos"},
        {"label": answers["tests/hormones"].title, "choice": "tests/hormones"},
        {"label": answers.frame.none_of_these, "choice": "meta/fallback"},
    ]


# The note on the reference entry.


def test_the_note_is_due_where_only_the_reference_entry_is_cited(renderer, sources):
    for id, answer in RECORDS.items():
        documents = {sources.facts[fact].document for fact in answer.fact_ids}
        assert renderer.needs_entry_note(id) == (documents == {"E"}), id


def test_the_note_comes_last_and_only_when_asked_for(renderer, answers):
    plain = say(renderer, "causes/pcos")["paragraphs"]
    assert say(renderer, "causes/pcos", entry_note=True)["paragraphs"] == [*plain, answers.frame.cautions["K1"]]


# What a visitor may read.


def words_of(reply) -> list[str]:
    """Return all that a visitor reads of a reply, piece by piece."""
    labels = [button["label"] for button in reply["next"]]
    consultation = [reply["consultation"]["text"], reply["consultation"]["label"]]
    return [reply["title"], *reply["paragraphs"], *labels, reply["disclaimer"], *consultation]


@pytest.mark.parametrize(("id", "variant"), WORDINGS)
def test_no_visitor_reads_a_blocked_pattern(renderer, wording, id, variant):
    said = words_of(say(renderer, id, variant, entry_note=True))
    assert [words for text in said for words, _ in wording.offences(text, id)] == []


@pytest.mark.parametrize(("id", "variant"), WORDINGS)
def test_no_visitor_reads_what_is_for_staff_only(renderer, sources, id, variant):
    answer = RECORDS[id]
    paragraphs = answer.variants[variant] if variant else answer.visitor
    cited = [sources.facts[fact] for paragraph in paragraphs for fact in paragraph.facts]
    assert [fact.id for fact in cited if fact.audience in (STAFF_ONLY, NOT_USED)] == []
    said = json.dumps(say(renderer, id, variant))
    withheld = [fact.text for fact in sources.facts.values() if fact.audience == STAFF_ONLY]
    assert [text for text in (*withheld, *(note.text for note in answer.staff)) if text in said] == []


@pytest.mark.parametrize(("id", "variant"), WORDINGS)
def test_no_name_in_braces_is_left_unfilled(renderer, id, variant):
    assert "{" not in "".join(words_of(say(renderer, id, variant, entry_note=True)))


def test_links_and_numbers_come_from_the_settings_alone(answers, sources, clinic):
    lines = tuple(name for name in PHONES if getattr(clinic, name))
    links = ("booking_url", "rosh_url", "encyclopedia_url")
    other = clinic.model_copy(
        update={"name": "Another Clinic"}
        | {line: f"555-000-{number}" for number, line in enumerate(lines)}
        | {link: f"https://other.example/{link}" for link in links}
    )
    renderer = Renderer(answers, sources, other)
    replies = [renderer.unavailable(), *(say(renderer, id, variant) for id, variant in WORDINGS)]
    said = json.dumps([*replies, renderer.frame.model_dump()])
    for setting in ("name", *lines, *links):
        assert getattr(clinic, setting) not in said, setting


# Plain text, for any Rasa channel.


@pytest.mark.parametrize(("id", "variant"), WORDINGS)
def test_a_plain_text_is_one_message(renderer, id, variant):
    assert "\n\n" not in as_text(say(renderer, id, variant))  # Rasa would cut it in two there


def test_a_plain_text_ends_with_sources_disclaimer_and_consultation_in_this_order(renderer, clinic):
    reply = say(renderer, "causes/pcos")
    text = as_text(reply)
    order = [
        reply["title"],
        *reply["paragraphs"],
        *(source["heading"] for source in reply["sources"][:1]),
        reply["disclaimer"],
        reply["consultation"]["text"],
        clinic.phone,
    ]
    places = [text.rindex(words) for words in order]
    assert places == sorted(places)


def test_a_button_asks_rasa_for_its_answer():
    assert payload("tests/pcos") == '/tests{"topic": "pcos"}'


def test_the_words_of_the_frame_are_filled_from_the_settings(renderer, answers, clinic):
    assert "{" in answers.frame.emergency_line
    assert clinic.emergency_number in renderer.frame.emergency_line
    assert clinic.emergency_number in renderer.frame.cautions["K6"]
