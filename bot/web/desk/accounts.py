"""Who may use the desk: accounts, sign-in with its lock-out, sessions, and the audit of it all. Synchronous: run it in
a thread.

Whoever tries to sign in never learns whether an account exists: an unknown name costs the same time, gets the same
words and is locked out in the same way. A session is a row here, so that ending it ends it everywhere.
"""

import hashlib
import hmac
import itertools
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session as Rows

from bot.store.database import Database
from bot.store.desk import Account, Attempt, Audit, SignedIn

READER, EDITOR = "reader", "editor"
ROLES = (READER, EDITOR)
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
LEAST_PASSWORD, LONGEST_PASSWORD = 12, 200  # characters; longer ones only keep the processor busy
WINDOW = timedelta(minutes=15)  # what a failure counts for, and so how long a lock-out lasts
# Failures within the window after which nothing is checked any more. The first stops guessing at one account; the
# others stop guessing from many addresses, or at many accounts.
LIMITS = {"account and address": 5, "account": 25, "address": 25}
LONGEST = timedelta(hours=12)  # of a session, however busy
SEEN_EVERY = timedelta(minutes=1)  # how finely the last use is written down
AUDIT_KEPT = timedelta(days=396)  # 13 months
NOBODY = (None, None)
NO_PASSWORD = ""  # matches none, and costs the same time
ABOUT = "single sign-on"
SOMEONE = "someone"  # in the audit: a name that no account has; it may be a password typed into the wrong box


class AccountFault(ValueError):
    """A name, role or password that can't be taken; the message says what to do."""


@dataclass(frozen=True)
class Session:
    """One person signed in. `token` is in their cookie alone; here it is kept only as a hash."""

    token: str
    account: int
    name: str
    role: str
    has_password: bool = True

    @property
    def is_editor(self) -> bool:
        """Whether they may change something."""
        return self.role == EDITOR


@dataclass(frozen=True)
class Person:
    """Whom the clinic's sign-in service vouches for. `role` is None where they may not use the desk."""

    subject: str  # the issuer and its name for them, which no other service can give
    name: str
    role: str | None


@dataclass(frozen=True)
class Deed:
    """One line of the audit. `place` tells tries from one address apart from others, and is no address."""

    at: datetime
    who: str
    deed: str
    about: str
    place: str


