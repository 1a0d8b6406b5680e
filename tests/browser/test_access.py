"""Point 5: for everyone, whatever they see, hear, touch or type with."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.widget import Widget, page

HEAVY = "I am soaking a pad every hour"
SMALL = {"width": 320, "height": 568}


def closed(widget):
    widget.button("Close").click()


def opened(widget):
    expect(widget.root.locator(".opening")).to_be_visible()


def answered(widget):
    widget.ask("can pcos cause miscarriage?").locator("summary").click()


def ten_messages(widget):
    for _ in range(5):
        widget.choose("Tests")
        widget.choose("Treatments", widget.root.locator(".opening"))


def asked_back(widget):
    widget.ask("thyroid?")


def in_danger(widget):
    widget.ask(HEAVY)


def in_crisis(widget):
    widget.ask("I want to kill myself")


def failing(widget):
    widget.page.route("**/api/chat", lambda route: route.abort())
    widget.box.fill("what tests are done?")
    widget.box.press("Enter")
    widget.root.locator("[data-kind=error]").wait_for()


def browsing(widget):
    browse = widget.part("answers")
    browse.locator("summary").first.click()


def collecting(widget):
    widget.choose("Tests")
    widget.button("Add to my sheet").click()
    sheet = widget.part("sheet")
    sheet.locator("#new").fill("What could each test change?")
    sheet.get_by_role("button", name="Add", exact=True).click()


STATES = [closed, opened, answered, ten_messages, asked_back, in_danger, in_crisis, failing, browsing, collecting]
LOOKS = {
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "320 px": {"viewport": SMALL},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "forced colours": {"viewport": DESK, "forced_colors": "active"},
    "low": {"viewport": {"width": 640, "height": 360}},
}


def test_no_state_breaks_a_rule_of_axe(visit):
    """Every state on a fresh page."""
    found = {}
    widget = visit()
    for state in STATES:
        widget.page.unroute_all()
        widget.page.evaluate("sessionStorage.clear()")
        widget.page.reload()
        state(widget)
        found[state.__name__] = widget.violations()
    assert {state: each for state, each in found.items() if each} == {}


@pytest.mark.parametrize("look", LOOKS)
def test_no_look_breaks_a_rule_of_axe(visit, look):
    """The states of one chat, one after the other."""
    found = {}
    widget = visit(**LOOKS[look])
    for state in (answered, asked_back, in_danger, in_crisis):
        state(widget)
    found["chat"] = widget.violations()
    for state in (collecting, browsing):
        widget.part("chat")
        state(widget)
        found[state.__name__] = widget.violations()
    widget.part("chat")
    failing(widget)
    found["failing"] = widget.violations()
    closed(widget)
    found["closed"] = widget.violations()
    assert {state: each for state, each in found.items() if each} == {}


def test_a_page_from_right_to_left_breaks_no_rule_of_axe(visit, host, door):
    widget = visit(host.put("/rtl", page(door, 'lang="ar" dir="rtl"')))
    widget.choose("Tests")
    assert widget.violations() == []


# By keyboard alone.


class Keyboard:
    """Somebody who has no pointer, and loses nothing: each press leaves a visible focus, never on the body."""

    def __init__(self, widget: Widget) -> None:
        self.widget = widget
        self.keys = widget.page.keyboard

    def go_to(self, name: str, key: str = "Tab") -> None:
        for _ in range(60):
            self.keys.press(key)
            self.must_see_focus()
            if self.widget.focus().startswith(name):
                return
        raise AssertionError(f"{name} was not reached; the focus is on {self.widget.focus()}")

    def must_see_focus(self) -> None:
        outline = """() => { const e = document.querySelector('clinic-chat').shadowRoot.activeElement;
                             if (!e) return document.activeElement !== document.body;
                             const s = getComputedStyle(e), box = e.getBoundingClientRect();
                             return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && box.bottom > 0
                               && box.top < innerHeight }"""
        assert self.widget.page.evaluate(outline), self.widget.focus()


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def keyboard(visit, request) -> Keyboard:
    widget = visit(viewport=request.param)
    closed(widget)
    return Keyboard(widget)


def test_all_can_be_done_by_keyboard(keyboard, product):
    widget, keys = keyboard.widget, keyboard.keys
    assert widget.focus() == "Questions and answers"  # closing gave the focus back to what opens it
    keys.press("Enter")
    expect(widget.panel).to_be_visible()
    assert widget.focus() == "text"
    keys.type("can pcos cause miscarriage?")
    keys.press("Enter")
    expect(widget.replies).to_have_count(1)
    keyboard.go_to("Where this comes from", "Shift+Tab")
    keys.press("Enter")
    expect(widget.replies.first.locator("details li").first).to_be_visible()
    keyboard.go_to("Book a consultation")
    keyboard.go_to("What is done about PCOS?")
    keys.press("Space")
    expect(widget.replies).to_have_count(2)
    assert widget.focus() == "What is done about PCOS?"  # the question, just before its answer
    keyboard.must_see_focus()
    keyboard.go_to("Clear this chat")
    keys.press("Enter")
    expect(widget.replies).to_have_count(0)
    assert widget.focus() == "Clear this chat"
    keyboard.go_to("Answers", "Shift+Tab")
    keys.press("Enter")
    keyboard.go_to("Possible causes")
    keys.press("Escape")
    expect(widget.panel).to_be_hidden()
    assert widget.focus() == "Questions and answers"
    keys.press("Enter")
    keyboard.go_to("Leave this page")
    widget.page.route("https://www.weather.gov/**", lambda route: route.fulfill(body="the weather"))
    keys.press("Enter")
    widget.page.wait_for_url("https://www.weather.gov/**")


def test_a_button_that_goes_away_leaves_the_focus_in_the_widget(widget):
    failing(widget)
    widget.page.unroute_all()
    again = widget.button("Try again")
    again.focus()
    again.press("Enter")
    expect(widget.replies.last.locator("h3")).to_have_text("Tests after repeated losses")
    assert widget.focus() == "what tests are done?"


def test_hidden_controls_are_not_in_the_tab_order(widget):
    closed(widget)
    for _ in range(30):
        widget.page.keyboard.press("Tab")
        assert widget.focus() in ("", "Questions and answers")


def test_a_panel_beside_the_page_leaves_the_page_usable_and_one_over_it_does_not(visit):
    desk, phone = visit(), visit(viewport=PHONE)
    desk.page.locator("nav a", has_text="Contact").first.click(timeout=2_000)
    modal = "() => document.querySelector('clinic-chat').shadowRoot.querySelector('dialog').matches(':modal')"
    assert (desk.page.evaluate(modal), phone.page.evaluate(modal)) == (False, True)


def test_turning_the_screen_keeps_the_panel_open(visit):
    widget = visit(viewport=PHONE)
    widget.choose("Tests")
    widget.page.set_viewport_size(DESK)
    expect(widget.panel).to_be_visible()
    assert widget.replies.count() == 1
    widget.page.set_viewport_size(PHONE)
    expect(widget.panel).to_be_visible()


def test_who_types_while_the_screen_turns_goes_on_typing(visit):
    widget = visit()
    widget.box.click()
    for viewport in (PHONE, DESK):
        widget.page.keyboard.type("pcos ")
        widget.page.set_viewport_size(viewport)
        expect(widget.panel).to_be_visible()
        widget.page.wait_for_function(
            "() => document.querySelector('clinic-chat').shadowRoot.activeElement?.id === 'text'"
        )
    assert widget.box.input_value() == "pcos pcos "


def test_opening_by_a_site_takes_no_focus_on_a_wide_screen(widget):
    assert widget.focus() == ""


# Announcements.

WATCH = """() => {
  window.heard = [];
  const live = (node) => node.closest?.('[aria-live], [role=log], [role=status], [role=alert]');
  new MutationObserver((changes) => {
    for (const change of changes) {
      const region = live(change.target);
      const politeness = region?.getAttribute('aria-live') ?? (region ? 'on' : 'off');
      for (const node of change.addedNodes) {
        const own = node.getAttribute?.('aria-live');
        const role = region?.getAttribute('role');
        if (region && politeness !== 'off' && own !== 'off') window.heard.push(`${role}: ${node.textContent}`);
        if (node.querySelector?.('[role=alert]')) window.heard.push(`alert: ${node.textContent}`);
      }
    }
  }).observe(document.querySelector('clinic-chat').shadowRoot, {subtree: true, childList: true});
}"""


def heard(widget, text) -> list[str]:
    """Return what is announced while a question is answered."""
    widget.page.evaluate(WATCH)
    widget.ask(text)
    return widget.page.evaluate("window.heard.filter((said) => said.split(': ')[1])")


def test_an_answer_is_announced_once_politely_after_one_note_at_most(widget):
    said = heard(widget, "can pcos cause miscarriage?")
    answers = [each for each in said if "PCOS (polycystic" in each]
    assert len(answers) == 1
    assert answers[0].startswith("log: ")
    assert len([each for each in said if each.startswith("status: ")]) <= 1
    assert not [each for each in said if "You:" in each]  # what one wrote is not read out again


def test_what_is_announced_has_a_place_before_it_comes(widget):
    """A region that comes with its words is not read out by every screen reader."""
    assert widget.root.locator(".chat [role=status]").evaluate("e => e.checkVisibility()")


def test_a_reply_in_danger_is_announced_once_as_an_alert(widget):
    said = heard(widget, HEAVY)
    assert [each.partition(":")[0] for each in said if "Get help now" in each] == ["alert"]


def test_the_sender_of_each_message_is_told_outside_its_own_direction(widget):
    widget.ask("can pcos cause miscarriage?")
    senders = widget.root.locator("li > .hidden").all_inner_texts()
    assert senders == ["Chat program:", "You:", "Chat program:"]


def test_the_log_can_be_scrolled_by_keyboard_and_has_a_name(widget):
    assert widget.log.get_attribute("tabindex") == "0"
    assert widget.log.get_attribute("aria-label") == "Conversation"


# Touch, zoom, colours, motion, direction.


@pytest.mark.parametrize("look", ["phone", "320 px", "dark"])
def test_every_target_is_large(visit, look):
    widget = visit(**LOOKS[look])
    small = widget.small_targets(
        44, "button, a:not(p:not(.calls, .ways) > .number):not(li > a), summary, textarea, input"
    )
    answered(widget)
    small += widget.small_targets(44, "button, .button, .visit .number, summary, textarea")
    small += widget.small_targets(24, ".number")
    in_danger(widget)
    small += widget.small_targets(44, ".calls a, button")
    collecting(widget)
    small += widget.small_targets(44, "button, input")
    assert small == []


OVERFLOW = """() => {
  const panel = document.querySelector('clinic-chat').shadowRoot.querySelector('dialog');
  return [...panel.querySelectorAll('*')].filter((e) => e.checkVisibility() && !e.classList.contains('hidden'))
    .filter((e) => { const box = e.getBoundingClientRect();
                     return box.width && (box.right > innerWidth + 1 || box.left < -1); })
    .map((e) => e.outerHTML.slice(0, 80))
    .concat(document.scrollingElement.scrollWidth > innerWidth ? ['the page'] : []);
}"""


@pytest.mark.parametrize(
    "viewport",
    [{"width": 320, "height": 568}, {"width": 320, "height": 256}, {"width": 640, "height": 400}],
    ids=["320 px", "320 x 256", "desk at 200 %"],
)
def test_a_small_window_or_large_text_loses_nothing(visit, viewport):
    widget = visit(viewport=viewport)
    for state in (opened, answered, in_danger, collecting, browsing):
        widget.part("chat")
        state(widget)
        assert widget.page.evaluate(OVERFLOW) == [], state.__name__
        expect(widget.root.locator(".safety .number")).to_be_in_viewport()
        expect(widget.root.locator(".leave")).to_be_in_viewport()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_text_at_twice_the_size_alone_loses_nothing(visit, host, door, viewport):
    """The visitor's own text size, not the zoom of the page."""
    widget = visit(host.put("/large", page(door)), viewport=viewport)
    session = widget.page.context.new_cdp_session(widget.page)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
    widget.page.reload()
    answered(widget)
    assert float(widget.box.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) == 32
    assert widget.page.evaluate(OVERFLOW) == []
    assert widget.button("Close").evaluate("e => e.scrollWidth <= e.clientWidth")


