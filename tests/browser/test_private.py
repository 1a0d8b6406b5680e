"""Point 4: nothing stays but in the tab, and that goes at once when the visitor says so."""

import json
import os
import re
import shutil

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.widget import Widget, is_chat, page

WORDS = "my name is Zanzibar Quillfeather, can pcos cause miscarriage?"
EXIT = re.compile(r"https://www\.weather\.gov/.*")


def everywhere_but_the_tab(widget) -> str:
    """Return all that the browser keeps beyond sessionStorage, and what can be read over a shoulder."""
    kept = widget.page.evaluate(
        "async () => [location.href, document.title, JSON.stringify({...localStorage}), document.cookie,"
        " JSON.stringify(history.state), (await indexedDB.databases()).length, (await caches.keys()).length].join('|')"
    )
    return f"{kept}|{widget.page.context.cookies()}"


def test_nothing_is_kept_in_the_address_the_title_cookies_or_lasting_storage(widget, clinic):
    before = everywhere_but_the_tab(widget)
    widget.ask(WORDS)
    widget.choose("Tests")
    assert everywhere_but_the_tab(widget) == before
    assert before.endswith("|[]")
    assert set(widget.stored()) == {"clinic-chat"}


def test_a_reload_keeps_the_chat_and_says_nothing_anew(widget):
    widget.ask(WORDS)
    widget.page.reload()
    expect(widget.replies).to_have_count(1)
    assert widget.questions.all_inner_texts() == [WORDS]
    assert widget.root.locator(".opening").count() == 1
    assert widget.log.get_attribute("aria-live") == "off"
    follow_up = widget.ask("how is that treated?")  # the same conversation
    expect(follow_up.locator("h3")).to_have_text("Treatment with PCOS")


def test_a_new_tab_begins_a_new_chat(widget, visit):
    widget.ask(WORDS)
    other = widget.page.context.new_page()
    other.goto(widget.page.url)
    expect(other.locator("clinic-chat .opening")).to_be_visible()
    assert other.locator("clinic-chat li.you").count() == 0


def test_a_chat_left_alone_for_half_an_hour_is_not_restored(widget):
    widget.ask(WORDS)
    widget.page.evaluate(
        "() => { const kept = JSON.parse(sessionStorage['clinic-chat']); kept.at -= 31 * 60_000;"
        " sessionStorage['clinic-chat'] = JSON.stringify(kept); }"
    )
    widget.page.reload()
    expect(widget.root.locator(".opening")).to_be_visible()
    assert widget.replies.count() == 0


def test_clearing_takes_the_chat_from_the_page_the_tab_and_the_server(widget, product):
    widget.ask("can pcos cause miscarriage?")
    conversation = widget.stored()["clinic-chat"]
    widget.button("Add to my sheet").click()
    with widget.page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        widget.button("Clear this chat").click()
    assert deleted.value.status == 204
    assert widget.replies.count() + widget.questions.count() == 0
    expect(widget.root.locator("nav")).not_to_contain_text("(1)")
    expect(widget.status).to_have_text("The chat and your sheet are cleared.")
    assert widget.stored() == {}
    # The same conversation no longer knows what "that" is.
    id = re.search(r'conversation\\?":\s*\\?"([^"\\]+)', conversation)[1]
    reply = widget.page.request.post("/api/chat", data={"conversation": id, "text": "how is that treated?"}).json()
    assert reply["replies"][0]["answer"] != "treatments/pcos"
    with widget.page.expect_response(is_chat) as turn:
        widget.ask("can pcos cause miscarriage?")
    assert turn.value.json()["conversation"] != id


def test_clearing_before_the_first_answer_has_it_forgotten_when_it_comes(widget):
    held = []
    widget.page.route("**/api/chat", lambda route: held.append(route))
    widget.box.fill(WORDS)
    widget.box.press("Enter")
    widget.button("Clear this chat").click()
    with widget.page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        held[0].continue_()
    assert deleted.value.status == 204
    assert widget.replies.count() + widget.questions.count() == 0
    assert widget.stored() == {}
    widget.page.unroute_all()
    widget.ask("can pcos cause miscarriage?")


def test_clearing_while_the_server_is_out_of_reach_says_when_it_will_forget(widget):
    widget.ask(WORDS)
    widget.page.context.set_offline(True)
    widget.button("Clear this chat").click()
    assert widget.stored() == {}
    expect(widget.status).to_contain_text("forgets a chat after 30 minutes")
    widget.page.context.set_offline(False)


