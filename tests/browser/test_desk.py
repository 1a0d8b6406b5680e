"""The front desk in a real browser, by keyboard alone, and what a slow search or a broken server does to it."""

import contextlib
import io
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

import pypdf
import pytest
import uvicorn
from playwright.sync_api import Page, expect

from bot.answers import load_answers
from bot.paths import ANSWERS
from bot.reply import CRISIS, URGENT
from bot.store.database import Database
from bot.web import app
from bot.web.desk.accounts import Accounts
from scripts.train import model_path
from tests.browser.widget import AXE, AXE_TAGS
from tests.desk import EDITOR, PASSWORDS
from tests.desk_data import fill_counts, fill_questions
from tests.product import free_port
from tests.sign_in_service import sign_in_service

DESK, PHONE = {"width": 1024, "height": 768}, {"width": 390, "height": 844}
FLAG = "soaking a pad every hour"
ALERT_ABOVE_OPTIONS = """() => {
    const [alert, option] = ["[role=alert]", "[role=option]"].map(each => document.querySelector(each))
    return option && alert.getBoundingClientRect().bottom <= option.getBoundingClientRect().top
}"""
ANSWER = "/desk/answers/causes/pcos"
INBOX = "/desk/inbox"
PAGES = ["/desk", ANSWER, "/desk/answers/safety/urgent", "/desk/answers/safety/crisis", f"{ANSWER}/sheet",
         "/desk/content", INBOX, f"{INBOX}?state=means", f"{INBOX}?state=taught&order=frequent&done=delete",
         "/desk/counts", "/desk/account", "/desk/audit", "/desk/answers/causes/none"]  # fmt: skip
PROBLEM = ("error", "warning")


@pytest.fixture(scope="module")
def desk_url(tmp_path_factory) -> Iterator[str]:
    """The front server with the trained search, an editor, some questions and counts; nothing runs behind it.

    The clinic's own sign-in service runs beside it.
    """
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('desk')}/clinic.db")
    database.prepare()
    Accounts(database, "x", timedelta(minutes=30)).save(EDITOR, "editor", PASSWORDS[EDITOR])
    fill_counts(database, 2_000, date.today())
    fill_questions(database, 60, date.today())
    port = free_port()
    with sign_in_service(f"http://127.0.0.1:{port}") as service:
        environ = {"CLINIC_SECRET": "x", "DATABASE_URL": str(database.url), "MODEL": str(model_path())}
        with serving(port, {**os.environ, **environ, **service.settings}) as url:
            yield url


@contextlib.contextmanager
def serving(port: int, environ: Mapping[str, str]) -> Iterator[str]:
    """Serve the front server in a thread."""
    config = uvicorn.Config(app.create_app(environ), port=port, log_level="error", ws="none")
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        pass
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True


@pytest.fixture
def open_desk(browser, desk_url) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the desk; a page that logs an error or breaks its policy fails the test."""
    pages, errors = [], []

    def opened(**options) -> Page:
        context = browser.new_context(**{"viewport": DESK, "base_url": desk_url, **options})
        context.set_default_timeout(15_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if is_problem(said) else None)
        pages.append(page)
        page.goto("/desk")
        return page

    yield opened
    for page in pages:
        page.context.close()
    assert errors == []


def is_problem(said) -> bool:
    """Whether the page complains of more than a server that a test broke on purpose."""
    return said.type in PROBLEM and "Failed to load resource" not in said.text


def sign_in(page: Page) -> Page:
    """Sign in by keyboard: the name's field has the focus from the start."""
    type_name_and_password(page, PASSWORDS[EDITOR])
    page.wait_for_url("**/desk")
    return page


def type_name_and_password(page: Page, password: str) -> None:
    """Type both and press Enter, once the browser has put the focus into the name's field."""
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type(EDITOR)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


@pytest.fixture(scope="module")
def signed_in(browser, desk_url, tmp_path_factory) -> str:
    """The file of one sign-in's cookies, for the tests that are not about signing in."""
    context = browser.new_context(base_url=desk_url)
    page = context.new_page()
    page.goto("/desk")
    sign_in(page)
    path = str(tmp_path_factory.mktemp("cookies") / "desk.json")
    context.storage_state(path=path)
    context.close()
    return path