def test_the_box_and_an_answer_can_both_be_used_in_a_very_low_window(visit):
    widget = visit(viewport={"width": 320, "height": 256})
    reply = widget.ask("can pcos cause miscarriage?")
    reply.locator("summary").scroll_into_view_if_needed()
    expect(reply.locator("summary")).to_be_in_viewport()
    widget.box.scroll_into_view_if_needed()
    expect(widget.box).to_be_in_viewport()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_by_itself(visit, motion):
    widget = visit(reduced_motion=motion)
    widget.box.fill("what tests are done?")
    widget.box.press("Enter")
    running = "document.querySelector('clinic-chat').shadowRoot.getAnimations({subtree: true}).length"
    assert widget.page.evaluate(running) == 0


def test_forced_colours_leave_every_card_and_button_its_border(visit):
    widget = visit(forced_colors="active")
    in_danger(widget)
    borders = widget.root.locator(".card, .choice, .calls .button, .primary, dialog").evaluate_all(
        "all => all.filter((e) => e.checkVisibility()).map((e) => parseFloat(getComputedStyle(e).borderTopWidth))"
    )
    assert min(borders) >= 1


def test_a_page_from_right_to_left_is_mirrored(visit, host, door):
    widget = visit(host.put("/mirrored", page(door, 'lang="ar" dir="rtl"')))
    assert widget.panel.bounding_box()["x"] < 100
    widget.ask("can pcos cause miscarriage?")
    asked, answer = widget.questions.first.bounding_box(), widget.replies.first.bounding_box()
    assert asked["x"] <= answer["x"] + 1  # at the end of the line, which is left here
    assert asked["x"] + asked["width"] < answer["x"] + answer["width"]


