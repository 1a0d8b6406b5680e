"""Find over HTTP, without the trained model: red flags first, nothing kept, nothing for staff on a patient's sheet."""

import logging
import re

import pytest
from sqlalchemy import event

from bot.answers import load_answers
from bot.paths import ANSWERS, DATA, ROOT
from bot.reply import CRISIS, URGENT
from bot.web.desk import find as module
from bot.yaml_files import read_yaml
from tests.desk import PASSWORDS, Visitor, plain

IDS = sorted(load_answers(ANSWERS))
PATIENT_IDS = [id for id in IDS if id not in (URGENT, CRISIS)]
FLAGS = [
    "soaking a pad every hour",
    "pt passed out and is bleeding",
    "caller says she wants to die",
    "he pushed me down the stairs",
]


def ask(visitor, text, **headers):
    """Type in the box, as the page's script sends it."""
    return visitor.post("/desk/find", json={"text": text}, headers=headers)


def ids(response) -> list[str]:
    return [entry["id"] for entry in response.json()["found"]]


# Red flags.


@pytest.mark.parametrize("text", FLAGS)
def test_a_red_flag_gives_the_staff_script_before_all_else(reading, renderer, clinic, text):
    found = ask(reading, text).json()
    assert found["found"][0]["id"] in (URGENT, CRISIS)
    said = " ".join(found["flag"]["lines"])
    assert clinic.emergency_number in said or clinic.crisis_line in said


def test_the_script_of_an_emergency_is_that_of_the_safety_rules(reading, clinic):
    (first, second) = ask(reading, FLAGS[0]).json()["flag"]["lines"]
    assert first == (
        f"Possible emergency. Tell the caller to call {clinic.emergency_number} now, or put them through to "
        f"{clinic.urgent_line} and stay until someone takes over."
    )
    assert second == "Do not give advice from this screen."


def test_shorthand_is_written_out_before_red_flags_are_looked_for(reading):
    assert ask(reading, "8 wks preg, bleeding since yday, passed out w/ abd pain").json()["flag"]
    assert ask(reading, "pt w/ cp and sob now").json()["flag"]


@pytest.mark.parametrize("text", FLAGS)
def test_a_red_flag_is_shown_also_when_the_search_fails(reading, monkeypatch, text):
    def fails(*args):
        raise ZeroDivisionError(text)

    monkeypatch.setattr(module.Finder, "find", fails)
    found = ask(reading, text).json()
    assert found["flag"]["lines"]
    assert found["found"] == []
    assert "can't be reached" in found["note"]


@pytest.mark.parametrize("text", FLAGS)
def test_a_red_flag_is_shown_also_to_whose_session_has_ended(visitor, text):
    response = ask(visitor, text)
    assert response.status_code == 401
    assert response.json()["flag"]["lines"]
    assert response.json()["found"] == []


def test_a_red_flag_is_shown_also_when_the_database_is_away(reading, monkeypatch):
    from bot.store.database import StoreFault

    def away(*args):
        raise StoreFault("The database is away")

    monkeypatch.setattr(module.Desk, "session", away)
    assert ask(reading, FLAGS[0]).json()["flag"]["lines"]


def test_a_red_flag_at_the_end_of_a_long_text_is_found(reading):
    text = "I would like to know more about the clinic. " * 60 + FLAGS[0]
    assert ask(reading, text).json()["flag"]


@pytest.mark.parametrize("text", ["what tests for APS", "pt w/ 3 SABs", "can stress cause miscarriage", "FVL", ""])
def test_an_ordinary_question_raises_no_alarm(reading, text):
    assert ask(reading, text).json()["flag"] is None


def test_bleeding_after_the_menopause_is_sent_to_a_doctor(reading):
    assert ask(reading, "I went through menopause and now I am bleeding").json()["visit"]


@pytest.mark.parametrize("text", FLAGS[2:])
def test_in_a_crisis_each_number_to_call_is_named(reading, clinic, text):
    said = " ".join(ask(reading, text).json()["flag"]["lines"])
    assert all(number in said for number in (clinic.emergency_number, clinic.crisis_line, clinic.dv_line))


# Finding, by words alone.


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("pcos", "causes/pcos"),
        ("thyroi", "causes/thyroid"),
        ("HSG", "tests/imaging"),
        ("FVL", "causes/clotting"),
        ("LAC", "tests/antiphospholipid"),
        ("book a consult", "clinic/consultation"),
        ("fibroid surgery", "treatments/fibroids"),
    ],
)
def test_words_parts_of_words_and_shorthand_find_the_answer(reading, text, answer):
    assert answer in ids(ask(reading, text))[:3]


@pytest.mark.parametrize("text", ["", "   ", "?!", "…", "-- OR 1=1", '" OR words MATCH "x', "a*b NEAR c", "zzzzqqq"])
def test_whatever_is_typed_the_search_answers(reading, text):
    response = ask(reading, text)
    assert response.status_code == 200
    assert isinstance(response.json()["found"], list)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'"text"', b"{", b'{"text": 1}', b"[" * 9000, b"x" * 20000])
def test_what_is_no_question_is_no_error_of_the_server(reading, content):
    response = reading.post("/desk/find", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 400)


