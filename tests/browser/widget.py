"""The widget as a visitor meets it: what the browser tests do and see, in their words."""

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, Response, expect

from bot.paths import ROOT

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STORED = "() => JSON.stringify({...sessionStorage})"


class Widget:
    """One page with the widget on it. `errors` grows with what goes wrong in it, `requests` with what it loads."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("clinic-chat")
        self.launcher = self.root.locator(".launcher")
        self.panel = self.root.locator("dialog")
        self.log = self.root.get_by_role("log")
        self.box = self.root.locator("#text")
        self.status = self.root.locator(".chat form [role=status]")
        self.replies = self.root.locator("li.program > .card:not(.opening, [data-kind=error])")
        self.questions = self.root.locator("li.you > .card")
        self.alarm = self.root.locator(".alarm")
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, kind: str, text: str) -> None:
        network = "Failed to load resource" in text or "ERR_" in text  # what a test broke on purpose
        if kind in ("error", "warning") and not network:
            self.errors.append(text)

    def ask(self, text: str) -> Locator:
        """Type a question, send it, and return the answer."""
        count = self.replies.count()
        self.box.fill(text)
        self.box.press("Enter")
        expect(self.replies).to_have_count(count + 1)
        return self.replies.nth(count)

    def choose(self, label: str, within: Locator | None = None) -> Locator:
        """Tap a button that leads to an answer, and return the answer."""
        count = self.replies.count()
        self.button(label, within).click()
        expect(self.replies).to_have_count(count + 1)
        return self.replies.nth(count)

    def button(self, label: str, within: Locator | None = None) -> Locator:
        return (within or self.root).get_by_role("button", name=label, exact=True).last

    def part(self, name: str) -> Locator:
        """Show a part of the panel, and return it."""
        self.root.locator(f"nav button[value={name}]").click()
        return self.root.locator(f".view.{'browse' if name == 'answers' else name}")

    def stored(self) -> dict[str, Any]:
        """Return what the tab keeps for this site."""
        return json.loads(self.page.evaluate(STORED))

    def focus(self) -> str:
        """Return what has the focus inside the widget, as its text or its id; empty where nothing has."""
        script = """() => { const e = document.querySelector('clinic-chat')?.shadowRoot?.activeElement;
                            return e ? (e.id || e.textContent || e.tagName).trim() : '' }"""
        return self.page.evaluate(script)

    def violations(self) -> list[str]:
        """Return what axe-core finds on the page."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("tags => axe.run(document, {runOnly: tags})", AXE_TAGS)["violations"]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]

    def small_targets(self, least: int, selector: str = "button, a, summary, textarea, input") -> list[str]:
        """Return the visible controls that are lower or narrower than `least` pixels."""
        script = """([selector, least]) =>
          [...document.querySelector('clinic-chat').shadowRoot.querySelectorAll(selector)]
          .filter((e) => e.checkVisibility() && !e.closest('[hidden]'))
          .map((e) => [e.textContent.trim() || e.id, e.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0 && (box.width < least - 0.5 || box.height < least - 0.5))
          .map(([name, box]) => `${name}: ${box.width.toFixed(0)} x ${box.height.toFixed(0)}`)"""
        return self.page.evaluate(script, [selector, least])


def is_chat(response: Response) -> bool:
    """Whether this is the server's answer to a turn."""
    return response.url.endswith("/api/chat") and response.request.method == "POST"


def numbers(text: str) -> str:
    """Return the digits of a telephone link or number."""
    return re.sub(r"\D", "", text)


def page(door: str, attributes: str = 'lang="en"', data: str = "data-open", head: str = "") -> str:
    """Return a small page of another site, with the widget on it."""
    return (
        f"<!doctype html><html {attributes}><head><title>A site</title>{head}"
        f'<script src="{door}/widget.js" {data} defer></script></head>'
        "<body><main><h1>A site</h1><p>Words of the site.</p><button>Its button</button></main></body></html>"
    )