def test_the_language_of_the_widget_is_told_on_a_page_in_another(visit, host, door, clinic):
    widget = visit(host.put("/language", page(door, 'lang="ar" dir="rtl"')))
    assert widget.root.get_attribute("lang") == clinic.languages[0]


def test_a_message_from_right_to_left_has_its_own_direction(widget):
    widget.ask("ما هي أسباب الإجهاض المتكرر؟")
    assert widget.questions.last.evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert widget.replies.last.locator("p").first.evaluate("e => getComputedStyle(e).direction") == "ltr"


def test_the_tree_that_a_screen_reader_reads_is_in_order(widget):
    """What the accessibility tree gives, read from the start; a reading on real devices is still due."""
    widget.ask("can pcos cause miscarriage?")
    tree = widget.panel.aria_snapshot()
    order = [
        'link "Leave this page"',
        "In an emergency call",
        'heading "Questions and answers" [level=2]',
        'navigation "Parts of this chat"',
        'button "Close"',
        'log "Conversation"',
        "If you are here because of a loss",
        'button "Possible causes"',
        "can pcos cause miscarriage?",
        'heading "PCOS and pregnancy loss" [level=3]',
        "Where this comes from",
        'link "Book a consultation"',
        "This is general information",
        'button "What is done about PCOS?"',
        'textbox "Your question"',
        'button "Send"',
        "Please don't type",
    ]
    must_read(tree, order)


