"""Latches that outlive the front server's process: one that starts anew goes on where it was.

For a single front server, in a file in memory that is gone when the bot stops (`make run`). Several use Redis.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from time import time

from bot.reply import Reply
from bot.web.latch import LATCHED_S, Latch, Latches

logger = logging.getLogger(__name__)


class KeptLatches(Latches):
    """The same as in memory, and in a file too. A file that fails costs what is written to it, never a reply."""

    def __init__(self, path: Path) -> None:
        """`path` is made where it is missing."""
        super().__init__()
        self._file = sqlite3.connect(path, isolation_level=None)
        with self._surviving():
            self._open()

    async def close(self, conversation: str, reply: Reply, *, is_violence: bool = False) -> None:
        """Remember a safety reply, here first and then in the file."""
        await super().close(conversation, reply, is_violence=is_violence)
        kept = (conversation, self._latches[conversation].as_words(), time() + LATCHED_S)
        with self._surviving():
            self._file.execute("DELETE FROM latches WHERE until < ?", (time(),))
            self._file.execute("REPLACE INTO latches VALUES (?, ?, ?)", kept)

    async def release(self, conversation: str) -> None:
        """Forget it, here and in the file."""
        await super().release(conversation)
        with self._surviving():
            self._file.execute("DELETE FROM latches WHERE conversation = ?", (conversation,))

    async def disconnect(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> None:
        for setting in ("synchronous=OFF", "secure_delete=ON", "journal_mode=MEMORY"):
            self._file.execute(f"PRAGMA {setting}")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS latches (conversation PRIMARY KEY, words NOT NULL, until NOT NULL)"
        )
        kept = self._file.execute("SELECT conversation, words FROM latches WHERE until >= ?", (time(),))
        self._latches.update({conversation: Latch.of_words(words) for conversation, words in kept})

    @contextlib.contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            logger.warning("latches: their file fails (%s); a start anew would lose them", type(error).__name__)
