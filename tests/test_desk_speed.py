"""How long each page of the desk takes over HTTP with a full database (100,000 turns, 5,000 questions), on both kinds.

The bar is 300 ms for 19 of 20. A page that misses it is measured again, twice at most: the machine may have been busy
with something else for that moment.
"""

import re
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import httpx
import psutil
import pytest

from bot.store.database import Database
from bot.web.desk.accounts import Accounts
from scripts.train import model_path
from tests.desk import EDITOR, PASSWORDS
from tests.desk_data import fill_audit, fill_counts, fill_questions
from tests.product import front_alone

pytestmark = [pytest.mark.long, pytest.mark.model, pytest.mark.servers, pytest.mark.timeout(900)]

TURNS, QUESTIONS, DEEDS = 100_000, 5_000, 20_000
TIMES, TRIES = 20, 3
BAR_S = 0.3
INBOX = "/desk/inbox"
PAGES = ["/desk", "/desk/answers/causes/pcos", "/desk/answers/causes/pcos/sheet", "/desk/content", "/desk/counts",
         "/desk/counts?weeks=57", "/desk/counts.csv", INBOX, f"{INBOX}?order=frequent", f"{INBOX}?page=40",
         f"{INBOX}?state=means", "/desk/account", "/desk/audit"]  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full_database_url(request, tmp_path_factory) -> str:
    """The address of a database with all that a year brings, and an editor."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('full')}/clinic.db"
    else:
        url = request.getfixturevalue("postgresql").new_database()
    database = Database(url)
    database.prepare()
    today = date.today()
    fill_counts(database, TURNS, today)
    fill_questions(database, QUESTIONS, today)
    fill_audit(database, DEEDS)
    Accounts(database, "x", timedelta(minutes=30)).save(EDITOR, "editor", PASSWORDS[EDITOR])
    database.close()
    return url


@pytest.fixture(scope="module")
def desk(full_database_url) -> Iterator[httpx.Client]:
    """An editor's browser at a front server with that database, in a process of its own."""
    with (
        front_alone(DATABASE_URL=full_database_url, MODEL=str(model_path()), CLINIC_SECRET="x") as (port, process),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as browser,
    ):
        fields = {"csrf": token(browser, "/desk/sign-in"), "name": EDITOR, "password": PASSWORDS[EDITOR]}
        assert browser.post("/desk/sign-in", data=fields).status_code == 303
        browser.server = psutil.Process(process.pid)
        yield browser


def token(browser: httpx.Client, path: str) -> str:
    return re.search(r'name="csrf" value="(\w+)"', browser.get(path).text)[1]


def p95(desk: httpx.Client, what: str, do: Callable[[], httpx.Response]) -> float:
    """Return the seconds that 19 of 20 take at most, in the best of three tries where the first is too slow.

    The time of the front server's processor is printed beside it: it says what an idle machine would need.
    """
    found, before, count = [], computing(desk), 0
    for _ in range(TRIES):
        times = []
        for _ in range(TIMES):
            started = time.perf_counter()
            assert do().status_code in (200, 303)
            times.append(time.perf_counter() - started)
        count += TIMES
        found.append(statistics.quantiles(times, n=20)[-1])
        if found[-1] < BAR_S:
            break
    each = (computing(desk) - before) / count
    print(f"{what}: p95 {1000 * min(found):.0f} ms, {1000 * each:.0f} ms of the processor each")
    return min(found)


def computing(desk: httpx.Client) -> float:
    used = desk.server.cpu_times()
    return used.user + used.system


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_there_at_once(desk, path, record_property):
    taken = p95(desk, path, lambda: desk.get(path))
    record_property("p95_ms", round(1000 * taken))
    assert taken < BAR_S


def test_a_search_is_there_at_once(desk):
    words = iter(["can pcos cause it", "tests for APS", "pt w/ FVL", "soaking a pad every hour"] * TIMES * TRIES)
    taken = p95(desk, "find", lambda: desk.post("/desk/find", json={"text": next(words)}))
    assert taken < BAR_S


def test_a_decision_and_its_undoing_are_there_at_once(desk):
    """Of the largest group: of five hundred questions."""
    csrf, deeds = token(desk, INBOX), iter(["ignored", "open"] * TIMES * TRIES)
    version = iter(range(1, 2 * TIMES * TRIES))

    def decide() -> httpx.Response:
        fields = {"csrf": csrf, "group": "1", "version": str(next(version)), "deed": next(deeds)}
        return desk.post(INBOX, data=fields)

    taken = p95(desk, "deciding", decide)
    assert taken < BAR_S