def test_without_a_script_the_form_gives_a_page(reading):
    page = plain(reading.post("/desk/find", data={"text": "pcos"}).text)
    assert "PCOS and pregnancy loss" in page
    page = plain(reading.post("/desk/find", data={"text": FLAGS[0]}).text)
    assert "Possible emergency" in page
    signed_out = plain(Visitor(reading.app).post("/desk/find", data={"text": FLAGS[0]}).text)
    assert "Possible emergency" in signed_out
    assert "Get help now" not in signed_out  # no answer of the desk for whoever is not signed in


# Nothing kept.


def test_what_staff_type_is_in_no_log_no_address_and_no_database(reading, desk_app, caplog, monkeypatch):
    secret = "zebrafish wedding in Kyoto, pcos"
    statements = []
    engine = desk_app.state.desk_database._engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(str(args[2:4])))
    with caplog.at_level(logging.DEBUG):
        response = ask(reading, secret)
        ask(Visitor(reading.app), secret)
        monkeypatch.setattr(module.Finder, "find", lambda *args: 1 / 0)
        ask(reading, secret)
    assert "zebrafish" not in caplog.text + "".join(statements) + str(response.url) + response.text
    assert response.headers["cache-control"] == "no-store"


# The pages of the answers.


@pytest.mark.parametrize("id", IDS)
def test_each_answer_opens_with_what_to_say_and_has_staff_words_under_their_note(reading, answers, renderer, id):
    response = reading.get(f"/desk/answers/{id}")
    words = plain(response.text)
    assert response.status_code == 200
    for paragraph in renderer.reply(id)["paragraphs"]:
        assert plain(paragraph) in words
    note = renderer.frame.cautions["K5"]
    for staff in renderer.staff_notes(id):
        assert words.index(note) < words.rindex(plain(staff))  # the script of a call in danger stands at the top too
    assert str(answers[id].review_due) in words
    assert all(fact in words for fact in answers[id].fact_ids)


@pytest.mark.parametrize("id", PATIENT_IDS)
def test_nothing_for_staff_is_on_what_a_patient_gets(reading, answers, sources, renderer, id):
    sheet = plain(reading.get(f"/desk/answers/{id}/sheet").text)
    page = reading.get(f"/desk/answers/{id}").text
    copied = re.search(r'<pre id="plain" hidden>(.*?)</pre>', page, re.DOTALL)[1]
    mail = re.search(r'id="mail">(.*?)</div>', page, re.DOTALL)[1]
    reply = renderer.reply(id)
    for given in (sheet, plain(copied), plain(mail)):
        for words in (*reply["paragraphs"], reply["disclaimer"], reply["consultation"]["text"]):
            assert plain(words) in given
        assert all(source["heading"] in given for source in reply["sources"])
        for staff in (renderer.frame.cautions["K5"], *renderer.staff_notes(id)):
            assert plain(staff) not in given
        staff_errata = [sources.errata[e].staff for note in answers[id].staff for e in note.errata]
        assert not any(plain(each) in given for each in staff_errata if len(each) > 30)


def test_the_sheet_stands_under_the_clinic_s_name(reading, clinic):
    sheet = reading.get("/desk/answers/causes/pcos/sheet").text
    assert clinic.name in plain(sheet).partition("PCOS")[2]
    assert clinic.phone in sheet
    assert clinic.emergency_number in sheet


@pytest.mark.parametrize("id", [URGENT, CRISIS])
def test_in_danger_nothing_is_offered_to_send_or_print(reading, id):
    page = reading.get(f"/desk/answers/{id}").text
    assert 'class="alarm"' in page
    assert "copy-text" not in page
    assert reading.get(f"/desk/answers/{id}/sheet").status_code == 404


@pytest.mark.parametrize("path", ["causes/unheard_of", "meta", "../../clinic.yml", "causes/pcos/sheets", "%2e%2e/x"])
def test_an_answer_that_is_not_there_is_said_so(reading, path):
    assert reading.get(f"/desk/answers/{path}").status_code == 404


def test_staff_facts_are_marked_as_not_for_reading_out(reading, sources):
    words = reading.words("/desk/answers/tests/antiphospholipid")
    assert "not for reading out" in words
    assert "staff only" in words


def test_the_content_page_lists_every_answer(reading, answers):
    words = reading.words("/desk/content")
    assert all(id in words for id in answers)
    assert f"{len(answers)} answers" in words
    assert PASSWORDS["dana"] not in words


# The words.


def test_every_word_of_the_desk_is_shown_somewhere():
    """A name in data/desk.yml that nothing reads would be edited in vain."""
    folder = ROOT / "bot" / "web" / "desk"
    readers = " ".join(path.read_text() for kind in ("*.py", "*.html", "*.js") for path in folder.rglob(kind))
    names = set(names_in(read_yaml(DATA / "desk.yml", "desk")))
    facets = {id.partition("/")[0] for id in IDS}
    assert {name for name in names if not re.search(rf"\b{name}\b", readers)} - facets == set()


def names_in(words):
    for name, value in words.items():
        yield name
        if isinstance(value, dict):
            yield from names_in(value)
