"""Signing in to the desk through the clinic's own sign-in service: a real OpenID Connect provider, and its liars."""

import http.server
import logging
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from bot.clinic import SettingsFault
from bot.live import Live, Places
from bot.paths import ANSWERS, CLINIC, DATA
from bot.safety import SafetyCheck
from bot.store.database import Database
from bot.store.desk import Account, SignedIn
from bot.web.app import create_app
from bot.web.desk.accounts import EDITOR as MAY_EDIT
from bot.web.desk.accounts import READER as MAY_READ
from bot.web.desk.accounts import AccountFault, Accounts, Person, name_like
from bot.web.desk.content import ContentPage
from bot.web.desk.desk import Desk, routes
from bot.web.desk.provider import has_local_sign_in, load_provider, role_of
from bot.web.desk.sign_in import SignIn
from bot.web.desk.single_sign_on import SingleSignOn
from bot.web.site import site_of
from tests.desk import EDITOR, PASSWORDS, Visitor, plain
from tests.sign_in_service import OWN_URL, SERVICE, Service, sign_in_service

START, BACK = "/desk/single-sign-on", "/desk/single-sign-on/back"
COOKIE = "desk-way"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with sign_in_service() as started:
        yield started


@pytest.fixture(scope="module")
def desk_with(tmp_path_factory) -> Callable:
    """Return a function that makes a desk with an editor of its own and these settings, without its search."""
    live = Live(site_of, Places(DATA, ANSWERS, CLINIC), {})

    def made(**settings: str) -> Starlette:
        desk = Desk(live, new_database(tmp_path_factory), "x", settings)
        provider = load_provider(settings)
        sign_in = SignIn(desk, provider, is_local=has_local_sign_in(settings, provider))
        content = ContentPage(desk)
        content.first_page = desk.guarded(content.table)
        ways = [SingleSignOn(desk, sign_in, provider, "x")] if provider else []
        return Starlette(routes=routes(desk, content, sign_in, *ways))

    return made


@pytest.fixture(scope="module")
def app(tmp_path_factory, service) -> Starlette:
    """The whole front server, with an editor of its own and the provider's settings."""
    database = new_database(tmp_path_factory)
    environ = {"CLINIC_SECRET": "x", "DATABASE_URL": str(database.url), **service.settings}
    made = create_app(environ, safety=SafetyCheck(DATA / "safety.yml"))
    made.state.accounts, made.state.desk_database = Accounts(database, "x", timedelta(minutes=30)), database
    return made


def new_database(folders) -> Database:
    database = Database(f"sqlite:///{folders.mktemp('desk')}/clinic.db")
    database.prepare()
    Accounts(database, "x", timedelta(minutes=30)).save(EDITOR, "editor", PASSWORDS[EDITOR])
    return database


def come_in(app, service: Service, name: str, to: str = "/desk"):
    """Sign in by this name; return the browser and the answer to its coming back."""
    visitor = Visitor(app, base_url=OWN_URL)
    way = visitor.get(START, params={"next": to})
    assert way.status_code == 302, plain(way.text)
    return visitor, visitor.get(service.sign_in(way.headers["location"], name))


# Who gets in.


def test_who_has_the_role_is_in_and_is_called_as_the_service_calls_them(app, service):
    visitor, answer = come_in(app, service, "mira", "/desk/content")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/content")
    assert "Signed in as mira-k" in visitor.words("/desk")
    assert visitor.get("/desk/audit").status_code == 403  # a reader


def test_an_editor_of_the_service_is_one_here_and_the_audit_says_how(app, service):
    visitor, _ = come_in(app, service, "omar")
    words = visitor.words("/desk/audit")
    assert "omar signed in single sign-on" in words
    assert "omar account made single sign-on" in words


def test_roles_that_stand_in_the_token_itself_count_too(desk_with):
    with sign_in_service(ROLES_IN="token") as service:
        visitor, answer = come_in(desk_with(**service.settings), service, "mira")
        assert answer.status_code == 303
        assert visitor.is_in()


def test_who_has_no_role_of_the_desk_is_told_so_and_stays_out(app, service):
    visitor, answer = come_in(app, service, "guest")
    assert answer.status_code == 403
    assert "no right to use the front desk yet" in plain(answer.text)
    assert not visitor.is_in()


def test_a_second_sign_in_is_the_same_account(app, service):
    come_in(app, service, "omar")
    come_in(app, service, "omar")
    with app.state.desk_database.reading() as rows:
        names = rows.execute(select(Account.name).where(Account.subject == f"{service.url} omar")).scalars().all()
    assert names == ["omar"]


