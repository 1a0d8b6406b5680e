"""Take the pictures of docs/desk: each page at 1280 and at 390 pixels, with made-up data. `make pictures`."""

import shutil
from collections.abc import Callable
from datetime import date
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from bot.paths import ROOT
from bot.store.database import Database
from scripts.train import model_path
from tests.browser.pictures import keep
from tests.desk import EDITOR, PASSWORDS
from tests.desk_data import fill_audit, fill_counts, fill_questions
from tests.product import front_alone

FOLDER = ROOT / "docs" / "desk"
LOOKS = {"wide": {"viewport": {"width": 1280, "height": 900}},
         "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}}  # fmt: skip


def searching(page: Page) -> None:
    page.locator("#text").press_sequentially("pt w/ 3 SABs and FVL")
    page.get_by_role("option", name="Inherited clotting").first.wait_for()


def in_danger(page: Page) -> None:
    page.locator("#text").press_sequentially("soaking a pad every hour")
    page.locator(".alarm").wait_for()


def as_it_is(page: Page) -> None:
    pass


PICTURES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "find": ("/desk", searching),
    "red-flag": ("/desk", in_danger),
    "answer": ("/desk/answers/causes/pcos", as_it_is),
    "sheet": ("/desk/answers/causes/pcos/sheet", as_it_is),
    "content": ("/desk/content", as_it_is),
    "inbox": ("/desk/inbox", as_it_is),
    "counts": ("/desk/counts", as_it_is),
    "account": ("/desk/account", as_it_is),
    "audit": ("/desk/audit", as_it_is),
}


def main() -> None:
    """Take every picture anew."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/clinic.db")
        database.prepare()
        fill_counts(database, 3_000, date.today())
        fill_questions(database, 60, date.today())
        fill_audit(database, 40)
        settings = {"DATABASE_URL": str(database.url), "MODEL": str(model_path()), "CLINIC_SECRET": "x"}
        account = {"DESK_USER": EDITOR, "DESK_PASSWORD": PASSWORDS[EDITOR]}
        with front_alone(**settings, **account) as (port, _), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for look in LOOKS:
                take_all(browser, f"http://127.0.0.1:{port}", look)
            browser.close()


def take_all(browser: Browser, url: str, look: str) -> None:
    """Sign in, and take every page's picture in one look."""
    context = browser.new_context(base_url=url, **LOOKS[look])
    context.set_default_timeout(90_000)  # also on a busy machine
    page = context.new_page()
    page.goto("/desk/sign-in")
    keep(page, FOLDER / f"sign-in-{look}.png")
    page.locator("#name").fill(EDITOR)
    page.locator("#password").fill(PASSWORDS[EDITOR])
    page.locator("#password").press("Enter")
    page.wait_for_url("**/desk")
    for name, (path, state) in PICTURES.items():
        page.goto(path)
        state(page)
        keep(page, FOLDER / f"{name}-{look}.png")
    context.close()


if __name__ == "__main__":
    main()
