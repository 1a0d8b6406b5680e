"""Conversation ids: issued here, random, signed, so that nobody can guess or choose another's."""

import secrets
from pathlib import Path

from itsdangerous import BadSignature, Signer

SALT = "conversation"
ID_BYTES = 18


class Conversations:
    """Issues ids and knows its own again. Ids outlive a restart where `secret` does."""

    def __init__(self, secret: str) -> None:
        self._signer = Signer(secret, salt=SALT)

    def issue(self) -> str:
        """Return a new id: random and signed, about 50 characters fit for a URL."""
        return self._signer.sign(secrets.token_urlsafe(ID_BYTES)).decode()

    def is_ours(self, conversation: str) -> bool:
        """Whether the id was issued here, to the letter: a signature can be written in more ways than one."""
        try:
            return self._signer.sign(self._signer.unsign(conversation)).decode() == conversation
        except (BadSignature, UnicodeEncodeError):  # half a character, which JSON can carry
            return False


def load_secret(path: Path) -> str:
    """Return the secret in `path`, made on first use and readable by its owner only."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
        return path.read_text()
