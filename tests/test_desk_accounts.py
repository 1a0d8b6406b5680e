"""Accounts of the desk, in the database alone: passwords, sessions, the lock-out, the audit, `make desk-user`."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.store.desk import Account, Attempt, Audit, SignedIn
from bot.web.desk.accounts import (
    AUDIT_KEPT,
    EDITOR,
    LIMITS,
    LONGEST,
    READER,
    SOMEONE,
    WINDOW,
    AccountFault,
    Accounts,
)
from bot.web.desk.desk import idle_minutes, make_first_account
from scripts.desk_user import main as desk_user

NAME, PASSWORD, ADDRESS = "dana", "three blue teapots", "192.0.2.1"
IDLE = timedelta(minutes=30)


class Clock:
    """The time, which a test moves on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database, clock) -> Accounts:
    made = Accounts(database, "for the tests only", IDLE, clock)
    made.save(NAME, EDITOR, PASSWORD)
    return made


def rows(database, table) -> int:
    with database.reading() as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def everything(database) -> str:
    """Return all that the desk's tables hold, as text."""
    with database.reading() as session:
        tables = (table.__table__ for table in (Account, SignedIn, Attempt, Audit))
        return "\n".join(str(row) for table in tables for row in session.execute(select(table)))


# Signing in.


def test_the_right_password_lets_in_and_says_who(accounts):
    session = accounts.sign_in(" Dana ", PASSWORD, ADDRESS)
    assert (session.name, session.role, session.is_editor) == (NAME, EDITOR, True)
    assert accounts.session(session.token) == session


@pytest.mark.parametrize(
    ("name", "password"),
    [(NAME, "wrong"), (NAME, ""), ("", PASSWORD), ("nobody", PASSWORD), ("' OR '1'='1", PASSWORD), (NAME, "x" * 9000),
     (NAME, "three blue teapots\0"), ("\ud800", PASSWORD), (NAME, "\ud800"), ("\0", PASSWORD)],
)  # fmt: skip
def test_anything_else_does_not(accounts, name, password):
    assert accounts.sign_in(name, password, ADDRESS) is None


def test_an_accent_may_be_typed_in_either_way(accounts):
    accounts.save("jose", READER, "caf\u00e9 creme brulee")
    assert accounts.sign_in("jose", "cafe\u0301 creme brulee", ADDRESS)


def test_the_database_holds_no_password_token_or_address(accounts, database):
    session = accounts.sign_in(NAME, PASSWORD, ADDRESS)
    accounts.sign_in("typed my password here", "x", ADDRESS)
    kept = everything(database)
    for secret in (PASSWORD, session.token, ADDRESS, "typed my password here"):
        assert secret not in kept
    assert "$argon2id$" in kept


# The lock-out.


def fail(accounts, times, name=NAME, address=ADDRESS):
    for _ in range(times):
        assert accounts.sign_in(name, "wrong", address) is None


def test_after_five_failures_the_right_password_does_not_let_in_from_there(accounts):
    fail(accounts, LIMITS["account and address"])
    assert accounts.sign_in(NAME, PASSWORD, ADDRESS) is None


def test_the_lock_out_ends_after_a_quarter_of_an_hour_however_often_one_tried_meanwhile(accounts, clock):
    fail(accounts, LIMITS["account and address"])
    clock.now += WINDOW / 2
    fail(accounts, 10)
    clock.now += WINDOW / 2 + timedelta(seconds=1)
    assert accounts.sign_in(NAME, PASSWORD, ADDRESS)


def test_somebody_elsewhere_is_not_locked_out_with_it(accounts):
    fail(accounts, LIMITS["account and address"] + 20)
    assert accounts.sign_in(NAME, PASSWORD, "198.51.100.7")


def test_guessing_from_many_addresses_is_stopped_by_the_account(accounts):
    for number in range(LIMITS["account"]):
        fail(accounts, 1, address=f"198.51.100.{number}")
    assert accounts.sign_in(NAME, PASSWORD, "203.0.113.9") is None


def test_guessing_at_many_accounts_is_stopped_by_the_address(accounts):
    for number in range(LIMITS["address"]):
        fail(accounts, 1, name=f"somebody{number}")
    assert accounts.sign_in(NAME, PASSWORD, ADDRESS) is None


