"""Texts from the server or the person never become markup, whatever they hold and wherever they stand."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

PAYLOADS = yaml.safe_load((Path(__file__).parent / "payloads.yml").read_text())["payloads"]
SNARE = """() => {
  window.caught = [];
  for (const name of ['alert', 'prompt', 'confirm']) window[name] = (x) => caught.push(x);
}"""
FOUND = """() => {
  const root = document.querySelector('clinic-chat').shadowRoot;
  const allowed = ['A', 'BUTTON', 'DETAILS', 'DIALOG', 'DIV', 'FORM', 'H2', 'H3', 'H4', 'INPUT', 'LABEL', 'LI', 'NAV',
                   'OL', 'P', 'SPAN', 'SUMMARY', 'TEXTAREA', 'UL'];
  return {
    caught: window.caught,
    tags: [...root.querySelectorAll('*')].map((e) => e.tagName).filter((tag) => !allowed.includes(tag)),
    links: [...root.querySelectorAll('[href], [src]')].map((e) => e.getAttribute('href') ?? e.getAttribute('src'))
      .filter((link) => !/^(https?:|tel:[\\d+]*$|sms:[\\d+]*$)/i.test(link)),
    handlers: [...root.querySelectorAll('dialog *')].flatMap((e) => [...e.attributes]).map((a) => a.name)
      .filter((name) => name.startsWith('on') || name === 'style' || name === 'srcdoc'),
  };
}"""


def hostile(payload: str, kind: str = "answer") -> dict:
    """Return a reply with the payload in every part."""
    return {
        "answer": payload,
        "kind": kind,
        "title": payload,
        "paragraphs": [payload, f"Call 911 {payload}"],
        "sources": [{"document": payload, "title": payload, "heading": payload, "url": payload}],
        "disclaimer": payload,
        "consultation": {"text": payload, "label": payload, "url": payload, "phone": payload},
        "next": [{"label": payload, "choice": payload}],
        "level": payload,
        "confidence": payload,
    }


def test_there_are_a_hundred_payloads():
    assert len(set(PAYLOADS)) >= 100


@pytest.fixture
def snared(visit) -> Iterator:
    widget = visit()
    widget.page.evaluate(SNARE)
    yield widget
    widget.page.unroute_all()


def held(widget) -> dict:
    found = widget.page.evaluate(FOUND)
    return {name: each for name, each in found.items() if each}


@pytest.mark.parametrize("kind", ["answer", "urgent", "choice", "<img src=x onerror=alert(1)>"])
def test_no_text_of_the_server_becomes_markup(snared, kind):
    """All payloads in one reply after another, in every part, then from what the tab kept."""
    replies = [hostile(payload, kind) for payload in PAYLOADS]
    body = json.dumps({"conversation": PAYLOADS[0], "replies": replies})
    snared.page.route("**/api/chat", lambda route: route.fulfill(body=body, content_type="application/json"))
    snared.box.fill("what tests are done?")
    snared.box.press("Enter")
    snared.replies.nth(len(PAYLOADS) - 1).wait_for(state="attached")
    assert held(snared) == {}
    for payload, text in zip(PAYLOADS, snared.replies.locator("h3").all_text_contents(), strict=True):
        assert text == payload
    for summary in snared.root.locator("summary").all()[:3]:
        summary.click()
    if kind == "answer":
        for keep in snared.root.locator("button.keep").all()[:5]:
            keep.evaluate("e => e.click()")
        snared.part("sheet")
        assert held(snared) == {}
    snared.page.reload()
    snared.page.evaluate(SNARE)
    snared.replies.first.wait_for(state="attached")
    assert held(snared) == {}


SEND_ALL = """async (texts) => {
  const root = document.querySelector('clinic-chat').shadowRoot;
  const list = root.querySelector('[role=log] ol'), box = root.querySelector('textarea');
  for (const text of texts) {
    const before = list.children.length;
    box.value = text;
    box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}));
    while (list.children.length < before + 2) await new Promise((done) => setTimeout(done, 5));
  }
}"""


def test_no_text_of_a_person_becomes_markup(snared):
    reply = {"conversation": "x", "replies": [hostile("Words.")]}
    snared.page.route("**/api/chat", lambda route: route.fulfill(json=reply))
    snared.page.evaluate(SEND_ALL, PAYLOADS)
    assert snared.questions.count() == len(PAYLOADS)
    assert held(snared) == {}


def test_no_label_of_a_browsed_answer_or_error_becomes_markup(snared):
    answers = {"answers": [{**hostile(payload), "answer": f"causes/{i}"} for i, payload in enumerate(PAYLOADS)]}
    error = {"error": {"code": "x", "message": "".join(PAYLOADS)}}
    snared.page.route("**/api/answers", lambda route: route.fulfill(json=answers))
    snared.page.route("**/api/chat", lambda route: route.fulfill(status=400, json=error))
    snared.page.reload()
    snared.page.evaluate(SNARE)
    browse = snared.part("answers")
    browse.locator("summary").first.click()
    assert browse.locator(".choice").all_text_contents() == PAYLOADS
    snared.part("chat")
    snared.box.fill("x")
    snared.box.press("Enter")
    snared.root.locator("[data-kind=error]").wait_for()
    assert held(snared) == {}


SPOILT = [
    '{"shown": 5, "at": 9e15}',
    "not JSON",
    '{"at": 9e15}',
    '{"shown": [null, 3, {"kind": {}}], "at": 9e15, "sheet": {"answers": [], "questions": []}}',
]


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_the_tab_kept_may_be_spoilt_and_a_chat_still_begins(visit, spoilt):
    widget = visit()
    widget.page.evaluate("text => sessionStorage.setItem('clinic-chat', text)", spoilt)
    widget.page.reload()
    widget.launcher.wait_for(state="attached")
    if widget.launcher.is_visible():
        widget.launcher.click()
    assert widget.ask("can pcos cause miscarriage?").is_visible()
    widget.errors.clear()  # what could not be shown is told, by its kind alone