def test_nobody_gets_the_account_of_somebody_else_who_has_the_same_name(app, service):
    visitor, _ = come_in(app, service, EDITOR)
    assert "Signed in as dana-2" in visitor.words("/desk")
    assert Visitor(app).sign_in(EDITOR).status_code == 303  # the local one is as it was


def test_a_role_that_was_changed_or_taken_there_is_so_here(app, service):
    kept, lena = app.state.accounts, partial(Person, f"{service.url} lena", "lena")
    session = kept.sign_in_as(lena(MAY_EDIT), "192.0.2.1")
    assert kept.session(session.token).is_editor
    kept.sign_in_as(lena(MAY_READ), "192.0.2.1")
    assert not kept.session(session.token).is_editor  # the session from before too
    assert kept.sign_in_as(lena(None), "192.0.2.1") is None
    assert kept.session(session.token) is None


def test_a_session_from_before_is_over(app, service):
    """Fixation: a session that somebody planted in this browser does not go on."""
    attacker = Visitor(app, base_url=OWN_URL)
    attacker.sign_in(EDITOR)
    visitor = Visitor(app, base_url=OWN_URL)
    visitor.cookies.set("desk", attacker.cookies.get("desk"), domain="127.0.0.1", path="/desk")
    way = visitor.get(START)
    given = visitor.get(service.sign_in(way.headers["location"], "mira")).headers.get_list("set-cookie")
    assert attacker.cookies.get("desk") not in str(given)
    assert not attacker.is_in()


# Accounts without a password.


@pytest.mark.parametrize("password", ["", "any", "\0"])
def test_no_password_opens_an_account_of_the_service(app, service, password):
    come_in(app, service, "omar")
    visitor = Visitor(app)
    visitor.submit("/desk/sign-in", {"name": "omar", "password": password})
    assert not visitor.is_in()


def test_who_has_no_password_here_is_told_where_it_is(app, service):
    visitor, _ = come_in(app, service, "omar")
    page = visitor.get("/desk/account").text
    assert "Change your password there" in plain(page)
    assert 'type="password"' not in page
    assert visitor.submit("/desk/account", {"old": "", "new": "four green kettles", "again": "four green kettles"}
                          ).status_code == 400  # fmt: skip


def test_desk_user_leaves_an_account_of_the_service_alone_but_can_remove_it(app, service):
    come_in(app, service, "mira")
    with pytest.raises(AccountFault, match="change the role there"):
        app.state.accounts.save("mira-k", "editor", "four green kettles")
    app.state.accounts.remove("mira-k")
    assert come_in(app, service, "mira")[1].status_code == 303


@pytest.mark.parametrize(
    ("text", "name"),
    [("Dana M.", "dana-m"), ("omar@clinic.example", "omar@clinic.example"), ("Zoë <b>", "zo-b"), ("李", "staff"),
     ("a", "staff-a"), ("", "staff"), ("x" * 300, "x" * 56), ("..", "staff")],
)  # fmt: skip
def test_any_name_becomes_one_that_an_account_can_have(text, name):
    assert name_like(text) == name


# Attacks on the way.


LIES = re.findall(r"'(lie-[\w-]+)'", SERVICE.read_text())


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_is_not_what_it_should_be_lets_nobody_in(app, service, lie, caplog):
    visitor, answer = come_in(app, service, lie)
    assert answer.status_code == 403, plain(answer.text)
    assert "did not work" in plain(answer.text)
    assert not visitor.is_in()
    assert lie not in caplog.text


def test_the_service_s_honest_token_lets_in(app, service):
    """What the liars are measured by: the same way, nothing spoilt."""
    assert come_in(app, service, "somebody honest")[1].status_code == 303


def test_an_answer_is_taken_in_the_browser_that_asked_alone(app, service):
    """Login CSRF: a link with the attacker's own answer signs nobody in as the attacker."""
    attacker, victim = (Visitor(app, base_url=OWN_URL) for _ in range(2))
    theirs = service.sign_in(attacker.get(START).headers["location"], "omar")
    assert victim.get(theirs).status_code == 403
    victim.get(START)
    assert victim.get(theirs).status_code == 403
    assert not victim.is_in()


def test_an_answer_is_taken_once(app, service):
    visitor = Visitor(app, base_url=OWN_URL)
    way = service.sign_in(visitor.get(START).headers["location"], "mira")
    kept = visitor.cookies.get(COOKIE)
    assert visitor.get(way).status_code == 303
    visitor.cookies.set(COOKIE, kept, domain="127.0.0.1", path=START)
    assert visitor.get(way).status_code == 403


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied&state=x",
                                   "?error=%3Cscript%3E&error_description=%3Cscript%3E"])  # fmt: skip