# Told by the page itself at the moment in which it goes: Playwright cannot look into a page that is going.
AT_LEAVING = """() => {
  let pressed = 0;
  for (const type of ['click', 'keyup']) addEventListener(type, () => { pressed = performance.now(); }, true);
  navigation.addEventListener('navigate', () => console.info('left', JSON.stringify({
    text: document.body.textContent.trim(), elements: document.body.children.length, title: document.title,
    stored: sessionStorage.length, took: performance.now() - pressed,
  })));
}"""


@pytest.fixture
def leaving(visit):
    """A chat in a tab that had been on another page before; `seen` is what the page tells when it is left."""

    def start(**options):
        widget = visit("/healthz", wait=False, **options)
        widget.page.goto("/")
        widget.ask(WORDS)
        widget.page.route(EXIT, lambda route: route.fulfill(body="the weather", content_type="text/html"))
        widget.errors.clear()  # /healthz has no icon
        seen = []
        widget.page.on("console", lambda said: seen.append(json.loads(said.text[5:])) if said.type == "info" else None)
        widget.page.evaluate(AT_LEAVING)
        return widget, seen

    return start


def by_button(widget):
    widget.root.locator(".leave").click()


def by_keys(widget):
    for _ in range(3):
        widget.page.keyboard.press("Shift")


@pytest.mark.parametrize("way", [by_button, by_keys])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_leaving_blanks_the_page_before_the_next_one_comes(leaving, way, viewport):
    widget, seen = leaving(viewport=viewport)
    with widget.page.expect_request(lambda request: request.method == "DELETE"):
        way(widget)
    widget.page.wait_for_url(EXIT)
    took = seen[0].pop("took")
    assert seen == [{"text": "", "elements": 0, "title": "www.weather.gov", "stored": 0}]
    assert took <= 200  # ms


def test_back_does_not_return_to_the_chat_after_leaving(leaving):
    widget, _ = leaving()
    by_button(widget)
    widget.page.wait_for_url(EXIT)
    widget.page.go_back()
    assert widget.page.url.endswith("/healthz")
    widget.page.goto("/")
    assert widget.questions.count() == 0
    widget.errors.clear()


def test_leaving_has_the_server_forget_also_from_another_site(visit, host, door, product):
    """The request goes on while the page is left."""
    widget = visit(host.put("/leave", page(door)))
    with widget.page.expect_response(is_chat) as turn:
        widget.ask("can pcos cause miscarriage?")
    body = {"conversation": turn.value.json()["conversation"], "text": "how is that treated?"}
    widget.page.route(EXIT, lambda route: route.fulfill(body="the weather", content_type="text/html"))
    by_button(widget)
    widget.page.wait_for_url(EXIT)
    widget.page.wait_for_timeout(500)
    assert httpx.post(f"{door}/api/chat", json=body).json()["replies"][0]["answer"] != "treatments/pcos"


def test_the_presses_that_are_left_are_told_and_other_keys_start_anew(widget):
    widget.page.keyboard.press("Shift")
    expect(widget.status).to_contain_text("Presses left: 2")
    widget.page.keyboard.press("Shift+A")
    widget.page.keyboard.press("Shift")
    expect(widget.status).to_contain_text("Presses left: 2")
    assert widget.page.url.endswith("/")


def test_the_keys_do_nothing_while_the_widget_is_closed(widget):
    widget.button("Close").click()
    by_keys(widget)
    widget.page.wait_for_timeout(100)
    assert widget.page.evaluate("document.body.children.length") > 0


def test_the_way_out_is_explained_first_and_comes_first_in_tab_order(widget):
    expect(widget.root.locator(".opening")).to_contain_text("It does not clear your browser history.")
    widget.panel.focus()
    widget.page.keyboard.press("Tab")
    assert widget.focus() == "Leave this page"


def test_the_way_out_works_without_the_code_of_the_widget(widget, clinic):
    assert widget.root.locator(".leave").get_attribute("href") == clinic.exit_url


def test_people_are_asked_not_to_type_names_or_results(widget, renderer):
    note = widget.root.locator("#privacy")
    assert note.inner_text() == renderer.frame.privacy_line
    assert "privacy" in widget.box.get_attribute("aria-describedby")


def test_nothing_of_the_chat_goes_along_to_another_site(widget):
    widget.ask(WORDS)
    own = widget.page.url.rstrip("/")
    assert [url for url in widget.requests if not url.startswith(own)] == []
    assert all(link.get_attribute("rel") == "noreferrer" for link in widget.root.locator("a[href^=http]").all())


def test_a_site_can_have_nothing_kept_at_all(visit, host, door):
    address = host.put("/shared", page(door, data='data-open data-keep="off"'))
    widget = visit(address)
    widget.ask(WORDS)
    assert widget.stored() == {}
    widget.page.reload()
    assert widget.questions.count() == 0


