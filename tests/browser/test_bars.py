"""The measures of the widget that need a run of their own: size, speed, a long chat, an outage, odd replies."""

import json
import time

import pytest
from playwright.sync_api import expect

from tests.browser.widget import is_chat, page

MAX_GZIPPED = 12_000  # bytes
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
QUESTION = "can pcos cause miscarriage?"


def reply(**parts) -> dict:
    """Return a whole reply of the contract."""
    whole = {
        "answer": "causes/pcos",
        "kind": "answer",
        "title": "A title",
        "paragraphs": ["First words.", "Second words."],
        "sources": [
            {"document": "rosh", "title": "A document", "heading": "A heading", "url": "https://clinic.example"}
        ],
        "disclaimer": "Not advice.",
        "consultation": {
            "text": "Come.",
            "label": "Book",
            "url": "https://clinic.example/book",
            "phone": "212-555-0142",
        },
        "next": [{"label": "Tests?", "choice": "tests/overview"}],
        "level": None,
        "confidence": 1.0,
    }
    return {**whole, **parts}


def answer_with(widget, *replies) -> None:
    body = {"conversation": "x", "replies": list(replies)}
    widget.page.unroute_all()
    widget.page.route("**/api/chat", lambda route: route.fulfill(json=body))


def test_one_request_of_little_size_brings_the_widget(visit, host, door):
    """Measured on the wire, up to the first question."""
    widget = visit(host.put("/size", page(door, data="")), wait=False)
    session = widget.page.context.new_cdp_session(widget.page)
    session.send("Network.enable")
    sizes = {}
    urls = {}
    session.on("Network.responseReceived", lambda event: urls.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    widget.page.reload()
    widget.launcher.wait_for()
    widget.page.wait_for_load_state("networkidle")
    loaded = [(url, sizes[id]) for id, url in urls.items() if url.startswith(door)]
    assert [url for url, _ in loaded] == [f"{door}/widget.js"]
    response = widget.page.request.get(f"{door}/widget.js")
    assert int(response.headers["content-length"]) <= MAX_GZIPPED


def test_the_launcher_is_there_soon_on_a_slow_telephone(visit, host, door):
    """Slow 4G and a processor four times slower; the median of three visits."""
    widget = visit(host.put("/slow", page(door, data="")), wait=False)
    session = widget.page.context.new_cdp_session(widget.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    widget.page.add_init_script(
        "new MutationObserver((_, watch) => { if (!document.querySelector('clinic-chat')?.shadowRoot) return;"
        " watch.disconnect(); requestAnimationFrame(() => { window.shownAt = performance.now(); }); })"
        ".observe(document, {subtree: true, childList: true});"
    )
    times = []
    for _ in range(3):
        widget.page.reload()
        widget.page.wait_for_function("window.shownAt")
        times.append(widget.page.evaluate("shownAt"))
    print(f"launcher after {sorted(times)[1]:.0f} ms")
    assert sorted(times)[1] <= 1_600


def test_five_hundred_messages_stay_smooth(widget):
    """The time of one append, with its layout, in a chat of 500; the median and nearly the worst."""
    answer_with(widget, reply())
    times = widget.page.evaluate(
        """async () => {
          const root = document.querySelector('clinic-chat').shadowRoot;
          const list = root.querySelector('[role=log] ol'), box = root.querySelector('textarea');
          const times = [];
          const items = () => list.children.length;
          for (let turn = 0; turn < 250; turn++) {
            const before = items();
            box.value = 'what tests are done?';
            let took = 0;
            const watch = new MutationObserver(() => {
              const start = performance.now();
              list.getBoundingClientRect(), list.parentElement.scrollHeight;
              took = Math.max(took, performance.now() - start);
            });
            watch.observe(list, {childList: true});
            const start = performance.now();
            box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}));
            const sent = performance.now() - start;
            while (items() < before + 2) await new Promise((done) => setTimeout(done, 1));
            watch.disconnect();
            times.push(sent + took);
          }
          return times;
        }"""
    )
    assert widget.log.locator("> ol > li").count() == 501
    late = sorted(times[-100:])
    print(f"append at 500 messages: median {late[50]:.1f} ms, 95th of 100 {late[95]:.1f} ms")
    assert late[50] < 16


def test_an_outage_of_seven_seconds_in_the_middle_of_a_question(widget):
    started = time.monotonic()
    widget.page.route("**/api/chat", lambda route: route.abort())
    widget.box.fill(QUESTION)
    widget.box.press("Enter")
    alert = widget.root.get_by_role("alert")
    alert.wait_for()
    assert time.monotonic() - started <= 16
    assert widget.box.input_value() == QUESTION
    widget.page.wait_for_timeout(int(max(0, 7 - (time.monotonic() - started)) * 1_000))
    widget.page.unroute_all()
    arrived = []
    widget.page.on("response", lambda response: arrived.append(response.url) if is_chat(response) else None)
    widget.button("Try again").click()
    expect(widget.replies).to_have_count(1)
    widget.page.wait_for_timeout(4_000)  # longer than until the next try by itself
    assert (widget.questions.count(), widget.replies.count(), len(arrived)) == (1, 1, 1)
    assert alert.count() == 0


def test_clearing_takes_a_second_at_most(widget):
    widget.ask(QUESTION)
    started = time.monotonic()
    with widget.page.expect_response(lambda response: response.request.method == "DELETE"):
        widget.button("Clear this chat").click()
    expect(widget.status).to_have_text("The chat and your sheet are cleared.")
    assert time.monotonic() - started <= 1


def test_the_seven_parts_stand_in_one_order(widget):
    answer_with(widget, reply())
    shown = widget.ask(QUESTION).evaluate("card => card.textContent")
    parts = ["A title", "First words.", "Second words.", "Where this comes from", "Come.", "Not advice.", "Tests?"]
    places = [shown.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


# Replies that lack parts, or have them odd: an older or a newer server, or a fault.
ODD = {
    "no title": reply(title=None),
    "no paragraphs but a text": {"kind": "answer", "text": "Only a text."},
    "empty paragraphs": reply(paragraphs=[], text="Only a text."),
    "paragraphs that are one text": reply(paragraphs="One text."),
    "numbers for words": reply(title=1, paragraphs=[2, 3]),
    "no sources": reply(sources=None),
    "a source without an address": reply(sources=[{"document": "x", "title": "T", "heading": "H"}]),
    "no consultation": reply(consultation=None),
    "no disclaimer": reply(disclaimer=""),
    "no next": reply(next=None),
    "an urgent reply without words": {"kind": "urgent"},
    "a crisis reply with a text alone": {"kind": "crisis", "text": "Call 988."},
    "nothing but a kind": {"kind": "answer"},
}
KINDS = ["answer", "choice", "not_covered", "out_of_scope", "fallback", "urgent", "crisis", "advice", "small_talk",
         "poll", "constructor", "__proto__", ""]  # fmt: skip


def test_every_kind_and_every_odd_reply_is_shown_without_an_error(widget):
    """Also after a reload: no reply damages the history."""
    corpus = [*ODD.values(), *(reply(kind=kind, paragraphs=[f"Said as {kind}."]) for kind in KINDS)]
    answer_with(widget, *corpus)
    widget.box.fill(QUESTION)
    widget.box.press("Enter")
    expect(widget.replies).to_have_count(len(corpus))
    for kind in KINDS:
        expect(widget.replies.filter(has_text=f"Said as {kind}.")).to_have_count(1)
    assert widget.replies.filter(has_text="Only a text.").count() == 2
    widget.page.reload()
    expect(widget.replies).to_have_count(len(corpus))


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", '{"replies": []}', '{"replies": null, "conversation": 3}', "<html>"]
)
def test_an_answer_that_is_none_counts_as_an_outage(widget, body):
    widget.page.route("**/api/chat", lambda route: route.fulfill(body=body, content_type="application/json"))
    widget.box.fill(QUESTION)
    widget.box.press("Enter")
    expect(widget.root.get_by_role("alert")).to_contain_text("I can't look up an answer right now.")
    assert widget.box.input_value() == QUESTION


def test_a_refusal_is_told_in_the_servers_words_with_the_number_to_call(widget):
    error = {"error": {"code": "text_too_long", "message": "Your message is too long. In an emergency call 911."}}
    widget.page.route("**/api/chat", lambda route: route.fulfill(status=400, body=json.dumps(error)))
    widget.box.fill(QUESTION)
    widget.box.press("Enter")
    expect(widget.root.get_by_role("alert")).to_contain_text("Your message is too long.")
    expect(widget.root.get_by_role("alert").locator(".number").first).to_have_text("911")


def test_a_chat_that_the_server_no_longer_knows_goes_on_as_a_new_one(widget):
    """Its secret was changed: the id is refused once, and the question is answered all the same."""
    widget.ask(QUESTION)
    script = """() => { const kept = JSON.parse(sessionStorage['clinic-chat']); kept.conversation = 'of.another-server';
                        sessionStorage['clinic-chat'] = JSON.stringify(kept); }"""
    widget.page.evaluate(script)
    widget.page.reload()
    assert widget.ask("what tests are done?").locator("h3").inner_text() == "Tests after repeated losses"
