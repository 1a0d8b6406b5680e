"""Point 6: it fits any site, keeps within the site's strictest policy, breaks nothing, and goes without a trace."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK
from tests.browser.widget import page

STRICT = (
    "default-src 'none'; script-src {door}; style-src 'self'; connect-src {door}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HOSTILE = """
* { color: red !important; font-size: 40px !important; border: 9px solid lime !important; margin: 30px !important;
    direction: inherit; text-transform: uppercase !important; letter-spacing: 9px !important; }
button, p, input, textarea, dialog, a, li, div { background: red !important; padding: 50px !important;
    position: static !important; display: inline !important; width: 9px !important; opacity: 0.1 !important; }
clinic-chat { display: none !important; opacity: 0.1 !important; visibility: hidden !important; zoom: 3 !important; }
html { font-size: 4px; }
"""


def test_everything_works_under_the_strictest_policy_on_another_site(visit, host, door, on_paper):
    """The page's errors, which hold each refusal of the policy, are empty at the end."""
    policy = {"Content-Security-Policy": STRICT.format(door=door)}
    widget = visit(host.put("/strict", page(door, data=""), policy))
    widget.launcher.click()
    widget.ask("can pcos cause miscarriage?").locator("summary").click()
    widget.button("Add to my sheet").click()
    widget.ask("I am soaking a pad every hour")
    expect(widget.alarm).to_be_visible()
    assert widget.part("sheet").locator("li.card").count() == 1
    assert "PCOS" in on_paper(widget)
    expect(widget.part("answers").locator("summary").first).to_be_visible()
    widget.part("chat")
    with widget.page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        widget.button("Clear this chat").click()
    assert deleted.value.status == 204
    widget.button("Close").click()
    assert widget.errors == []
    assert {url.split("/")[2] for url in widget.requests} == {door.split("/")[2], host.url.split("/")[2]}
    assert widget.page.context.cookies() == []


def test_a_site_that_was_not_named_gets_the_number_to_call_and_no_answers(visit, host, product):
    """The front server's own clinic.yml names no other site."""
    widget = visit(host.put("/unnamed", page(product.url)))
    widget.errors.clear()  # the browser tells of the refusal
    widget.box.fill("what tests are done?")
    widget.box.press("Enter")
    expect(widget.root.get_by_role("alert")).to_contain_text("In an emergency call")
    widget.page.wait_for_timeout(100)
    widget.errors.clear()


LOOK = """() => [...document.querySelector('clinic-chat').shadowRoot.querySelectorAll('*')].map((e) => {
  const s = getComputedStyle(e);
  return [e.tagName, e.className, ...[...s].filter((name) => !name.startsWith('--')).map((name) => s[name])].join('|');
})"""


def test_no_rule_of_the_site_changes_how_anything_looks_inside(visit, host, door):
    looks = []
    for path, head in (("/plain", ""), ("/hostile", '<link rel="stylesheet" href="/hostile.css">')):
        host.put("/hostile.css", HOSTILE)
        widget = visit(host.put(path, page(door, head=head)), viewport=DESK)
        widget.page.wait_for_load_state("networkidle")
        looks.append(widget.page.evaluate(LOOK))
    plain, hostile = looks
    assert len(plain) > 40
    changed = [(a, b) for a, b in zip(plain, hostile, strict=True) if a != b]
    assert changed == []
    expect(widget.box).to_be_visible()


BEFORE_AND_AFTER = """() => JSON.stringify([document.documentElement.outerHTML.replace(/<script.*?<\\/script>/g, ''),
  Object.keys(window).length, document.adoptedStyleSheets.length, sessionStorage.length, localStorage.length,
  document.title, location.href])"""


