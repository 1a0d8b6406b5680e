"""Point 3: safe without a server. The number to call is always in view; words are kept; choices are still answered."""

import pytest
from playwright.sync_api import expect

from bot.paths import DATA
from bot.yaml_files import read_yaml
from tests.browser.conftest import PHONE, rasa_of
from tests.browser.widget import is_chat, numbers
from tests.product import free_port

QUESTION, TESTS = "what tests are done?", "Tests after repeated losses"
PHRASES = read_yaml(DATA / "page.yml", "page")["phrases"]


@pytest.fixture
def offline(widget):
    """The demonstration page after the connection was lost, with the copy of the answers in the tab."""
    with widget.page.expect_response("**/api/answers"):
        widget.page.reload()
    widget.page.wait_for_load_state("networkidle")
    widget.page.context.set_offline(True)
    return widget


def send(widget, text):
    widget.box.fill(text)
    widget.box.press("Enter")


def test_the_number_to_call_and_the_way_out_are_in_view_on_every_part(visit, clinic):
    widget = visit(viewport=PHONE)
    call = widget.root.locator(".safety .number")
    assert call.get_attribute("href") == f"tel:{clinic.emergency_number}"
    for part in ("answers", "sheet", "chat"):
        widget.part(part)
        expect(call).to_be_in_viewport()
        expect(widget.root.locator(".leave")).to_be_in_viewport()


def test_a_lost_connection_is_said_and_the_words_are_kept(offline, renderer):
    send(offline, QUESTION)
    alert = offline.root.get_by_role("alert")
    expect(alert).to_contain_text("offline")
    expect(alert).to_contain_text(renderer.frame.emergency_line)
    assert offline.box.input_value() == QUESTION
    offline.page.context.set_offline(False)


def test_the_question_is_sent_by_itself_when_the_connection_is_back(offline):
    send(offline, QUESTION)
    expect(offline.root.get_by_role("alert")).to_be_visible()
    offline.page.context.set_offline(False)
    offline.page.evaluate("dispatchEvent(new Event('online'))")  # Playwright's switch does not tell the page
    expect(offline.replies.last.locator("h3")).to_have_text(TESTS)
    assert offline.root.locator("[data-kind=error]").count() == 0
    assert (offline.questions.count(), offline.box.input_value()) == (1, "")


def test_it_is_tried_again_without_being_asked(widget):
    widget.page.route("**/api/chat", lambda route: route.abort(), times=1)
    send(widget, QUESTION)
    expect(widget.root.get_by_role("alert")).to_be_visible()
    expect(widget.replies.last.locator("h3")).to_have_text(TESTS, timeout=6_000)


def test_whom_to_call_stands_where_no_answer_comes(offline, clinic):
    send(offline, QUESTION)
    alert = offline.root.get_by_role("alert")
    for number in (clinic.emergency_number, clinic.crisis_line, clinic.phone):
        expect(alert.get_by_role("link", name=number).first).to_be_visible()


def test_a_menu_choice_is_answered_from_the_copy_in_the_tab(offline):
    reply = offline.choose("Treatments")
    expect(reply).to_contain_text("This answer is a copy kept in this tab.")
    assert reply.locator("details, .visit, .choice").count() >= 4
    again = offline.choose(reply.locator(".choice").first.inner_text(), reply)
    expect(again.locator("h3")).not_to_be_empty()
    offline.page.context.set_offline(False)


def test_all_answers_can_be_read_while_offline(offline):
    send(offline, QUESTION)
    offline.part("answers")
    offline.root.locator("summary", has_text="Tests").click()
    reply = offline.choose("Checking the cervix")
    expect(reply).to_be_visible()
    offline.page.context.set_offline(False)


def test_answers_that_could_not_be_loaded_are_loaded_on_request(visit):
    widget = visit(wait=False)
    widget.page.route("**/api/answers", lambda route: route.abort())
    widget.page.reload()
    browse = widget.part("answers")
    expect(browse.get_by_role("alert")).to_be_visible()
    widget.page.unroute("**/api/answers")
    widget.errors.clear()  # the load that was broken on purpose
    browse.get_by_role("button", name="Try again").click()
    expect(browse.locator("summary").first).to_be_visible()


def test_a_bot_that_is_starting_or_down_is_said_and_tried_again(visit, broken_door, host):
    """The front server works, what stands behind it does not."""
    widget = visit(broken_door)
    send(widget, QUESTION)
    alert = widget.root.get_by_role("alert")
    expect(alert).to_contain_text("I can't look up an answer right now.")
    expect(alert.locator(".number").first).to_be_visible()
    assert widget.box.input_value() == QUESTION
    with widget.page.expect_response(is_chat, timeout=6_000):
        pass  # by itself
    assert widget.root.locator("[data-kind=error]").count() == 1


def test_a_menu_choice_is_answered_while_the_bot_is_down(visit, broken_door):
    widget = visit(broken_door)
    widget.page.wait_for_load_state("networkidle")
    expect(widget.choose("Tests")).to_contain_text("This answer is a copy kept in this tab.")


