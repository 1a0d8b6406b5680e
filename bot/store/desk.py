"""The desk's tables: accounts, who is signed in, tries to sign in, and the audit. Nothing of a visitor is in them.

A change here needs a new file in bot/store/migrations/versions.
"""

from sqlalchemy import Column, DateTime, ForeignKey, Integer, String

from bot.store.tables import WORD_CHARS, Base

NAME_CHARS, HASH_CHARS, SUBJECT_CHARS = 64, 64, 600


class Account(Base):
    """Somebody who may sign in. All times here are in UTC."""

    __tablename__ = "desk_accounts"

    id = Column(Integer, primary_key=True)
    name = Column(String(NAME_CHARS), nullable=False, unique=True)
    role = Column(String(WORD_CHARS), nullable=False)
    password = Column(String(200), nullable=False)  # argon2's hash, with its parameters; none where `subject` is set
    subject = Column(String(SUBJECT_CHARS), index=True, unique=True)  # issuer and subject of single sign-on, or NULL
    made_at = Column(DateTime, nullable=False)


class SignedIn(Base):
    """One session. The token itself is in the person's cookie alone."""

    __tablename__ = "desk_sessions"

    token = Column(String(HASH_CHARS), primary_key=True)  # its sha256
    account = Column(ForeignKey(Account.id, ondelete="CASCADE"), nullable=False, index=True)
    began_at = Column(DateTime, nullable=False)
    seen_at = Column(DateTime, nullable=False)


class Attempt(Base):
    """One try to sign in that failed or is under way, under one of its keys."""

    __tablename__ = "desk_attempts"

    id = Column(Integer, primary_key=True)
    key = Column(String(HASH_CHARS), nullable=False, index=True)  # a keyed hash: no name and no address
    try_id = Column(String(WORD_CHARS), nullable=False, index=True)
    at = Column(DateTime, nullable=False, index=True)


class Audit(Base):
    """One line of the audit: who did what, when."""

    __tablename__ = "desk_audit"

    id = Column(Integer, primary_key=True)
    at = Column(DateTime, nullable=False, index=True)
    who = Column(String(NAME_CHARS), nullable=False, index=True)
    deed = Column(String(80), nullable=False)
    about = Column(String(200), nullable=False)
    place = Column(String(WORD_CHARS), nullable=False)