def test_destroying_it_leaves_nothing_behind(visit, host, door):
    widget = visit(host.put("/bare", page(door, data="")), wait=False)
    widget.launcher.wait_for()
    widget.page.evaluate("() => document.querySelector('clinic-chat').remove()")
    before = widget.page.evaluate(BEFORE_AND_AFTER)
    widget.page.evaluate("() => { document.body.append(document.createElement('clinic-chat')); }")
    widget.launcher.click()
    widget.ask("can pcos cause miscarriage?")
    widget.button("Add to my sheet").click()
    with widget.page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        widget.page.evaluate("() => { document.querySelector('clinic-chat').destroy(); }")
    assert deleted.value.status == 204
    assert widget.page.evaluate(BEFORE_AND_AFTER) == before
    for _ in range(3):
        widget.page.keyboard.press("Shift")  # no listener is left
    widget.page.wait_for_timeout(100)
    assert widget.page.url.endswith("/bare")


def test_listeners_on_the_window_go_with_it(visit, host, door):
    """Counted by the browser itself."""
    widget = visit(host.put("/listeners", page(door, data="")))
    session = widget.page.context.new_cdp_session(widget.page)

    def listeners() -> int:
        kept = [
            session.send("Runtime.evaluate", {"expression": name})["result"]["objectId"]
            for name in ("window", "document")
        ]
        found = [session.send("DOMDebugger.getEventListeners", {"objectId": id})["listeners"] for id in kept]
        return sum(map(len, found))

    widget.page.evaluate("() => document.querySelector('clinic-chat').remove()")
    before = listeners()
    widget.page.evaluate("() => { document.body.append(document.createElement('clinic-chat')); }")
    widget.launcher.click()
    assert listeners() > before
    widget.page.evaluate("() => { document.querySelector('clinic-chat').destroy(); }")
    assert listeners() == before


def test_an_element_that_a_site_moves_goes_on_with_its_chat(visit, host, door):
    widget = visit(host.put("/moved", page(door)))
    widget.ask("can pcos cause miscarriage?")
    widget.page.evaluate("() => document.querySelector('main').append(document.querySelector('clinic-chat'))")
    expect(widget.replies).to_have_count(1)
    assert widget.ask("how is that treated?").locator("h3").inner_text() == "Treatment with PCOS"


def test_an_error_inside_does_not_reach_the_site(visit, host, door):
    widget = visit(host.put("/errors", page(door)))
    widget.page.evaluate(
        "() => { window.heard = []; onerror = (e) => { heard.push(String(e)); };"
        " onunhandledrejection = (e) => { heard.push(String(e.reason)); };"
        " Element.prototype.append = () => { throw new TypeError('my name is Quillfeather'); }; }"
    )
    widget.box.fill("what tests are done?")
    widget.box.press("Enter")
    widget.page.wait_for_timeout(200)
    assert widget.page.evaluate("heard") == []
    assert widget.errors == ["clinic-chat: TypeError"]  # its kind alone: the message may hold what was typed
    widget.errors.clear()


def test_the_file_may_come_from_another_place_than_the_answers(visit, host, door):
    script = visit(f"{door}/widget.js", wait=False).page.evaluate("document.body.textContent")
    host.put("/copied.js", script)
    html = page(host.url, data=f'data-open data-server="{door}/"').replace("widget.js", "copied.js")
    widget = visit(host.put("/elsewhere", html))
    assert widget.ask("can pcos cause miscarriage?").is_visible()


def test_two_script_tags_make_one_widget(visit, host, door):
    twice = f'<script src="{door}/widget.js" defer></script>'
    widget = visit(host.put("/twice", page(door, head=twice)))
    assert widget.root.count() == 1


def test_a_script_tag_without_defer_works_too(visit, host, door):
    widget = visit(host.put("/early", page(door).replace(" defer", "")))
    expect(widget.root.locator(".opening")).to_be_visible()


