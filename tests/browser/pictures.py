"""Take the pictures of docs/widget: `make pictures`. Look at each of them after a change of the widget's look."""

import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bot.paths import ROOT
from tests.browser.conftest import DESK, PHONE
from tests.browser.widget import Widget
from tests.product import running

FOLDER = ROOT / "docs" / "widget"
COLOURS = 48  # of a picture's palette: all that such plain pages need
ON_PHONE = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
ON_DESK = {"viewport": DESK}


def opened(widget: Widget) -> None:
    widget.root.locator(".opening").wait_for()


def closed(widget: Widget) -> None:
    widget.button("Close").click()


def answered(widget: Widget) -> None:
    widget.ask("can pcos cause miscarriage?")


def answer_read(widget: Widget) -> None:
    reply = widget.ask("can pcos cause miscarriage?")
    reply.locator("summary").click()
    widget.log.evaluate("log => { log.scrollTop = log.scrollHeight; }")


def asked_back(widget: Widget) -> None:
    widget.ask("thyroid?")


def in_danger(widget: Widget) -> None:
    widget.ask("I am soaking a pad every hour")


def in_crisis(widget: Widget) -> None:
    widget.ask("I want to kill myself")


def offline(widget: Widget) -> None:
    widget.page.context.set_offline(True)
    widget.box.fill("what tests are done?")
    widget.box.press("Enter")
    widget.root.locator("[data-kind=error]").wait_for()


def browsing(widget: Widget) -> None:
    widget.part("answers").locator("summary").nth(1).click()


def collecting(widget: Widget) -> None:
    answered(widget)
    widget.button("Add to my sheet").click()
    sheet = widget.part("sheet")
    sheet.locator("#new").fill("What could each test change?")
    sheet.locator("#new").press("Enter")


PICTURES: dict[str, tuple[Callable[[Widget], None], dict]] = {
    "phone-open": (opened, ON_PHONE),
    "phone-answer": (answered, ON_PHONE),
    "phone-answer-end": (answer_read, ON_PHONE),
    "phone-choice": (asked_back, ON_PHONE),
    "phone-urgent": (in_danger, ON_PHONE),
    "phone-crisis-dark": (in_crisis, {**ON_PHONE, "color_scheme": "dark"}),
    "phone-offline": (offline, ON_PHONE),
    "phone-answers": (browsing, ON_PHONE),
    "phone-sheet": (collecting, ON_PHONE),
    "phone-320": (answered, {**ON_PHONE, "viewport": {"width": 320, "height": 568}}),
    "desk-open": (opened, ON_DESK),
    "desk-closed": (closed, ON_DESK),
    "desk-urgent-dark": (in_danger, {**ON_DESK, "color_scheme": "dark"}),
    "desk-forced-colours": (in_danger, {**ON_DESK, "forced_colors": "active"}),
}


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(exist_ok=True)
    with running() as bot, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (state, look) in PICTURES.items():
            take(browser, bot.url, name, state, look)
        browser.close()


def take(browser: Browser, url: str, name: str, state: Callable[[Widget], None], look: dict) -> None:
    """Bring a new visitor's page into a state and keep its picture."""
    context = browser.new_context(**look)
    widget = Widget(context.new_page())
    widget.page.goto(url)
    widget.page.wait_for_load_state("networkidle")
    state(widget)
    keep(widget.page, FOLDER / f"{name}.png")
    context.close()


def keep(page: Page, path: Path) -> None:
    """Keep a picture of what the window shows, with few colours, so that it is small."""
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