def test_many_tries_at_once_get_no_further_than_one_after_another(accounts, monkeypatch):
    checked = []
    monkeypatch.setattr(accounts, "_matches", lambda *_: checked.append(1) or False)
    with ThreadPoolExecutor(16) as many:
        assert not any(many.map(lambda _: accounts.sign_in(NAME, "wrong", ADDRESS), range(40)))
    assert len(checked) <= LIMITS["account and address"]


def test_signing_in_makes_earlier_failures_good(accounts):
    for _ in range(3):
        fail(accounts, LIMITS["account and address"] - 1)
        assert accounts.sign_in(NAME, PASSWORD, ADDRESS)


def test_an_unknown_name_is_locked_out_and_checked_like_a_known_one(accounts, monkeypatch):
    checked = []
    right = accounts._matches
    monkeypatch.setattr(accounts, "_matches", lambda kept, given: checked.append(kept[:30]) or right(kept, given))
    for name in (NAME, "nobody"):
        fail(accounts, LIMITS["account and address"] + 2, name=name)
    known, unknown = checked[: len(checked) // 2], checked[len(checked) // 2 :]
    assert known == unknown  # as often, and each time against a hash of the same cost


# Sessions.


def test_a_session_ends_when_it_is_not_used(accounts, clock):
    session = accounts.sign_in(NAME, PASSWORD, ADDRESS)
    for _ in range(3):
        clock.now += IDLE - timedelta(minutes=1)
        assert accounts.session(session.token)
    clock.now += IDLE + timedelta(minutes=1)
    assert accounts.session(session.token) is None


def test_a_session_ends_after_a_day_of_work_however_busy(accounts, clock):
    session = accounts.sign_in(NAME, PASSWORD, ADDRESS)
    for _ in range(int(LONGEST / timedelta(minutes=20))):
        clock.now += timedelta(minutes=20)
        assert accounts.session(session.token)
    clock.now += timedelta(minutes=1)
    assert accounts.session(session.token) is None


def test_signing_out_ends_this_session_alone(accounts):
    here, there = (accounts.sign_in(NAME, PASSWORD, address) for address in (ADDRESS, "198.51.100.7"))
    accounts.sign_out(here, ADDRESS)
    assert accounts.session(here.token) is None
    assert accounts.session(there.token)


def test_a_new_password_ends_every_other_session(accounts):
    here, there = (accounts.sign_in(NAME, PASSWORD, address) for address in (ADDRESS, "198.51.100.7"))
    assert accounts.change_password(here, PASSWORD, "four green kettles", ADDRESS)
    assert accounts.session(here.token)
    assert accounts.session(there.token) is None
    assert accounts.sign_in(NAME, PASSWORD, ADDRESS) is None
    assert accounts.sign_in(NAME, "four green kettles", ADDRESS)


def test_the_wrong_old_password_changes_nothing_and_counts_as_a_failure(accounts):
    session = accounts.sign_in(NAME, PASSWORD, ADDRESS)
    for _ in range(LIMITS["account and address"]):
        assert not accounts.change_password(session, "wrong", "four green kettles", ADDRESS)
    assert not accounts.change_password(session, PASSWORD, "four green kettles", ADDRESS)


def test_an_account_that_is_changed_or_removed_is_signed_out(accounts):
    session = accounts.sign_in(NAME, PASSWORD, ADDRESS)
    accounts.save(NAME, READER, PASSWORD)
    assert accounts.session(session.token) is None
    session = accounts.sign_in(NAME, PASSWORD, ADDRESS)
    accounts.remove(NAME)
    assert accounts.session(session.token) is None
    assert not accounts.exist()


@pytest.mark.parametrize("token", ["", "guess", "x" * 5000, "' OR 1=1 --"])
def test_a_token_that_was_never_given_opens_nothing(accounts, token):
    assert accounts.session(token) is None


# The audit.


def test_every_sign_in_failure_and_change_is_in_the_audit(accounts):
    session = accounts.sign_in(NAME, PASSWORD, ADDRESS)
    fail(accounts, 1)
    fail(accounts, 1, name="nobody")
    accounts.note(session, "did something", "question 7", ADDRESS)
    accounts.change_password(session, PASSWORD, "four green kettles", ADDRESS)
    accounts.sign_out(session, ADDRESS)
    lines = [(deed.who, deed.deed, deed.about) for deed in reversed(accounts.deeds(20))]
    assert lines == [
        ("make desk-user", "account made", NAME),
        (NAME, "signed in", ""),
        (NAME, "sign-in failed", ""),
        (SOMEONE, "sign-in failed", ""),
        (NAME, "did something", "question 7"),
        (NAME, "password changed", ""),
        (NAME, "signed out", ""),
    ]


def test_what_is_no_longer_needed_is_forgotten(accounts, database, clock):
    accounts.sign_in(NAME, PASSWORD, ADDRESS)
    fail(accounts, 1)
    clock.now += AUDIT_KEPT + timedelta(days=1)
    accounts.forget_old()
    assert [rows(database, table) for table in (SignedIn, Attempt, Audit)] == [0, 0, 0]
    assert accounts.exist()


# Making accounts.


@pytest.mark.parametrize("name", ["", "d", "Dana Müller", "<b>dana</b>", "a" * 65, "../etc", ".dana"])
def test_a_name_that_cannot_be_taken_says_how_to_write_one(accounts, name):
    with pytest.raises(AccountFault, match="letters, digits"):
        accounts.save(name, READER, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "x" * 201, "aaaaaaaaaaaaaa", "dana dana dana"])