class Accounts:
    """The accounts in one database."""

    def __init__(
        self,
        database: Database,
        secret: str,
        idle: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).replace(tzinfo=None),
    ) -> None:
        """`idle` ends a session that long after its last use; `secret` keys the hashes of names and addresses."""
        self._database = database
        self._secret = secret.encode()
        self._idle = idle
        self._now = now
        self._hasher = PasswordHasher()
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe())

    # Accounts.

    def exist(self) -> bool:
        """Whether there is any account."""
        with self._database.reading() as rows:
            return rows.execute(select(Account.id).limit(1)).first() is not None

    def save(self, name: str, role: str, password: str) -> bool:
        """Make the account, or give it this role and password and end its sessions. Return whether it is new.

        Raises AccountFault.
        """
        name = checked_name(name)
        if role not in ROLES:
            raise AccountFault(f"{role!r} is no role; use {' or '.join(ROLES)}")
        row = {"role": role, "password": self._hasher.hash(checked_password(password, name))}
        with self._database.writing() as rows:
            id, subject = (
                rows.execute(select(Account.id, Account.subject).where(Account.name == name)).first() or NOBODY
            )
            if subject:
                raise AccountFault(f"{name} signs in through the clinic's sign-in service; change the role there")
            if id is None:
                rows.execute(insert(Account).values(name=name, made_at=self._now(), **row))
            else:
                rows.execute(update(Account).where(Account.id == id).values(**row))
                rows.execute(delete(SignedIn).where(SignedIn.account == id))
            self._note(rows, "make desk-user", "account made" if id is None else "account changed", name)
        return id is None

    def remove(self, name: str) -> None:
        """Remove the account and end its sessions. Raises AccountFault where there is none."""
        with self._database.writing() as rows:
            id = rows.execute(select(Account.id).where(Account.name == as_name(name))).scalar()
            if id is None:
                raise AccountFault(f"there is no account {name!r}; nothing was removed")
            rows.execute(delete(SignedIn).where(SignedIn.account == id))
            rows.execute(delete(Account).where(Account.id == id))
            self._note(rows, "make desk-user", "account removed", as_name(name))

    def change_password(self, session: Session, old: str, new: str, address: str) -> bool:
        """Set a new password and end every other session; return whether the old one was right.

        Raises AccountFault where the new one can't be taken.
        """
        new = self._hasher.hash(checked_password(new, session.name))
        if not self._is_right(session.name, old, address):
            return False
        with self._database.writing() as rows:
            rows.execute(update(Account).where(Account.id == session.account).values(password=new))
            others = (SignedIn.account == session.account) & (SignedIn.token != hashed(session.token))
            rows.execute(delete(SignedIn).where(others))
            self._note(rows, session.name, "password changed", "", address)
        return True

    # Signing in and out.

    def sign_in(self, name: str, password: str, address: str) -> Session | None:
        """Return a new session, None where name or password is wrong or there were too many tries."""
        name = as_name(name)
        if not self._is_right(name, password, address):
            return None
        self.forget_old()
        with self._database.writing() as rows:
            account = rows.execute(select(Account).where(Account.name == name)).scalar_one()
            self._note(rows, name, "signed in", "", address)
            return self._begin(rows, account)

    def sign_in_as(self, person: Person, address: str) -> Session | None:
        """Return a new session of whom the sign-in service vouches for, None where they may not use the desk.

        The account is the one with their subject, made where there is none; its role is what the service says now.
        """
        self.forget_old()
        with self._database.writing() as rows:
            account = rows.execute(select(Account).where(Account.subject == person.subject)).scalar()
            if person.role is None:
                if account:
                    rows.execute(delete(SignedIn).where(SignedIn.account == account.id))
                self._note(rows, account.name if account else SOMEONE, "sign-in refused, no role", ABOUT, address)
                return None
            account = account or self._made_for(rows, person, address)
            if account.role != person.role:
                account.role = person.role
                self._note(rows, account.name, "role changed", f"{ABOUT}: {person.role}", address)
            self._note(rows, account.name, "signed in", ABOUT, address)
            return self._begin(rows, account)

    def session(self, token: str) -> Session | None:
        """Return the session of a cookie's token, None where it has ended or was never there."""
        now = self._now()
        about = (Account.name, Account.role, Account.subject)
        query = select(*SignedIn.__table__.c, *about).join(Account, Account.id == SignedIn.account)
        with self._database.reading() as rows:
            row = rows.execute(query.where(SignedIn.token == hashed(token))).first()
        if row is None or now - row.seen_at > self._idle or now - row.began_at > LONGEST:
            return None
        if now - row.seen_at > SEEN_EVERY:
            with self._database.writing() as rows:
                rows.execute(update(SignedIn).where(SignedIn.token == row.token).values(seen_at=now))
        return Session(token, row.account, row.name, row.role, has_password=row.subject is None)

    def sign_out(self, session: Session, address: str) -> None:
        """End the session."""
        with self._database.writing() as rows:
            rows.execute(delete(SignedIn).where(SignedIn.token == hashed(session.token)))
            self._note(rows, session.name, "signed out", "", address)

    # The audit.

    def note(self, session: Session, deed: str, about: str, address: str) -> None:
        """Write down what somebody did."""
        with self._database.writing() as rows:
            self._note(rows, session.name, deed, about, address)

    def deeds(self, last: int, who: str | None = None) -> Sequence[Deed]:
        """Return the last lines of the audit, newest first, of one person where `who` names them."""
        query = select(Audit).order_by(Audit.id.desc()).limit(last)
        with self._database.reading() as rows:
            found = rows.execute(query.where(Audit.who == who) if who else query).scalars().all()
            return [Deed(row.at, row.who, row.deed, row.about, row.place) for row in found]

    def forget_old(self) -> None:
        """Delete what is no longer needed: ended sessions, old tries, an audit of more than 13 months."""
        now = self._now()
        with self._database.writing() as rows:
            ended = (SignedIn.seen_at < now - self._idle) | (SignedIn.began_at < now - LONGEST)
            rows.execute(delete(SignedIn).where(ended))
            rows.execute(delete(Attempt).where(Attempt.at < now - WINDOW))
            rows.execute(delete(Audit).where(Audit.at < now - AUDIT_KEPT))

    # The parts.

    def _is_right(self, name: str, password: str, address: str) -> bool:
        """Whether name and password are right, and may be tried at all. A failure is counted and noted."""
        keys = self._keys(name, address)
        try_id = secrets.token_hex(16)
        # The try is written down before it is checked: many at once can't pass while none has failed yet.
        if self._is_locked(keys, try_id):
            self._fail(SOMEONE, "sign-in refused, locked out", address)
            return False
        with self._database.reading() as rows:
            kept = rows.execute(select(Account.password).where(Account.name == name)).scalar()
        if not self._matches(kept or self._nobodys_hash, password) or not kept:
            self._fail(name if kept else SOMEONE, "sign-in failed", address)
            return False
        with self._database.writing() as rows:
            both = (Attempt.key == keys["account and address"]) | (Attempt.try_id == try_id)
            rows.execute(delete(Attempt).where(both))
        return True

    def _is_locked(self, keys: Mapping[str, str], try_id: str) -> bool:
        """Whether a limit is reached; if not, the try counts as a failure until it turns out to be right."""
        now = self._now()
        with self._database.writing() as rows:
            tries = [{"key": key, "at": now, "try_id": try_id} for key in keys.values()]
            rows.execute(insert(Attempt), tries)
        recent = select(Attempt.key, func.count()).where(Attempt.key.in_(keys.values()), Attempt.at > now - WINDOW)
        with self._database.writing() as rows:
            counts = dict(rows.execute(recent.group_by(Attempt.key)).all())
            is_locked = any(counts.get(keys[kind], 0) > limit for kind, limit in LIMITS.items())
            if is_locked:  # not counted: who is locked out can't lock others out, or himself for longer
                rows.execute(delete(Attempt).where(Attempt.try_id == try_id))
        return is_locked

    def _keys(self, name: str, address: str) -> dict[str, str]:
        parts = {"account and address": f"{name} {address}", "account": name, "address": address}
        return {kind: self._keyed(f"{kind} {value}") for kind, value in parts.items()}

    def _keyed(self, text: str) -> str:
        return hmac.new(self._secret, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, as_password(password)[: LONGEST_PASSWORD + 1])
        except (VerificationError, InvalidHashError):
            return False

    def _made_for(self, rows: Rows, person: Person, address: str) -> Account:
        """Return a new account for a person of the sign-in service. A name that is taken is never given again."""
        wanted = name_like(person.name)
        names = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
        taken = set(
            rows.execute(select(Account.name).where(Account.name.startswith(wanted, autoescape=True))).scalars()
        )
        name = next(name for name in names if name not in taken)
        made = Account(name=name, role=person.role, password=NO_PASSWORD, subject=person.subject, made_at=self._now())
        rows.add(made)
        rows.flush()
        self._note(rows, name, "account made", ABOUT, address)
        return made

    def _begin(self, rows: Rows, account: Account) -> Session:
        token, now = secrets.token_urlsafe(32), self._now()
        row = {"token": hashed(token), "account": account.id, "began_at": now, "seen_at": now}
        rows.execute(insert(SignedIn).values(**row))
        return Session(token, account.id, account.name, account.role, has_password=account.subject is None)

    def _fail(self, who: str, deed: str, address: str) -> None:
        with self._database.writing() as rows:
            self._note(rows, who, deed, "", address)

    def _note(self, rows: Rows, who: str, deed: str, about: str, address: str = "") -> None:
        place = self._keyed(f"place {address}")[:6] if address else ""
        row = {"at": self._now(), "who": who, "deed": deed, "about": about[:200], "place": place}
        rows.execute(insert(Audit).values(**row))


