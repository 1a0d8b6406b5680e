"""Point 8: the page at / looks like a clinic's own, with the widget open on it."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_widget_is_open_on_a_page_of_the_clinic(visit, clinic, viewport):
    widget = visit(viewport=viewport)
    expect(widget.root.locator(".opening")).to_be_visible()
    widget.button("Close").click()
    expect(widget.page.get_by_role("heading", level=1)).to_be_visible()
    assert widget.page.get_by_role("link", name="Book a consultation").first.get_attribute("href") == clinic.booking_url
    assert widget.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert widget.violations() == []


def test_the_words_of_the_page_are_not_under_the_open_widget(widget):
    edge = widget.panel.bounding_box()["x"]
    words = widget.page.locator("h1, main p:not(.notice), main li, .notices p").all()
    boxes = [box for each in words if (box := each.bounding_box())]
    assert [box for box in boxes if box["x"] + box["width"] > edge + 1] == []


def test_a_widget_that_was_closed_stays_closed_on_the_next_page(widget):
    widget.button("Close").click()
    widget.page.reload()
    expect(widget.launcher).to_be_visible()
    expect(widget.root.locator("dialog")).to_have_count(0)


def test_without_scripts_the_numbers_are_there(visit, clinic):
    widget = visit(wait=False, java_script_enabled=False)
    expect(widget.page.locator(f'a[href="tel:{clinic.emergency_number}"]').first).to_be_visible()
    expect(widget.page.get_by_text("If it does not open, call")).to_be_visible()
