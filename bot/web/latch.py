"""What follows a safety reply: each later reply repeats the number first, until the person has called or is safe.

In memory only, for 30 minutes after the last safety reply (safety.md, section 1, rules 9 and 10).
"""

from dataclasses import dataclass

from cachetools import TTLCache

from bot.reply import NOT_NOW, URGENT, Reply

LATCHED_S = 30 * 60
CONVERSATIONS = 20_000


@dataclass(frozen=True)
class Latch:
    """One conversation's danger: the id of its safety reply, and where its 'This is not happening now' leads."""

    answer: str
    not_now: str

    @property
    def is_urgent(self) -> bool:
        """Whether it is a danger to the body."""
        return self.answer == URGENT


class Latches:
    """The conversations that had a safety reply."""

    def __init__(self) -> None:
        self._latches: TTLCache[str, Latch] = TTLCache(CONVERSATIONS, ttl=LATCHED_S)

    def __len__(self) -> int:
        """Return how many conversations are latched now."""
        self._latches.expire()
        return len(self._latches)

    def of(self, conversation: str) -> Latch | None:
        """Return the conversation's latch, None where it is in no danger that we know of."""
        return self._latches.get(conversation)

    def close(self, conversation: str, reply: Reply) -> None:
        """Remember a safety reply; a crisis after an urgent reply leaves the urgent line in place."""
        before = self.of(conversation)
        answer = URGENT if before and before.is_urgent else reply["answer"]
        self._latches[conversation] = Latch(answer, reply["next"][-1]["choice"])

    def release(self, conversation: str) -> None:
        """Forget it: the person has called, is safe, or it is not happening now."""
        self._latches.pop(conversation, None)


def is_safety(reply: Reply) -> bool:
    """Whether a reply is urgent or for a crisis."""
    return reply["answer"] in NOT_NOW