def as_name(name: str) -> str:
    """Return the name as accounts have it: small letters, no blanks around it, nothing that can't be printed."""
    return "".join(filter(str.isprintable, unicodedata.normalize("NFKC", name))).strip().lower()[:200]


def name_like(text: str) -> str:
    """Return a name that an account can have, as like the text as can be: 'Dana M.' gives 'dana-m'."""
    name = re.sub(r"[^a-z0-9._@-]+", "-", as_name(text))[:56].strip("._@-")
    return name if NAME.fullmatch(name) else f"staff-{name}".rstrip("-")


def checked_name(name: str) -> str:
    """Return the name as accounts have it. Raises AccountFault where none can be called that."""
    name = as_name(name)
    if not NAME.fullmatch(name):
        raise AccountFault(f"{name!r} can't be a name; use 2 to 64 letters, digits and . _ - @, such as dana.m")
    return name


def as_password(password: str) -> str:
    """Return the password in one form, however the keyboard put its accents together."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()


def checked_password(password: str, name: str) -> str:
    """Return the password. Raises AccountFault where it is too short, too long or too like the name."""
    password = as_password(password)
    if not LEAST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountFault(f"a password has {LEAST_PASSWORD} to {LONGEST_PASSWORD} characters; three words are good")
    if name in password.lower() or len(set(password)) < 5:
        raise AccountFault("that password is too easy to guess; leave the name out and use more different characters")
    return password


def hashed(token: str) -> str:
    """Return what the database keeps of a token: nobody who reads it there can sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()
