"""Point 1: a visitor is led, and can go on without typing."""

import pytest
from playwright.sync_api import expect

from bot.paths import DATA
from bot.yaml_files import read_yaml
from tests.browser.conftest import PHONE

SUBJECTS = read_yaml(DATA / "page.yml", "page")["widget"]["subjects"]


def test_it_opens_with_a_calm_sentence_what_it_can_do_the_subjects_and_a_box(widget):
    opening = widget.root.locator(".opening")
    assert opening.locator("p").first.inner_text() == "If you are here because of a loss, we are sorry."
    assert "computer program" in opening.inner_text()
    assert opening.get_by_role("button").all_inner_texts() == list(SUBJECTS.values())
    expect(widget.box).to_be_editable()


def test_each_subject_opens_its_answer_with_two_to_four_next_questions(widget):
    for subject in SUBJECTS.values():
        reply = widget.choose(subject, widget.root.locator(".opening"))
        expect(reply.locator("h3")).not_to_be_empty()
        assert 2 <= reply.locator(".choice").count() <= 4, subject


def test_one_can_go_on_by_buttons_alone(widget):
    reply = widget.choose("Possible causes")
    for _ in range(4):
        reply = widget.choose(reply.locator(".choice").first.inner_text(), reply)
    assert widget.questions.count() == 5


def test_starting_over_offers_the_subjects_anew_and_forgets_what_was_meant(widget):
    widget.ask("can pcos cause miscarriage?")
    widget.button("Start over").click()
    assert widget.root.locator(".opening").count() == 2
    expect(widget.status).to_contain_text("new subject")
    follow_up = widget.ask("how is that treated?")  # "that" is nothing now
    assert "PCOS" not in follow_up.locator("h3").inner_text()


def test_starting_over_in_danger_keeps_the_number_in_view(widget, clinic):
    widget.ask("I am soaking a pad every hour")
    widget.button("Start over").click()
    reply = widget.choose("Tests", widget.root.locator(".opening").last)
    expect(reply.locator("p").first).to_contain_text(clinic.emergency_number)


def test_a_chat_that_goes_on_after_a_reload_shows_its_last_message(widget):
    for question in ("can pcos cause miscarriage?", "and fibroids?", "what tests are there"):
        widget.ask(question)
    widget.page.reload()
    expect(widget.replies.last.locator("h3")).to_be_in_viewport()


def test_a_word_without_an_end_stays_on_the_screen(visit):
    widget = visit(viewport={"width": 360, "height": 740})
    widget.ask("w" * 300)
    assert widget.log.evaluate("log => log.scrollWidth <= log.clientWidth")
    box = widget.questions.last.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


def test_every_answer_can_be_browsed_by_subject_without_typing(widget, product):
    listed = widget.page.request.get("/api/answers").json()["answers"]
    titles = {each["title"] for each in listed if not each["answer"].startswith(("meta/", "safety/"))}
    browse = widget.part("answers")
    assert set(browse.locator("summary").all_inner_texts()) == set(SUBJECTS.values())
    for summary in browse.locator("summary").all():
        summary.click()
    assert set(browse.locator(".choice").all_inner_texts()) == titles
    reply = widget.choose("PCOS and pregnancy loss", browse)
    expect(reply).to_be_visible()  # the chat is in view again
    expect(reply.locator("h3")).to_have_text("PCOS and pregnancy loss")


def test_a_question_in_ones_own_words_is_answered(widget):
    assert widget.ask("can pcos cause miscarriage?").locator("h3").inner_text() == "PCOS and pregnancy loss"
    assert widget.box.input_value() == ""


def test_shift_and_enter_make_a_new_line_and_enter_sends(widget):
    widget.box.type("one")
    widget.box.press("Shift+Enter")
    widget.box.type("two")
    assert widget.box.input_value() == "one\ntwo"
    assert widget.questions.count() == 0


def test_an_empty_box_is_said_to_be_empty(widget):
    widget.button("Send").click()
    expect(widget.status).to_have_text("Please type your question first.")
    assert widget.focus() == "text"


def test_a_text_that_is_too_long_is_told_and_kept(widget):
    widget.box.fill("a" * 1_200)
    widget.box.press("Enter")
    expect(widget.root.get_by_role("alert")).to_contain_text("Please use 1000 characters or fewer.")
    assert len(widget.box.input_value()) == 1_200


def test_a_long_paste_is_told_kept_and_shown_whole(visit):
    widget = visit(viewport=PHONE)
    long = ("my story 💔 " * 455).strip()  # 5,000 characters
    widget.box.fill(long)
    widget.box.press("Enter")
    alert = widget.root.get_by_role("alert")
    expect(alert).to_contain_text("Your question is still in the box.")
    expect(alert).to_be_in_viewport()
    assert widget.box.input_value() == long
    expect(widget.button("Send")).to_be_in_viewport()
    widget.box.fill("can pcos cause miscarriage?")
    widget.box.press("Enter")
    expect(widget.replies).to_have_count(1)
    assert alert.count() == 0


def test_the_answer_to_a_long_question_is_in_view(visit):
    widget = visit(viewport=PHONE)
    reply = widget.ask("can pcos cause miscarriage? " + "I ask because my sister has it too. " * 26)
    expect(reply.locator("h3, p").first).to_be_in_viewport()


@pytest.mark.parametrize(
    "words",
    ["can pcos cause miscarriage? 💔👩‍👩‍👧", "🙏🏽", "شكرا 💔 can pcos cause miscarriage?", "\u202ecan pcos\u202c"],
)
def test_emoji_and_other_directions_are_shown_as_typed_and_answered(widget, words):
    assert widget.ask(words).is_visible()
    assert widget.questions.last.inner_text() == words


def test_a_double_click_asks_once(widget):
    turns = []
    widget.page.on("request", lambda request: turns.append(request) if request.url.endswith("/api/chat") else None)
    widget.button("Tests").dblclick(delay=80)
    expect(widget.replies).to_have_count(1)
    widget.box.fill("I am soaking a pad every hour")
    widget.button("Send").dblclick(delay=80)
    expect(widget.replies).to_have_count(2)
    widget.page.wait_for_timeout(2_000)
    assert (len(turns), widget.questions.count()) == (2, 2)
    assert "Please read this first" in widget.focus()  # not the box, for want of a text
    assert widget.status.inner_text() == ""


def test_a_key_that_is_held_asks_once(widget):
    widget.box.fill("can pcos cause miscarriage?")
    for _ in range(12):
        widget.page.keyboard.down("Enter")
        widget.page.wait_for_timeout(30)
    widget.page.keyboard.up("Enter")
    expect(widget.replies).to_have_count(1)
    assert (widget.questions.count(), widget.box.input_value(), widget.status.inner_text()) == (1, "", "")
