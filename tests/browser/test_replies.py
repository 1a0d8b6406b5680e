"""Point 2: replies as the contract has them; urgent and crisis replies look and sound different."""

import pytest
from playwright.sync_api import expect

from tests.browser.widget import numbers

HEAVY, CRISIS = "I am soaking a pad every hour", "I want to kill myself"


def test_a_reply_has_its_title_words_sources_consultation_disclaimer_and_next_questions(widget, clinic):
    reply = widget.ask("can pcos cause miscarriage?")
    parts = reply.evaluate("card => [...card.children].map((e) => e.className || e.tagName)")
    assert parts == ["H3", "P", "P", "P", "DETAILS", "keep", "ways quiet", "visit", "quiet", "label", "choices"]
    booking = reply.get_by_role("link", name="Book a consultation")
    assert booking.get_attribute("href") == clinic.booking_url
    call = reply.locator(".visit .number")
    assert call.get_attribute("href") == f"tel:{numbers(clinic.phone)}"
    expect(reply.locator("> p.quiet")).to_contain_text("not medical advice")
    expect(reply.locator("> p.quiet")).to_be_visible()


def test_where_an_answer_comes_from_is_shown_on_request(widget):
    reply = widget.ask("can pcos cause miscarriage?")
    heading = reply.get_by_text("Hormonal Imbalances And Endocrine Conditions")
    expect(heading).to_be_hidden()
    reply.get_by_text("Where this comes from").click()
    expect(heading).to_be_visible()
    assert reply.locator("details a").count() == 2


def test_the_next_question_is_asked_by_its_button(widget):
    reply = widget.ask("can pcos cause miscarriage?")
    assert widget.choose("What is done about PCOS?", reply).locator("h3").inner_text() == "Treatment with PCOS"
    assert widget.questions.last.inner_text() == "What is done about PCOS?"


@pytest.mark.parametrize(
    ("text", "kind", "line"), [(HEAVY, "urgent", "emergency_number"), (CRISIS, "crisis", "crisis_line")]
)
def test_a_reply_in_danger_alerts_takes_the_focus_and_has_the_number_first(widget, clinic, text, kind, line):
    reply = widget.ask(text)
    assert reply.get_attribute("data-kind") == kind
    assert widget.alarm.get_attribute("role") == "alert"
    assert "Please read this first" in widget.focus()
    first = widget.alarm.get_by_role("link").first
    assert first.get_attribute("href") == f"tel:{numbers(getattr(clinic, line))}"
    assert first.inner_text() == f"Call {getattr(clinic, line)}"
    assert first.bounding_box()["height"] >= 44
    expect(first).to_be_in_viewport()


def test_a_reply_in_danger_looks_different_and_not_by_colour_alone(widget):
    plain = widget.choose("Tests")
    urgent = widget.ask(HEAVY)
    look = "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.borderInlineStartWidth] }"
    assert all(a != b for a, b in zip(plain.evaluate(look), urgent.evaluate(look), strict=True))
    expect(urgent.locator(".first")).to_be_visible()


def test_a_crisis_line_can_be_called_and_texted_alike(widget, clinic):
    reply = widget.ask(CRISIS)
    ways = reply.locator(".calls a")
    assert [way.get_attribute("href") for way in ways.all()][:2] == [
        f"tel:{numbers(clinic.crisis_line)}",
        f"sms:{numbers(clinic.crisis_text)}",
    ]
    assert len({way.evaluate("e => getComputedStyle(e).backgroundColor") for way in ways.all()}) == 1


def test_the_consultation_and_disclaimer_come_last_in_danger(widget):
    reply = widget.ask(HEAVY)
    parts = reply.evaluate("card => [...card.children].map((e) => e.className)")
    assert parts[0] == "alarm"
    assert parts[-2:] == ["visit", "quiet"]


def test_the_numbers_in_the_words_are_links_that_call(widget, clinic):
    reply = widget.ask(HEAVY)
    assert reply.locator("p .number").first.get_attribute("href") == f"tel:{clinic.emergency_number}"


def test_which_of_these_is_meant_is_asked_with_buttons_before_the_frame(widget):
    reply = widget.ask("thyroid?")
    assert reply.get_attribute("data-kind") == "choice"
    assert reply.locator(".choice").last.inner_text() == "None of these"
    parts = reply.evaluate("card => [...card.children].map((e) => e.className || e.tagName)")
    assert parts.index("choices") < parts.index("visit")


def test_two_questions_in_one_message_get_two_answers(widget):
    widget.box.fill("can pcos cause miscarriage and how is a septum treated?")
    widget.box.press("Enter")
    expect(widget.replies).to_have_count(2)
