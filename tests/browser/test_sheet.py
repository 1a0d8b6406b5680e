"""Point 5, "My appointment sheet": what the visitor collects, to print or to copy; nothing is sent."""

import io

import pypdf
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE

ASKED = "What could each test change?"


@pytest.fixture
def collected(widget):
    """A sheet with one answer and one question."""
    widget.ask("can pcos cause miscarriage?")
    widget.button("Add to my sheet").click()
    sheet = widget.part("sheet")
    sheet.locator("#new").fill(ASKED)
    sheet.locator("#new").press("Enter")
    return widget


def test_answers_and_questions_are_collected_once_each(collected):
    collected.part("chat")
    collected.button("On your sheet").click()
    sheet = collected.part("sheet")
    assert sheet.locator("li.card").count() == 2
    expect(sheet).to_contain_text("PCOS (polycystic ovary syndrome)")
    expect(sheet).to_contain_text("From: Recurrent Miscarriage: Understanding the Causes and Navigating Next Steps")
    expect(sheet).to_contain_text(ASKED)
    expect(collected.root.locator("nav")).to_contain_text("My sheet (2)")


def test_a_question_without_an_answer_can_be_taken_along(widget):
    reply = widget.ask("how much does ivf cost?")
    assert reply.get_attribute("data-kind") in ("not_covered", "out_of_scope", "fallback")
    widget.button("Add my question to my sheet").click()
    expect(widget.part("sheet")).to_contain_text("how much does ivf cost?")


def test_what_is_on_the_sheet_can_be_taken_out(collected):
    sheet = collected.root.locator(".view.sheet")
    sheet.get_by_role("button", name=f"Take out: {ASKED}").click()
    expect(sheet).not_to_contain_text(ASKED)
    assert collected.focus() == "My appointment sheet"
    sheet.get_by_role("button", name="Take out: PCOS").click()
    expect(sheet).to_contain_text("No answers yet.")


def test_the_sheet_is_kept_in_the_tab_and_goes_with_the_chat(collected):
    collected.page.reload()
    expect(collected.part("sheet")).to_contain_text(ASKED)
    collected.part("chat")
    collected.button("Clear this chat").click()
    assert collected.part("sheet").locator("li.card").count() == 0


def test_nothing_of_the_sheet_is_sent(collected):
    collected.requests.clear()
    sheet = collected.root.locator(".view.sheet")
    sheet.locator("#new").fill("Another question")
    sheet.locator("#new").press("Enter")
    collected.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sheet.get_by_role("button", name="Copy").click()
    expect(sheet.get_by_role("status")).to_have_text("The sheet is copied.")
    assert collected.requests == []


def test_the_sheet_is_copied_as_plain_text_with_sources_and_frame(collected, renderer, clinic):
    collected.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    collected.root.locator(".view.sheet").get_by_role("button", name="Copy").click()
    text = collected.page.evaluate("navigator.clipboard.readText()")
    for part in ("My appointment sheet", clinic.phone, ASKED, "PCOS and pregnancy loss", "From: ",
                 renderer.frame.disclaimer, renderer.frame.emergency_line):  # fmt: skip
        assert part in text


def test_where_copying_is_not_allowed_printing_is_named_instead(collected):
    collected.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('no')); }")
    sheet = collected.root.locator(".view.sheet")
    sheet.get_by_role("button", name="Copy").click()
    expect(sheet.get_by_role("status")).to_have_text("It can't be copied here. You can print it.")


# On paper. Chromium prints to a PDF; its words are read from there.


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_printing_gives_the_sheet_alone(visit, on_paper, clinic, renderer, viewport):
    widget = visit(viewport=viewport)
    widget.choose("Tests")
    widget.button("Add to my sheet").click()
    widget.part("sheet")
    words = on_paper(widget)
    assert "My appointment sheet" in words
    assert clinic.phone in words
    assert "Tests after repeated losses" in words
    assert renderer.frame.disclaimer.split(".")[0] in words
    for other in ("Care after a loss", "Leave this page", "Take out", "Start over", "Your question", "What we look at"):
        assert other not in words


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_printing_a_chat_gives_what_was_said_alone(visit, on_paper, viewport):
    widget = visit(viewport=viewport)
    for subject in ("Tests", "Treatments", "Possible causes"):
        widget.choose(subject, widget.root.locator(".opening"))
    words = on_paper(widget)
    for title in ("Tests after repeated losses", "Treatments after repeated losses", "In an emergency call 911"):
        assert title in words
    for other in ("Care after a loss", "Leave this page", "Start over", "Add to my sheet", "You might also ask"):
        assert other not in words


def test_printing_the_site_while_the_widget_is_closed_gives_the_site(widget, on_paper):
    widget.button("Close").click()
    words = on_paper(widget)
    assert "Care after a loss" in words
    assert "Questions and answers" not in words


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_sheet_of_thirty_entries_is_printed_whole(visit, viewport):
    widget = visit(viewport=viewport)
    sheet = widget.part("sheet")
    asked = [f"Question number {i}: what would the result change for us?" for i in range(1, 31)]
    for question in asked:
        sheet.locator("#new").fill(question)
        sheet.locator("#new").press("Enter")
    expect(sheet.locator("li.card")).to_have_count(30)
    pages = pypdf.PdfReader(io.BytesIO(widget.page.pdf())).pages
    words = [" ".join(each.extract_text().split()) for each in pages]
    assert [question for question in asked if " ".join(words).count(question) != 1] == []
    assert 2 <= len(words) <= 4
    assert all(words)  # no empty sheet of paper


def test_a_chat_of_many_answers_is_printed_whole(visit, on_paper):
    widget = visit(viewport=PHONE)
    titles = []
    for subject in widget.root.locator(".opening").get_by_role("button").all_inner_texts():
        titles.append(widget.choose(subject, widget.root.locator(".opening")).locator("h3").inner_text())
    words = on_paper(widget)
    assert [title for title in titles if title not in words] == []
