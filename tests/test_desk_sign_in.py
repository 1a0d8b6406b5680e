"""The desk's door over HTTP, under attack: in by name and password alone, and nothing is done for another site."""

import logging
import re
import statistics
import time
from datetime import datetime

import pytest
from sqlalchemy import delete
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from bot.clinic import PRODUCTION
from bot.paths import DATA
from bot.safety import SafetyCheck
from bot.store.database import Database
from bot.store.desk import Account, Attempt, Audit
from bot.web.app import create_app
from bot.web.desk.cookies import SESSION, Cookies
from bot.web.desk.layout import LONGEST_FORM
from tests.desk import EDITOR, PASSWORDS, READER, Visitor, plain

PAGES = ["/desk", "/desk/content", "/desk/counts", "/desk/counts.csv", "/desk/inbox", "/desk/account", "/desk/audit",
         "/desk/answers/causes/pcos", "/desk/answers/causes/pcos/sheet"]  # fmt: skip
WRONG = 403


def cookie(response, name="desk") -> str:
    """Return the line that sets a cookie."""
    (line,) = [each for each in response.headers.get_list("set-cookie") if each.startswith(f"{name}=")]
    return line


# Who gets in.


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_signing_in(visitor, path):
    response = visitor.get(path)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/desk/sign-in")
    assert response.content == b""


@pytest.mark.parametrize("path", PAGES)
def test_an_editor_sees_every_page(editor, path):
    assert editor.get(path).status_code == 200


def test_a_reader_sees_all_but_the_audit(visitor):
    visitor.sign_in(READER)
    seen = {path: visitor.get(path).status_code for path in PAGES}
    assert seen == {path: 403 if path == "/desk/audit" else 200 for path in PAGES}


def test_without_any_account_the_desk_says_how_to_make_one(tmp_path):
    environ = {"CLINIC_SECRET": "x", "DATABASE_URL": f"sqlite:///{tmp_path}/clinic.db", "DESK_USER": ""}
    app = create_app(environ, safety=SafetyCheck(DATA / "safety.yml"))
    unprepared = Visitor(app).get("/desk/sign-in")
    assert (unprepared.status_code, "database can't be reached" in plain(unprepared.text)) == (503, True)
    Database(environ["DATABASE_URL"]).prepare()
    words = Visitor(app).words("/desk/sign-in")
    assert "make desk-user" in words
    assert "Password" not in words
    assert Visitor(app).get("/desk").headers["location"] == "/desk/sign-in"


def test_signing_in_leads_to_the_page_that_was_asked_for(visitor):
    to = visitor.get("/desk/content").headers["location"]
    token = re.search(r'name="next" value="([^"]*)"', visitor.get(to).text)
    assert token[1] == "/desk/content"
    assert visitor.sign_in(to=token[1]).headers["location"] == "/desk/content"


def test_signing_out_ends_it_at_the_server(editor):
    kept = editor.cookies.get("desk")
    assert editor.submit("/desk/sign-out", page="/desk/account").status_code == 303
    editor.cookies.set("desk", kept, domain="testserver.local", path="/desk")
    assert not editor.is_in()


# Cookies.


def test_the_cookie_is_for_the_desk_alone_and_for_no_script(visitor):
    line = cookie(visitor.sign_in()).lower()
    for part in ("httponly", "samesite=lax", "path=/desk"):
        assert part in line
    assert "secure" not in line  # this is http://testserver


def test_over_https_the_cookie_never_travels_in_the_clear(desk_app):
    over_https = Visitor(desk_app, base_url="https://testserver")
    assert "; secure" in cookie(over_https.sign_in(), "__Secure-desk").lower()


def test_in_production_it_does_not_either_whatever_the_proxy_says():
    request, response = Request({"type": "http", "scheme": "http", "headers": [], "path": "/desk"}), Response()
    Cookies("secret", {"CLINIC_ENV": PRODUCTION}).set(request, response, SESSION, "token")
    assert re.fullmatch(r"__Secure-desk=.*; Secure", response.headers["set-cookie"])


@pytest.mark.parametrize(
    "forged", ["guess", "guess.guess", "a.b.c", "", "x" * 4000, "é", "'; DROP TABLE desk_accounts"]
)
def test_a_cookie_that_was_not_signed_here_opens_nothing(visitor, forged):
    response = visitor.get("/desk", headers={"Cookie": f"desk={forged}".encode()})
    assert response.status_code == 303


def test_a_session_from_before_signing_in_is_never_taken_over(visitor, desk_app):
    """Fixation: who plants a cookie, even a valid one of his own, gains nothing from somebody signing in with it."""
    attacker = Visitor(desk_app)
    attacker.sign_in(READER)
    planted = attacker.cookies.get("desk")
    visitor.get("/desk/sign-in")
    visitor.cookies.set("desk", planted, domain="testserver.local", path="/desk")
    given = cookie(visitor.sign_in(EDITOR))
    assert planted not in given
    assert not attacker.is_in()  # the planted session is over


