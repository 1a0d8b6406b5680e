"""Point 7: "did this help?" counts a tap and no text; a question goes to the clinic redacted, shown first, on a tap."""

import sqlite3
from collections.abc import Sequence

import pytest
from playwright.sync_api import Response, expect

from bot.paths import DATA
from bot.yaml_files import read_yaml
from tests.browser.test_replies import CRISIS, HEAVY

NOTICES = read_yaml(DATA / "page.yml", "page")["questions"]
NAME = "Zanzibar Quillfeather"
HELPED = "Did this help?"
UNANSWERED = "how much does ivf cost?"


def is_sent_to(name: str):
    return lambda response: f"/api/{name}" in response.url and response.request.method == "POST"


def rows(product, query: str) -> Sequence[tuple]:
    """Return what the product's own database holds."""
    with sqlite3.connect(product.database.removeprefix("sqlite:///")) as database:
        return database.execute(query).fetchall()


def helped(product) -> int:
    return rows(product, "SELECT coalesce(sum(taps), 0) FROM feedback_counts WHERE answer = 'causes/pcos' AND helpful")[
        0
    ][0]


def test_a_tap_on_whether_an_answer_helped_is_counted_and_sends_no_text(widget, product):
    before = helped(product)
    reply = widget.ask(f"my name is {NAME}, can pcos cause miscarriage?")
    asked = reply.get_by_role("group", name=HELPED)
    with widget.page.expect_response(is_sent_to("feedback")) as tap:
        widget.button("Yes", asked).click()
    assert tap.value.status == 204
    sent = tap.value.request.post_data_json
    assert (set(sent), sent["answer"], sent["helpful"]) == ({"conversation", "answer", "helpful"}, "causes/pcos", True)
    expect(asked).to_have_text("Thank you.")
    assert widget.focus() == "Thank you."
    product.wait(lambda: helped(product) == before + 1, 20)


@pytest.mark.parametrize("text", [HEAVY, CRISIS, "i feel so alone since my loss", "thyroid?", "hello"])
def test_whether_it_helped_is_not_asked_after_safety_grief_or_what_is_no_answer(widget, text):
    assert widget.ask(text).get_by_role("group", name=HELPED).count() == 0


def test_whether_it_helped_is_not_asked_in_a_chat_that_was_in_danger(widget):
    widget.ask(HEAVY)
    assert widget.ask("can pcos cause miscarriage?").get_by_role("group", name=HELPED).count() == 0


def kept(product) -> list[str]:
    return [text for (text,) in rows(product, "SELECT text FROM questions")]


def test_a_question_is_shown_redacted_before_it_is_sent_and_what_happens_with_it_is_said(widget, product):
    text = f"my name is {NAME}, {UNANSWERED}"
    reply = widget.ask(text)
    assert reply.get_attribute("data-kind") in ("not_covered", "fallback")
    with widget.page.expect_response(is_sent_to("questions")) as preview:
        widget.button("Send this question to the clinic", reply).click()
    assert preview.value.url.endswith("?preview=1")
    shown = reply.locator("q")
    expect(shown).to_contain_text(UNANSWERED)
    assert NAME.split()[1] not in reply.inner_text()
    expect(reply).to_contain_text(NOTICES["preview"].split(".")[0])
    words = shown.inner_text()
    assert words not in kept(product)  # nothing before the second tap
    with widget.page.expect_response(is_sent_to("questions")) as sending:
        widget.button("Send it as shown", reply).click()
    assert sending.value.status == 200
    expect(reply).to_contain_text(NOTICES["sent"].split(".")[0])
    assert kept(product).count(words) == 1


@pytest.mark.parametrize("text", ["can pcos cause miscarriage?", HEAVY, "what is the capital of France?"])
def test_only_a_question_that_the_documents_do_not_answer_can_be_sent(widget, text):
    assert widget.ask(text).get_by_role("button", name="Send this question").count() == 0


def test_a_question_that_could_not_be_sent_is_said_and_can_be_sent_again(widget):
    reply = widget.ask(UNANSWERED)
    widget.page.route("**/api/questions*", lambda route: route.abort(), times=1)
    widget.button("Send this question to the clinic", reply).click()
    expect(reply).to_contain_text("That could not be sent.")
    widget.button("Send this question to the clinic", reply).click()
    expect(reply.locator("q")).to_be_visible()


def test_a_double_click_does_not_send_what_was_not_read(widget):
    sent: list[Response] = []
    widget.page.on("response", lambda response: sent.append(response) if is_sent_to("questions")(response) else None)
    reply = widget.ask(UNANSWERED)
    widget.button("Send this question to the clinic", reply).dblclick(delay=60)
    expect(reply.locator("q")).to_be_visible()
    widget.page.wait_for_timeout(300)
    assert [response.url.endswith("?preview=1") for response in sent] == [True]