def test_coming_back_with_anything_else_is_told_in_plain_words(app, query):
    answer = Visitor(app, base_url=OWN_URL).get(BACK + query)
    assert answer.status_code == 403
    assert "Please try again" in plain(answer.text)
    assert "<script>" not in answer.text


@pytest.mark.parametrize("forged", ["x", "e30=", "bnVsbA==.x.y", "é"])
def test_a_cookie_that_was_not_made_here_is_none(app, forged):
    visitor = Visitor(app, base_url=OWN_URL)
    assert visitor.get(f"{BACK}?code=x&state=x", headers={"Cookie": f"{COOKIE}={forged}".encode()}).status_code == 403


def test_the_way_there_has_state_nonce_and_proof_and_asks_for_the_password(app):
    way = Visitor(app, base_url=OWN_URL).get(START)
    query = way.headers["location"]
    for part in ("state=", "nonce=", "code_challenge=", "code_challenge_method=S256", "response_type=code",
                 "prompt=login"):  # fmt: skip
        assert part in query
    (cookie,) = way.headers.get_list("set-cookie")
    assert re.search(r"path=/desk/single-sign-on; Max-Age=600; httponly; samesite=lax", cookie)
    assert way.headers["cache-control"] == "no-store"


def test_the_host_header_never_says_where_to_come_back(app):
    way = Visitor(app, base_url="http://evil.example").get(START)
    assert "evil" not in way.headers["location"]


def test_signing_in_never_leads_to_another_site(app, service):
    for to in ("https://evil.example", "//evil.example", "/desk/../x"):
        assert come_in(app, service, "mira", to)[1].headers["location"] == "/desk"


# When it is away.


def test_without_the_service_the_page_says_so_and_passwords_still_let_in(desk_with, caplog):
    with sign_in_service() as service:
        app = desk_with(**service.settings)
        service.stop()
        away = Visitor(app, base_url=OWN_URL).get(START)
        assert away.status_code == 503
        assert "sign-in service can't be reached" in plain(away.text)
        assert "DESK_OIDC_ISSUER" in caplog.text
        assert Visitor(app).sign_in(EDITOR).status_code == 303
        service.start()
        assert come_in(app, service, "mira")[1].status_code == 303


def test_a_service_that_goes_away_on_the_way_lets_nobody_in(desk_with):
    with sign_in_service() as service:
        app = desk_with(**service.settings)
        visitor = Visitor(app, base_url=OWN_URL)
        way = service.sign_in(visitor.get(START).headers["location"], "mira")
        service.stop()
        assert visitor.get(way).status_code == 503
        assert not visitor.is_in()


def test_a_service_that_calls_itself_otherwise_is_refused(desk_with, service):
    app = desk_with(**service.settings | {"DESK_OIDC_ISSUER": service.url.replace("127.0.0.1", "localhost")})
    assert Visitor(app, base_url=OWN_URL).get(START).status_code == 503


@pytest.mark.parametrize("path", ["", "/api/answers"])
def test_an_address_that_is_no_such_service_is_told(desk_with, host_of_anything, path):
    app = desk_with(DESK_OIDC_ISSUER=f"{host_of_anything}{path}", DESK_OIDC_CLIENT_ID="x", DESK_OIDC_CLIENT_SECRET="x",
                    DESK_URL=OWN_URL)  # fmt: skip
    assert Visitor(app, base_url=OWN_URL).get(START).status_code == 503