def test_each_sign_in_has_a_session_of_its_own(desk_app):
    given = {cookie(Visitor(desk_app).sign_in()) for _ in range(3)}
    assert len(given) == 3


# Forms from elsewhere.


@pytest.mark.parametrize("token", [None, "", "guess", "0" * 64])
def test_a_form_without_the_page_s_token_changes_nothing(editor, token):
    fields = {"old": PASSWORDS[EDITOR], "new": "four green kettles", "again": "four green kettles"}
    response = editor.post("/desk/account", data=fields | ({} if token is None else {"csrf": token}))
    assert response.status_code == 403
    assert Visitor(editor.app).sign_in(EDITOR).status_code == 303


def test_a_token_of_another_person_s_page_is_none(editor, desk_app):
    other = Visitor(desk_app)
    other.sign_in(READER)
    assert editor.post("/desk/sign-out", data={"csrf": other.token()}).status_code == 403
    assert editor.is_in()


@pytest.mark.parametrize("path", ["/desk/sign-out", "/desk/account", "/desk/inbox", "/desk/sign-in"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_that_another_site_sends_is_refused(editor, path, site):
    token = editor.token("/desk/sign-in" if path == "/desk/sign-in" else "/desk/account")
    fields = {"csrf": token, "name": READER, "password": PASSWORDS[READER]}
    assert editor.post(path, data=fields, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert editor.is_in()


def test_nobody_is_signed_in_to_another_s_account_by_a_form_of_another_site(visitor):
    response = visitor.post("/desk/sign-in", data={"name": READER, "password": PASSWORDS[READER]})
    assert response.status_code == 403
    assert not visitor.is_in()


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_nothing_is_changed_but_by_a_form(editor, method):
    assert getattr(editor, method)("/desk/sign-out").status_code == 405
    assert editor.is_in()


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (b"{}", "application/json"),
        (b"csrf=x", "text/plain"),
        (b"a=" + b"x" * LONGEST_FORM, "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(60)), "application/x-www-form-urlencoded"),
        (b"name=\xff\xfe", "application/x-www-form-urlencoded"),
        (b"", ""),
    ],
    ids=["json", "text", "large", "many fields", "no UTF-8", "empty"],
)
def test_what_is_no_form_of_ours_is_refused_with_a_page(visitor, content, type):
    response = visitor.post("/desk/sign-in", content=content, headers={"Content-Type": type})
    assert 400 <= response.status_code < 404
    assert "form" in plain(response.text)


# Guessing.


def test_after_five_wrong_passwords_the_right_one_is_refused_in_the_same_words(visitor):
    pages = [visitor.sign_in(EDITOR, "wrong password") for _ in range(5)]
    pages.append(visitor.sign_in(EDITOR))
    assert [page.status_code for page in pages] == [WRONG] * 6
    assert len({re.sub(r'value="\w+"', "", page.text) for page in pages}) == 1


def test_an_answer_never_tells_whether_an_account_exists(visitor, desk_app):
    known = [visitor.sign_in(EDITOR, "wrong password") for _ in range(7)]
    unknown = [Visitor(desk_app, "192.0.2.2").sign_in("nobody", "wrong password") for _ in range(7)]
    words = {re.sub(r'value="\w+"', "", page.text) for page in (*known, *unknown)}
    assert len(words) == 1
    assert {page.status_code for page in (*known, *unknown)} == {WRONG}
    headers = [{name for name, _ in page.headers.multi_items()} for page in (*known, *unknown)]
    assert all(each == headers[0] for each in headers)


def test_a_name_that_is_not_there_takes_as_long_as_one_that_is(desk_app):
    """The times of both overlap: the difference of the medians is well within their own spread."""
    accounts, database = desk_app.state.accounts, desk_app.state.desk_database

    def seconds(name: str) -> float:
        with database.writing() as rows:
            rows.execute(delete(Attempt))
        started = time.perf_counter()
        assert accounts.sign_in(name, "wrong password", "192.0.2.3") is None
        return time.perf_counter() - started

    times = {EDITOR: [], "nobody": []}
    for _ in range(25):  # in turn, so that other work on this machine meets both alike
        for name, taken in times.items():
            taken.append(seconds(name))
    known, unknown = (statistics.median(each) for each in times.values())
    assert abs(known - unknown) < 0.25 * min(known, unknown), (known, unknown)


# Injection.

SQL = ["' OR '1'='1' --", "dana'--", "dana'; DROP TABLE desk_accounts; --", '" OR ""="', "dana\0", "1 UNION SELECT 1"]
HTML = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}", "{%print(1)%}"]


@pytest.mark.parametrize("text", SQL)
def test_sql_in_the_form_is_only_text(visitor, desk_app, text):
    for fields in ({"name": text, "password": text}, {"name": EDITOR, "password": text}):
        assert visitor.submit("/desk/sign-in", fields).status_code == WRONG
    with desk_app.state.desk_database.reading() as rows:
        assert rows.query(Account).count() == 2


@pytest.mark.parametrize("text", HTML)
def test_html_in_a_form_or_an_address_never_comes_back_as_html(visitor, editor, text):
    pages = [
        Visitor(editor.app).submit("/desk/sign-in", {"name": text, "password": text, "next": text}).text,
        Visitor(editor.app).get("/desk/sign-in", params={"next": text}).text,
        editor.get(f"/desk/answers/causes/{text}").text,
        editor.get("/desk/counts", params={"weeks": text}).text,
        editor.get("/desk/inbox", params={"state": text, "order": text, "page": text, "done": text}).text,
        editor.submit("/desk/inbox", {"deed": text, "group": text, "answer": text, "state": text}).text,
        editor.post("/desk/find", data={"text": text}).text,
    ]
    assert all(text not in page for page in pages)


def test_what_people_name_themselves_is_escaped(desk_app, editor):
    """No name like this can be made; a row that stands in the table all the same is shown as text."""
    with desk_app.state.desk_database.writing() as rows:
        rows.add(Audit(who="<b>x</b>", deed="<i>", about="<u>", place="", at=datetime(2026, 1, 1)))
    page = editor.get("/desk/audit").text
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


# Redirections.


@pytest.mark.parametrize(
    "to",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/desk//evil.example", "/desk/../../x", "/deskevil",
     "javascript:alert(1)", "/desk\r\nSet-Cookie: a=b", "/desk?next=//evil.example", "%2f%2fevil.example", "",
     "/desk/@e", "http:/desk", "/desk/answers/causes/pcos#x", " /desk", "/desk\n"],
)  # fmt: skip
def test_signing_in_never_leads_to_another_site(visitor, to):
    assert visitor.sign_in(to=to).headers["location"] == "/desk"