def test_the_number_to_call_and_the_box_are_there_at_four_times_the_size(visit):
    """1280 x 800 at 400 % is a window of 320 x 200."""
    widget = visit(viewport={"width": 320, "height": 200})
    for state in (answered, in_danger, collecting, browsing):
        widget.part("chat")
        state(widget)
        assert widget.page.evaluate(OVERFLOW) == [], state.__name__
        expect(widget.root.locator(".safety .number")).to_be_in_viewport()
    widget.part("chat")
    widget.box.scroll_into_view_if_needed()
    expect(widget.box).to_be_in_viewport()


def test_fingers_that_enlarge_the_page_do_not_make_the_panel_smaller(visit):
    widget = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    before = widget.panel.evaluate("e => e.offsetHeight")
    session = widget.page.context.new_cdp_session(widget.page)
    session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 2})
    widget.page.wait_for_function("visualViewport.scale > 1.5")
    widget.page.wait_for_timeout(200)
    assert abs(widget.panel.evaluate("e => e.offsetHeight") - before) <= 2


ENHANCED = """async () => {
  const rules = {'color-contrast-enhanced': {enabled: true}};
  const chat = document.querySelector('clinic-chat');
  const {violations} = await axe.run(chat, {runOnly: ['color-contrast-enhanced'], rules});
  return violations.flatMap((each) => each.nodes.map((node) => node.html.slice(0, 90)));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_asks_for_more_contrast_gets_seven_to_one(visit, scheme):
    widget = visit(contrast="more", color_scheme=scheme)
    answered(widget)
    asked_back(widget)
    in_danger(widget)
    in_crisis(widget)
    assert widget.violations() == []
    assert widget.page.evaluate(ENHANCED) == []


# Line by line, as somebody hears it who reads a reply from its start.
READ = {
    "which of these": (
        "thyroid?",
        ['listitem', 'Chat program:', 'list "Choose one"', 'button "None of these"', 'link "Book a consultation"'],
    ),
    "urgent": (
        HEAVY,
        ['listitem', 'Chat program:', 'alert', 'Please read this first', 'link "Call 911"', 'heading', 'paragraph',
         'list "Choose one"', 'link "Book a consultation"'],
    ),
    "crisis": (
        "I want to kill myself",
        ['listitem', 'Chat program:', 'alert', 'Please read this first', 'link "Call 988"', 'link "Text 988"',
         'heading', 'link "Book a consultation"'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_reply_is_read_in_order_with_its_sender(widget, name):
    text, order = READ[name]
    reply = widget.ask(text)
    must_read(reply.locator("xpath=..").aria_snapshot(), order)


def test_an_outage_the_answers_and_the_sheet_are_read_in_order(widget):
    collecting(widget)
    must_read(
        widget.root.locator(".view.sheet").aria_snapshot(),
        ['heading "My appointment sheet" [level=3]', 'heading "Questions to ask" [level=4]',
         "What could each test change?", 'button "Take out: What could each test change?"',
         'textbox "A question to ask"',
         'heading "Answers to talk about" [level=4]', 'heading "Tests after repeated losses"', 'button "Print"'],
    )  # fmt: skip
    browsing(widget)
    must_read(
        widget.root.locator(".view.browse").aria_snapshot(),
        ['heading "Every answer, by subject" [level=3]', "Possible causes", 'list "Possible causes"', "button"],
    )
    widget.part("chat")
    failing(widget)
    must_read(
        widget.log.aria_snapshot(),
        ["what tests are done?", "alert", "I can't look up an answer right now.", 'link "911"', 'button "Try again"'],
    )


def must_read(tree: str, order: list[str]) -> None:
    place = 0
    for each in order:
        place = tree.find(each, place)
        assert place >= 0, f"{each} is missing or out of order in:\n{tree}"


# What MITRE's playbook on chatbots for people with disabilities asks beyond the guidelines above.


def test_it_says_what_it_is_what_it_can_do_and_how_to_reach_people(widget, clinic):
    opening = widget.root.locator(".opening").inner_text()
    for words in ("I am a computer program", "I answer questions about", "I can't look at your own case"):
        assert words in opening
    assert clinic.emergency_number in widget.root.locator(".safety").inner_text()
    assert clinic.phone in widget.ask("can pcos cause miscarriage?").inner_text()


def test_choices_are_few_and_each_says_where_it_leads(widget):
    for text in ("can pcos cause miscarriage?", "thyroid?", HEAVY):
        labels = widget.ask(text).locator(".choice").all_inner_texts()
        assert 1 <= len(labels) <= 5
        assert len(set(labels)) == len(labels)
        assert all(len(label) > 3 for label in labels)


def test_nothing_is_under_pressure_of_time(widget):
    """Half an hour without a key: the chat, the text in the box and the focus are as they were."""
    widget.page.clock.install()
    widget.page.reload()
    widget.ask("can pcos cause miscarriage?")
    widget.box.fill("half a sentence")
    widget.page.clock.fast_forward("31:00")
    assert (widget.replies.count(), widget.box.input_value(), widget.focus()) == (1, "half a sentence", "text")