@pytest.mark.parametrize("id", PHRASES)
def test_the_phrases_of_danger_fire_in_the_browser(offline, id):
    text = f"Please, {PHRASES[id][0].upper()}, what now?"
    send(offline, text)
    expect(offline.alarm).to_have_count(1)
    assert offline.alarm.get_attribute("role") == "alert"
    assert "Please read this first" in offline.focus()
    kind = id.removeprefix("safety/")
    expect(offline.root.locator(f"[data-kind={kind}]")).to_be_visible()
    assert offline.box.input_value() == text
    offline.page.context.set_offline(False)


def test_every_phrase_fires_in_the_browser(widget):
    """The same words as the server's list, in the code of the browser."""
    found = {}
    for id, phrases in PHRASES.items():
        for phrase in phrases:
            widget.page.route("**/api/chat", lambda route: route.abort())
            widget.button("Clear this chat").click()
            send(widget, phrase)
            widget.alarm.wait_for()
            found[phrase] = widget.alarm.evaluate("e => e.parentElement.dataset.kind") == id.removeprefix("safety/")
    assert all(found.values()), found


def test_a_slow_server_does_not_hold_back_the_number_to_call(widget, clinic):
    widget.page.route("**/api/chat", lambda route: None)  # never answered
    send(widget, "I am bleeding heavily")
    expect(widget.alarm).to_be_visible(timeout=3_000)
    call = widget.alarm.get_by_role("link").first
    assert call.get_attribute("href") == f"tel:{numbers(clinic.emergency_number)}"


def test_nothing_of_danger_comes_up_in_a_chat_that_was_cleared(widget):
    widget.page.route("**/api/chat", lambda route: None)  # never answered
    send(widget, "I want to die")
    widget.button("Clear this chat").click()
    widget.page.wait_for_timeout(2_300)
    assert widget.alarm.count() == 0


def test_what_the_server_says_of_danger_takes_the_place_of_what_the_browser_said(widget):
    held = []
    widget.page.route("**/api/chat", lambda route: held.append(route))
    send(widget, "my wife passed out")
    expect(widget.alarm).to_be_visible(timeout=3_000)
    assert "stay with them" not in widget.alarm.inner_text()
    held[0].continue_()
    expect(widget.alarm).to_contain_text("stay with them")
    assert widget.alarm.count() == 1


def test_words_that_are_no_danger_fire_nothing(offline):
    send(offline, "what does light bleeding mean?")
    expect(offline.root.locator("[data-kind=error]")).to_be_visible()
    assert offline.alarm.count() == 0
    offline.page.context.set_offline(False)


def test_it_is_tried_again_for_as_long_as_it_takes(widget):
    """The clock of the page is put forward by some minutes."""
    widget.page.clock.install()
    widget.page.reload()
    tried = []
    widget.page.route("**/api/chat", lambda route: (tried.append(route), route.abort()))
    send(widget, QUESTION)
    expect(widget.root.get_by_role("alert")).to_be_visible()
    for _ in range(40):
        widget.page.clock.fast_forward(30_000)
        widget.page.wait_for_timeout(100)
        if len(tried) > 6:
            break
    assert len(tried) > 6
    assert widget.root.get_by_role("alert").count() == 1
    widget.page.unroute_all()
    widget.page.clock.fast_forward(61_000)
    expect(widget.replies.last.locator("h3")).to_have_text(TESTS)


def test_a_menu_choice_is_answered_from_a_copy_that_came_late(visit):
    """The copy could not be loaded when the chat was opened."""
    widget = visit(wait=False)
    widget.page.route("**/api/answers", lambda route: route.abort(), times=1)
    widget.page.reload()
    widget.page.wait_for_load_state("networkidle")
    widget.errors.clear()  # the load that was broken on purpose
    widget.page.route("**/api/chat", lambda route: route.abort())
    expect(widget.choose("Tests")).to_contain_text("This answer is a copy kept in this tab.")


def test_a_choice_without_any_copy_is_said_to_fail_and_tried_again(visit):
    widget = visit(wait=False)
    widget.page.route("**/api/*", lambda route: route.abort())
    widget.page.reload()
    widget.button("Tests").click()
    alert = widget.root.get_by_role("alert")
    expect(alert).to_contain_text("In an emergency call")
    assert "in the box" not in alert.inner_text()  # nothing was typed
    widget.errors.clear()
    widget.page.unroute_all()
    expect(widget.replies.last.locator("h3")).to_have_text(TESTS, timeout=12_000)
    assert widget.questions.count() == 1


def test_a_server_that_was_started_again_goes_on_with_the_chat(visit, product, serve):
    """Twice: with the same secret, and with another one, which makes the id of the chat a stranger's."""
    rasa, port = rasa_of(product), free_port()
    first = serve(rasa, port=port)
    widget = visit(first)
    assert widget.ask("can pcos cause miscarriage?").is_visible()
    turns = {
        "": ("how is that treated?", "Treatment with PCOS"),
        "another-secret-of-the-front-server": (QUESTION, TESTS),
    }
    for secret, (text, title) in turns.items():
        serve.stop(port)
        send(widget, text)
        expect(widget.root.get_by_role("alert")).to_be_visible()
        assert widget.box.input_value() == text
        serve(rasa, port=port, secret=secret)
        expect(widget.root.locator("[data-kind=error]")).to_have_count(0, timeout=15_000)  # by itself
        expect(widget.replies.last.locator("h3")).to_have_text(title)
        assert widget.box.input_value() == ""
    assert widget.questions.count() == widget.replies.count() == 3