# What leaves the server.


@pytest.mark.parametrize("path", ["/desk", "/desk/sign-in", *PAGES])
def test_every_page_has_the_strict_policy_and_is_never_kept(editor, path):
    headers = editor.get(path).headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'",
                 "require-trusted-types-for 'script'", "trusted-types 'none'"):  # fmt: skip
        assert part in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", [path for path in PAGES if not path.endswith(".csv")])
def test_no_page_needs_more_than_the_policy_gives(editor, path):
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|<style|javascript:", editor.get(path).text)


def test_no_password_reaches_the_log(visitor, caplog):
    with caplog.at_level(logging.DEBUG):
        visitor.sign_in(EDITOR, "my secret words")
        visitor.sign_in("my secret name")
    assert "secret" not in caplog.text


def test_other_sites_of_the_clinic_get_nothing_of_the_desk(tmp_path, monkeypatch, editor):
    response = editor.get("/desk", headers={"Origin": "https://www.clinic.example"})
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_new_password_works_and_the_old_one_does_not(desk_app):
    desk_app.state.accounts.save("mira", "reader", "eight loud clocks")
    visitor = Visitor(desk_app)
    visitor.sign_in("mira", "eight loud clocks")
    fields = {"old": "eight loud clocks", "new": "nine quiet clocks", "again": "nine quiet clocks"}
    assert "is changed" in plain(visitor.submit("/desk/account", fields).text)
    assert Visitor(desk_app).sign_in("mira", "eight loud clocks").status_code == WRONG
    assert Visitor(desk_app).sign_in("mira", "nine quiet clocks").status_code == 303


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"again": "another one, longer"}, "not the same"), ({"new": "short", "again": "short"}, "12 to 200 characters"),
     ({"old": "wrong"}, "not your password now")],
)  # fmt: skip
def test_a_new_password_that_cannot_be_taken_says_why(editor, changed, said):
    fields = {"old": PASSWORDS[EDITOR], "new": "four green kettles", "again": "four green kettles"}
    response = editor.submit("/desk/account", fields | changed)
    assert response.status_code in (400, 403)
    assert said in plain(response.text)


def test_the_public_pages_never_get_the_desk_s_cookie(editor):
    seen = []
    with TestClient(editor.app) as client:
        client.cookies = editor.cookies
        for path in ("/", "/api/answers", "/widget.js"):
            seen.append(client.build_request("GET", path).headers.get("cookie"))
    assert seen == [None, None, None]