def test_a_password_that_is_easy_to_guess_is_not_taken(accounts, password):
    with pytest.raises(AccountFault, match="password"):
        accounts.save(NAME, READER, password)


def ask(*answers):
    """Return a person who answers so, one after another."""
    left = list(answers)
    return lambda question: left.pop(0)


def test_the_command_asks_for_name_role_and_password(empty_database_url, capsys):
    environ = {"DATABASE_URL": empty_database_url}
    assert desk_user(environ, ask("Dana", "reader"), ask(PASSWORD, PASSWORD)) == 0
    assert "The account dana (reader) is made." in capsys.readouterr().out
    assert desk_user({**environ, "DESK_USER": "dana", "DESK_ROLE": "editor", "DESK_PASSWORD": PASSWORD}) == 0
    assert "is changed" in capsys.readouterr().out
    assert desk_user(environ, ask("dana", "remove")) == 0
    assert "is removed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answers", "passwords", "said"),
    [
        (["dana", "owner"], [], "reader, editor or remove"),
        (["dana", "reader"], ["short", "short"], "12 to 200 characters"),
        (["dana", "reader"], [PASSWORD, "another"], "not the same"),
        (["nobody", "remove"], [], "no account 'nobody'"),
    ],
)
def test_a_wrong_answer_is_one_line_that_says_what_to_do(empty_database_url, capsys, answers, passwords, said):
    assert desk_user({"DATABASE_URL": empty_database_url}, ask(*answers), ask(*passwords)) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_environment_makes_the_first_account_and_never_another(database):
    accounts = Accounts(database, "", IDLE)
    make_first_account(accounts, {})
    assert not accounts.exist()
    make_first_account(accounts, {"DESK_USER": NAME, "DESK_PASSWORD": PASSWORD})
    make_first_account(accounts, {"DESK_USER": "another", "DESK_PASSWORD": PASSWORD})
    assert rows(database, Account) == 1
    assert accounts.sign_in(NAME, PASSWORD, ADDRESS).is_editor


@pytest.mark.parametrize(
    "environ",
    [{"DESK_USER": NAME}, {"DESK_PASSWORD": PASSWORD}, {"DESK_USER": NAME, "DESK_PASSWORD": "short"}],
)
def test_half_a_first_account_is_told(database, environ):
    with pytest.raises(ValueError, match="DESK_USER and DESK_PASSWORD"):
        make_first_account(Accounts(database, "", IDLE), environ)


@pytest.mark.parametrize("written", ["0", "721", "-5", "half an hour", "1.5", "²"])
def test_a_time_out_that_is_no_number_of_minutes_is_told(written):
    with pytest.raises(ValueError, match="DESK_IDLE_MINUTES"):
        idle_minutes({"DESK_IDLE_MINUTES": written})