@pytest.fixture
def host_of_anything() -> Iterator[str]:
    """Another program's address, whose every page is a list."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[1, 2]" if "api" in self.path else b"<p>no such page</p>")

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_no_claim_and_no_token_reaches_the_log(app, service, caplog):
    with caplog.at_level(logging.INFO):
        come_in(app, service, "omar")
    for secret in ("omar", "clinic.example", service.settings["DESK_OIDC_CLIENT_SECRET"], "eyJ"):
        assert secret not in caplog.text


# Settings.


def test_the_page_offers_both_ways_or_the_service_alone(app, desk_with, service):
    both = Visitor(app).get("/desk/sign-in").text
    assert "Sign in with the clinic&#39;s account" in both
    assert 'name="password"' in both
    alone = Visitor(desk_with(**service.settings, DESK_LOCAL_SIGN_IN="off", DESK_OIDC_NAME="Clinic ID"))
    page = alone.get("/desk/sign-in?next=/desk/counts").text
    assert "Sign in with Clinic ID" in page
    assert 'href="/desk/single-sign-on?next=/desk/counts"' in page
    assert 'name="password"' not in page


def test_where_passwords_are_turned_off_the_right_one_does_not_let_in(desk_with, service):
    with_form, without = (desk_with(**service.settings, DESK_LOCAL_SIGN_IN=value) for value in ("on", "off"))
    visitor = Visitor(with_form)
    token = visitor.token("/desk/sign-in")  # of a page from before they were turned off
    visitor = copied(visitor, without)
    fields = {"csrf": token, "name": EDITOR, "password": PASSWORDS[EDITOR]}
    answer = visitor.post("/desk/sign-in", data=fields)
    assert answer.status_code == 403
    assert "turned off" in plain(answer.text)
    assert not visitor.is_in()


def copied(visitor: Visitor, app) -> Visitor:
    """Return the same browser, with its cookies, at another front server."""
    other = Visitor(app)
    other.cookies = visitor.cookies
    return other


def test_without_a_provider_there_is_no_such_page(desk_with):
    app = desk_with()
    assert Visitor(app).get(START).status_code == 404
    assert "single-sign-on" not in Visitor(app).get("/desk/sign-in").text


GOOD = {"DESK_OIDC_ISSUER": "https://login.clinic.example", "DESK_OIDC_CLIENT_ID": "desk",
        "DESK_OIDC_CLIENT_SECRET": "x", "DESK_URL": "https://chat.clinic.example"}  # fmt: skip


@pytest.mark.parametrize("missing", GOOD)
def test_half_a_provider_is_told(missing):
    with pytest.raises(SettingsFault, match=f"{missing} is missing"):
        load_provider({name: value for name, value in GOOD.items() if name != missing} | {"DESK_OIDC_NAME": "x"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DESK_OIDC_ISSUER", "http://login.clinic.example", "https://login"),
        ("DESK_OIDC_ISSUER", "login.clinic.example", "https://login"),
        ("DESK_URL", "https://chat.clinic.example/desk", "has a path"),
        ("DESK_OIDC_SCOPES", "profile email", "openid"),
        ("DESK_OIDC_EDITORS", " , ", "names nobody"),
        ("DESK_OIDC_PROMPT", "none", "use login, select_account, off"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_with_the_remedy(name, value, said):
    with pytest.raises(SettingsFault, match=said) as told:
        load_provider(GOOD | {name: value})
    assert str(told.value).startswith(name)
    assert "\n" not in str(told.value)


def test_in_production_people_come_back_over_tls():
    here = GOOD | {"DESK_URL": "http://127.0.0.1:8080"}
    assert load_provider(here)
    with pytest.raises(SettingsFault, match="DESK_URL"):
        load_provider({**here, "CLINIC_ENV": "production"})


def test_a_door_that_lets_nobody_in_is_told():
    with pytest.raises(SettingsFault, match="nobody could sign in"):
        has_local_sign_in({"DESK_LOCAL_SIGN_IN": "off"}, None)
    with pytest.raises(SettingsFault, match="on or off"):
        has_local_sign_in({"DESK_LOCAL_SIGN_IN": "no"}, load_provider(GOOD))


@pytest.mark.parametrize(
    ("setting", "claims", "role"),
    [
        ("roles", {"roles": ["desk-editor", "desk-reader"]}, MAY_EDIT),
        ("roles", {"roles": "desk-reader other"}, MAY_READ),
        ("realm_access.roles", {"realm_access": {"roles": ["desk-reader"]}}, MAY_READ),
        ("https://clinic.example/roles", {"https://clinic.example/roles": ["desk-editor"]}, MAY_EDIT),
        ("roles", {"roles": ["desk-editors", "xdesk-editor"]}, None),
        ("roles", {"roles": [["desk-editor"], 1, None]}, None),
        ("roles", {"roles": 7}, None),
        ("roles", {}, None),
        ("roles.deeper", {"roles": ["desk-editor"]}, None),
    ],
)
def test_the_claim_gives_the_role_and_nothing_else_does(setting, claims, role):
    assert role_of(claims, load_provider(GOOD | {"DESK_OIDC_ROLE_CLAIM": setting})) == role


def test_ended_sessions_of_removed_people_are_gone(app, service):
    come_in(app, service, "guest")
    with app.state.desk_database.reading() as rows:
        held = rows.execute(select(Account.name).join(SignedIn, SignedIn.account == Account.id)).scalars().all()
    assert "guest" not in held