@pytest.fixture
def desk(open_desk, signed_in) -> Page:
    """The first page of the desk, signed in, its box ready to be typed into."""
    page = open_desk(storage_state=signed_in)
    expect(page.locator("#text")).to_be_focused()
    return page


def options(page: Page):
    return page.get_by_role("option")


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on the page."""
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", AXE_TAGS)["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


# By keyboard.


def test_signing_in_and_out_by_keyboard(open_desk):
    page = sign_in(open_desk())
    expect(page.locator("#text")).to_be_focused()
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/sign-in")
    page.goto("/desk")
    page.wait_for_url("**/desk/sign-in")


def test_a_wrong_password_is_said_to_a_screen_reader_too(open_desk):
    page = open_desk()
    type_name_and_password(page, "something wrong")
    expect(page.get_by_role("alert")).to_contain_text("That did not work")


def test_somebody_comes_in_through_the_clinic_s_own_sign_in_service(open_desk):
    page = open_desk()
    page.get_by_role("link", name="Sign in with the clinic's account").focus()
    page.keyboard.press("Enter")
    page.get_by_placeholder("Enter any login").fill("mira")
    page.get_by_placeholder("and password").fill("any")
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk")
    expect(page.locator(".who")).to_contain_text("Signed in as mira-k")
    page.goto(INBOX)
    expect(page.locator("article").first).to_be_visible()
    expect(page.get_by_role("combobox", name="This means")).to_have_count(0)  # a reader looks, and changes nothing


def test_an_answer_is_found_opened_and_copied_by_keyboard(desk):
    desk.keyboard.type("pt w/ 3 SABs and FVL")
    first = options(desk).first
    expect(first).to_contain_text("Inherited clotting conditions and pregnancy loss")
    expect(first).to_have_attribute("aria-selected", "true")
    desk.keyboard.press("ArrowDown")
    chosen = options(desk).nth(1)
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(desk.locator("#text")).to_have_attribute("aria-activedescendant", "result-1")
    desk.keyboard.press("ArrowUp")
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/answers/causes/clotting")
    desk.get_by_role("button", name="Copy as text").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#copied")).to_have_text("Copied.")
    text = desk.evaluate("() => navigator.clipboard.readText()")
    assert text.startswith("Inherited clotting conditions and pregnancy loss")
    assert "not medical advice" in text


def test_a_formatted_mail_is_copied_with_its_plain_text(desk):
    desk.goto(ANSWER)
    desk.get_by_role("button", name="Copy as formatted mail").click()
    expect(desk.locator("#copied")).to_have_text("Copied.")
    read = """async () => { const [item] = await navigator.clipboard.read();
      return Promise.all(['text/html', 'text/plain'].map(async (t) => (await item.getType(t)).text())) }"""
    mail, text = desk.evaluate(read)
    assert "<h3>PCOS and pregnancy loss</h3>" in mail
    assert text.startswith("PCOS and pregnancy loss")
    assert "Staff note" not in mail + text


def test_slash_goes_to_the_search_from_every_page_and_can_be_turned_off(desk):
    desk.goto("/desk/content")
    desk.keyboard.press("/")
    expect(desk.locator("#text")).to_be_focused()
    expect(desk.locator("#text")).to_have_value("")
    desk.keyboard.type("a/b")  # in the box it is a letter like others
    expect(desk.locator("#text")).to_have_value("a/b")
    desk.get_by_role("button", name="Turn the keys off").click()
    desk.reload()
    desk.locator("h1").click()
    desk.keyboard.press("/")
    expect(desk.locator("#text")).not_to_be_focused()


def test_escape_closes_the_results_and_then_clears_the_box(desk):
    desk.keyboard.type("thyroid")
    options(desk).first.wait_for()
    desk.keyboard.press("Escape")
    expect(desk.locator("#results")).to_be_hidden()
    expect(desk.locator("#text")).to_have_value("thyroid")
    desk.keyboard.press("ArrowDown")
    expect(desk.locator("#results")).to_be_visible()
    desk.keyboard.press("Escape")
    desk.keyboard.press("Escape")
    expect(desk.locator("#text")).to_have_value("")


def test_enter_before_the_results_are_there_opens_the_right_answer(desk):
    desk.keyboard.type("HSG", delay=0)
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/answers/tests/imaging")


def test_a_password_is_changed_by_keyboard_and_the_audit_shows_it(desk):
    desk.goto("/desk/account")
    desk.locator("#old").focus()
    for words in (PASSWORDS[EDITOR], PASSWORDS[EDITOR], PASSWORDS[EDITOR]):
        desk.keyboard.type(words)
        desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("status").filter(has_text="is changed")).to_be_visible()
    desk.goto("/desk/audit")
    expect(desk.locator("tbody")).to_contain_text("password changed")


# Inbox.


def first_group(page: Page):
    return page.locator("article").first


def test_a_question_is_decided_and_undone_by_keyboard(desk):
    desk.goto(INBOX)
    question = first_group(desk).locator("h2").inner_text()
    first_group(desk).get_by_role("combobox").focus()
    desk.keyboard.type("Tests after")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("status").filter(has_text="It is set")).to_be_visible()
    expect(desk.get_by_role("heading", name=question, exact=True)).to_have_count(0)
    desk.goto(f"{INBOX}?state=means")
    decided = desk.locator("article").filter(has=desk.get_by_role("heading", name=question, exact=True))
    expect(decided).to_contain_text("This means Tests after repeated losses")
    expect(decided).to_contain_text("Decided by dana.")
    decided.get_by_role("button", name="Undo").focus()
    with desk.expect_navigation():
        desk.keyboard.press("Enter")
    desk.goto(INBOX)
    expect(desk.get_by_role("heading", name=question, exact=True)).to_be_visible()


def test_of_two_people_at_the_same_question_the_second_sees_what_the_first_did(open_desk, signed_in):
    one, other = (open_desk(storage_state=signed_in) for _ in range(2))
    for page in (one, other):
        page.goto(INBOX)
    question = first_group(one).locator("h2").inner_text()
    first_group(one).get_by_role("button", name="It needs a new answer").click()
    one.wait_for_url("**done=needs_answer**")
    first_group(other).get_by_text("Delete …").click()
    first_group(other).get_by_role("button", name="Delete for good").click()
    expect(other.get_by_role("alert").filter(has_text="Somebody else")).to_contain_text(question)
    assert violations(other) == []
    other.goto(f"{INBOX}?state=needs_answer")
    kept = other.locator("article").filter(has=other.get_by_role("heading", name=question, exact=True))
    expect(kept).to_contain_text("Decided by dana.")
    kept.get_by_role("button", name="Undo").click()


# Red flags.


def test_a_red_flag_is_an_alert_at_the_top_and_stays_while_it_is_typed_on(desk):
    desk.keyboard.type(FLAG)
    alert = desk.get_by_role("alert")
    expect(alert).to_contain_text("Possible emergency. Tell the caller to call 911 now")
    desk.wait_for_function(ALERT_ABOVE_OPTIONS)  # both at one moment: each letter typed brings a new list
    desk.keyboard.type(", her name is not known")
    expect(alert).to_contain_text("Possible emergency")
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/answers/safety/urgent")
    expect(desk.locator(".alarm")).to_contain_text("Do not give advice from this screen.")


@pytest.mark.parametrize("broken", ["down", "error", "silent page"])
def test_when_the_search_cannot_be_reached_the_numbers_are_said(desk, broken):
    ways = {
        "down": lambda route: route.abort(),
        "error": lambda route: route.fulfill(status=500, body="{}"),
        "silent page": lambda route: route.fulfill(status=200, content_type="text/html", body="<p>proxy</p>"),
    }
    desk.route("**/desk/find", ways[broken])
    desk.keyboard.type(FLAG)
    expect(desk.locator("#note")).to_contain_text("call 911 now")


def test_whose_session_has_ended_still_gets_the_script(desk):
    desk.context.clear_cookies()
    desk.keyboard.type(FLAG)
    expect(desk.get_by_role("alert")).to_contain_text("Possible emergency")
    expect(desk.locator("#note")).to_contain_text("signed out")


# Privacy.


def test_nothing_typed_stays_in_the_browser(desk):
    desk.keyboard.type("zebrafish pcos")
    options(desk).first.wait_for()
    kept = desk.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert "zebrafish" not in kept
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/desk/answers/**")
    desk.go_back()
    assert "zebrafish" not in desk.content()
    expect(desk.locator("#text")).to_have_value("")


# On paper.


def test_every_answer_s_sheet_is_one_page_of_paper(desk):
    long = {}
    for id in load_answers(ANSWERS):
        if id in (URGENT, CRISIS):
            continue
        desk.goto(f"/desk/answers/{id}/sheet")
        pages = pypdf.PdfReader(io.BytesIO(desk.pdf(format="Letter"))).pages
        words = " ".join(pages[0].extract_text().split())
        assert "Back to the answer" not in words
        assert "Rosh Maternal & Fetal Medicine" in words
        if len(pages) > 1:
            long[id] = len(pages)
    assert long == {}


# For everyone.


@pytest.mark.parametrize("look", [{}, {"viewport": PHONE}, {"color_scheme": "dark"}], ids=["desk", "phone", "dark"])
def test_no_page_breaks_a_rule_of_axe(open_desk, signed_in, look):
    page = open_desk(storage_state=signed_in, **look)
    found = {"results": None, "alarm": None}
    for name, words in (("results", "thyroid"), ("alarm", FLAG)):
        page.locator("#text").fill(words)
        options(page).first.wait_for()
        found[name] = violations(page)
    for path in PAGES:
        page.goto(path)
        found[path] = violations(page)
    page.context.clear_cookies()
    page.goto("/desk/sign-in")
    found["sign-in"] = violations(page)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.parametrize("viewport", [DESK, PHONE, {"width": 320, "height": 568}], ids=["desk", "phone", "320 px"])
def test_no_page_is_wider_than_the_window(open_desk, signed_in, viewport):
    page = open_desk(storage_state=signed_in, viewport=viewport)
    wide = {}
    for path in PAGES:
        page.goto(path)
        over = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            wide[path] = over
    assert wide == {}


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_every_control_is_large_enough_to_hit(open_desk, signed_in, viewport):
    page = open_desk(storage_state=signed_in, viewport=viewport)
    small = """() => [...document.querySelectorAll('button, input, header a, .button')]
      .filter((e) => e.checkVisibility() && e.type !== 'hidden')
      .map((e) => [e.textContent || e.id, e.getBoundingClientRect()])
      .filter(([, box]) => box.width < 24 || box.height < 24).map(([name]) => name)"""
    found = {}
    for path in PAGES:
        page.goto(path)
        found[path] = page.evaluate(small)
    assert {path: names for path, names in found.items() if names} == {}


# In time.

WATCH = """() => { window.times = []; let typed = 0;
  document.getElementById('text').addEventListener('input', () => { typed = performance.now(); }, true);
  new MutationObserver(() => { if (typed) { window.times.push(performance.now() - typed); typed = 0; } })
    .observe(document.getElementById('results'), {childList: true}); }"""


TYPED = ("can pcos cause it", "tests for APS", "pt w/ FVL", "thyroid and losses")
TRIES = 3  # of a measurement: the machine may have been busy with something else


def test_the_first_result_is_there_a_tenth_of_a_second_after_a_keystroke(desk, record_property):
    desk.evaluate(WATCH)
    for _ in range(TRIES):
        desk.evaluate("window.times = []")
        for words in TYPED:
            desk.locator("#text").fill("")
            desk.locator("#text").press_sequentially(words, delay=120)
            options(desk).first.wait_for()
        times = desk.evaluate("window.times")
        p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(f"{len(times)} keystrokes: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
        if p95 < 100:
            break
    record_property("p95_ms", round(p95))
    assert len(times) > 40
    assert p95 < 100


def test_an_answer_is_open_a_second_after_one_reached_for_the_keyboard(desk, record_property):
    """From another page of the desk: / goes to the box, the words, Enter, and what to say is on the screen."""
    taken = []
    for _ in range(TRIES):
        taken = [seconds_to_open(desk, words) for words in (*TYPED, "HSG")]
        print("to open: " + ", ".join(f"{each:.2f} s" for each in taken))
        if max(taken) < 1:
            break
    record_property("most_s", round(max(taken), 2))
    assert max(taken) < 1


def seconds_to_open(page: Page, words: str) -> float:
    page.goto("/desk/content")
    started = time.perf_counter()
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.locator(".say").wait_for()
    return time.perf_counter() - started


# Counts.


def test_the_counts_are_drawn_and_can_be_read(desk):
    desk.goto("/desk/counts")
    expect(desk.locator("h1")).to_have_text("Counts")
    with desk.expect_download() as download:
        desk.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "counts.csv"