def test_another_page_of_the_site_has_the_chat_and_says_nothing_anew(visit, host, door):
    first, second = (host.put(path, page(door)) for path in ("/first", "/second"))
    widget = visit(first)
    widget.ask("can pcos cause miscarriage?")
    widget.page.goto(second)
    expect(widget.replies).to_have_count(1)
    assert widget.root.locator(".opening").count() == 1
    assert widget.log.get_attribute("aria-live") == "off"
    assert widget.ask("how is that treated?").locator("h3").inner_text() == "Treatment with PCOS"


def test_what_was_typed_and_not_sent_outlives_a_reload_and_goes_with_the_chat(widget):
    widget.box.fill(WORDS)
    widget.page.reload()
    expect(widget.box).to_have_value(WORDS)
    widget.button("Clear this chat").click()
    widget.page.reload()
    expect(widget.box).to_have_value("")
    assert WORDS not in str(widget.stored())


def test_a_question_that_was_not_answered_yet_outlives_a_reload(widget):
    widget.page.route("**/api/chat", lambda route: None)  # never answered
    widget.box.fill(WORDS)
    widget.box.press("Enter")
    expect(widget.box).to_have_value("")
    widget.page.reload()
    expect(widget.box).to_have_value(WORDS)
    assert widget.questions.count() == 0


def test_leaving_with_a_text_in_the_box_leaves_nothing_of_it(leaving, product):
    widget, seen = leaving()
    widget.box.fill(WORDS)
    by_button(widget)
    widget.page.wait_for_url(EXIT)
    assert seen[0]["stored"] == 0
    widget.page.goto(f"{product.url}/healthz")
    assert widget.stored() == {}
    widget.errors.clear()


@pytest.fixture
def remembering_pages(browser):
    """A browser that keeps pages as they were for "Back", as people's browsers do; Playwright turns that off."""
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    path = shutil.which("chromium")
    other = browser.browser_type.launch(
        executable_path=path, args=args, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield other.new_page
    other.close()


# What came back as it was left, and not by being loaded again.
COMES_BACK = "addEventListener('pageshow', (event) => { window.cameBack = event.persisted; })"


def test_a_page_that_back_brings_as_it_was_shows_the_chat_as_it_is_by_now(remembering_pages, host, door):
    first, second = (host.put(path, page(door)) for path in ("/earlier", "/later"))
    widget = Widget(remembering_pages())
    widget.page.add_init_script(COMES_BACK)
    widget.page.goto(first)
    widget.ask("can pcos cause miscarriage?")
    widget.page.goto(second)
    widget.choose("Tests")
    widget.page.go_back(wait_until="commit")
    widget.page.wait_for_function("window.cameBack")
    expect(widget.replies).to_have_count(2)
    widget.page.go_forward(wait_until="commit")
    widget.page.wait_for_function("window.cameBack")
    widget.button("Clear this chat").click()
    expect(widget.replies).to_have_count(0)
    widget.page.go_back(wait_until="commit")
    widget.page.wait_for_function("window.cameBack")
    expect(widget.replies).to_have_count(0)
    assert widget.questions.count() == 0
    assert widget.ask("can pcos cause miscarriage?").is_visible()
    assert widget.errors == []


def test_back_after_leaving_shows_nothing_of_the_chat_on_an_earlier_page(remembering_pages, host, door):
    first, second = (host.put(path, page(door)) for path in ("/before", "/left"))
    widget = Widget(remembering_pages())
    widget.page.add_init_script(COMES_BACK)
    widget.page.route(EXIT, lambda route: route.fulfill(body="the weather", content_type="text/html"))
    widget.page.goto(first)
    widget.ask(WORDS)
    widget.page.goto(second)
    expect(widget.questions).to_have_count(1)
    by_button(widget)
    widget.page.wait_for_url(EXIT)
    widget.page.go_back(wait_until="commit")
    assert widget.page.url == first
    expect(widget.root.locator(".opening")).to_be_visible()
    assert widget.questions.count() == 0
    assert WORDS not in widget.page.content() + str(widget.stored())


def test_two_tabs_of_one_chat_do_not_disturb_each_other(widget):
    """A tab that a page opens begins with a copy of what its tab keeps."""
    widget.ask("can pcos cause miscarriage?")
    with widget.page.context.expect_page() as opened:
        widget.page.evaluate("() => { open(location.href); }")
    other = Widget(opened.value)
    expect(other.replies).to_have_count(1)
    assert other.ask("how is that treated?").locator("h3").inner_text() == "Treatment with PCOS"
    other.button("Clear this chat").click()
    expect(other.replies).to_have_count(0)
    assert widget.replies.count() == 1
    assert widget.ask("what tests are done?").locator("h3").inner_text() == "Tests after repeated losses"
    assert other.errors == []