def test_the_site_says_colour_side_and_words(visit, host, door):
    data = (
        'data-open data-accent="#ffe08a" data-side="start" data-label="Ask us" data-heading="Our questions"'
        ' data-greeting="We are glad to help."'
    )
    widget = visit(host.put("/own", page(door, data=data)))
    assert widget.root.locator("h2").inner_text() == "Our questions"
    expect(widget.root.locator(".opening")).to_contain_text("We are glad to help.")
    send = widget.button("Send")
    colours = send.evaluate("e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]")
    assert colours == ["rgb(255, 224, 138)", "rgb(0, 0, 0)"]  # words that can be read on it
    assert widget.panel.bounding_box()["x"] < 100
    assert widget.violations() == []
    widget.button("Close").click()
    assert widget.launcher.inner_text() == "Ask us"


@pytest.mark.parametrize("accent", ["#ffffff", "#000000", "#7a1f5c", "#00a389", "teal"])
def test_words_on_any_colour_of_the_site_can_be_read(visit, host, door, accent):
    widget = visit(host.put("/accent", page(door, data=f'data-open data-accent="{accent}"')))
    assert [each for each in widget.violations() if "contrast" in each] == []


def test_the_sites_style_sheet_can_set_the_colours_too(visit, host, door):
    host.put("/own.css", "clinic-chat { --clinic-chat-accent: #7a1f5c; --clinic-chat-font: Georgia, serif; }")
    widget = visit(host.put("/styled", page(door, head='<link rel="stylesheet" href="/own.css">')))
    assert widget.button("Send").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(122, 31, 92)"
    assert "Georgia" in widget.box.evaluate("e => getComputedStyle(e).fontFamily")


def test_a_site_that_is_light_alone_keeps_the_widget_light(visit, host, door):
    address = host.put("/light", page(door, data='data-open data-theme="light"'))
    widget = visit(address, color_scheme="dark")
    assert widget.panel.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"


def test_what_a_site_puts_inside_is_shown_until_the_widget_starts(visit, host, door):
    inside = "<clinic-chat><p>Call us at 212-555-0142.</p></clinic-chat></body>"
    html = page(door).replace("</body>", inside)
    started = visit(host.put("/inside", html))
    expect(started.page.get_by_text("Call us at")).to_be_hidden()
    blocked = visit(host.put("/blocked", html.replace("/widget.js", "/not-there.js")), wait=False)
    expect(blocked.page.get_by_text("Call us at")).to_be_visible()
    blocked.errors.clear()


def test_an_element_that_a_site_takes_out_and_puts_back_goes_on_with_its_chat(visit, host, door):
    """Also in the middle of a question, which stands in the box again."""
    widget = visit(host.put("/again", page(door)))
    widget.ask("can pcos cause miscarriage?")
    held = []
    widget.page.route("**/api/chat", lambda route: held.append(route))
    widget.box.fill("how is that treated?")
    widget.box.press("Enter")
    expect(widget.box).to_have_value("")
    widget.page.evaluate(
        "async () => { const chat = document.querySelector('clinic-chat'); chat.remove();"
        " await new Promise((done) => setTimeout(done, 300)); document.body.append(chat); }"
    )
    expect(widget.box).to_have_value("how is that treated?")
    held[0].continue_()  # too late: nobody waits for it, and the chat is not forgotten for that
    widget.page.wait_for_timeout(300)
    widget.page.unroute_all()
    expect(widget.replies).to_have_count(1)
    widget.box.press("Enter")
    expect(widget.replies).to_have_count(2)
    expect(widget.replies.last.locator("h3")).to_have_text("Treatment with PCOS")


def test_two_elements_on_a_page_make_one_chat(visit, host, door):
    html = page(door).replace("</body>", "<clinic-chat><p>Words</p></clinic-chat><clinic-chat></clinic-chat></body>")
    widget = visit(host.put("/elements", html))
    assert widget.root.locator("dialog").count() == 1
    first = widget.page.locator("clinic-chat").first.locator("dialog")
    expect(first).to_be_visible()
    widget.ask("can pcos cause miscarriage?")
    widget.page.reload()
    expect(widget.replies).to_have_count(1)
    assert widget.violations() == []
