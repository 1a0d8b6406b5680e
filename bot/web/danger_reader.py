"""Looking a message through for danger, whoever sends it: those within their limits at once, the others in turn.

Nobody is refused here. A full look takes 5 ms, of the longest messages 45, so somebody who floods the server could
keep it from all others; they wait for each other, and where too many wait, the rules alone look (0.2 to 10 ms).
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import numpy as np

from bot.given import note
from bot.safety import Finding, SafetyCheck

WAITING = 32  # messages over the limit; with the rest between them the last waits about a second
REST = 1.0  # as long as a look took: a flood has half of the processor at most


class DangerReader:
    """Looks with `check`; where too many wait, with its rules alone. `embed` makes the vectors that it looks at."""

    def __init__(self, check: SafetyCheck, embed: Callable[[Sequence[str]], np.ndarray] | None = None) -> None:
        self._check = check
        self._embed = embed
        self._rules = check.rules_alone()
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def find(self, text: str, *, is_over_limit: bool) -> Finding | None:
        """Return the gravest danger that the text tells of, or None."""
        if not is_over_limit:
            return self._look(text)
        if self._waiting >= WAITING:
            return self._rules.find(text)
        self._waiting += 1
        try:
            return await self._in_turn(text)
        finally:
            self._waiting -= 1

    def _look(self, text: str) -> Finding | None:
        """Look, and leave for Rasa what it need not find out again: the vector, and that there is no danger."""
        vector = self._embed([text])[0] if self._embed else None
        found = self._check.find(text, vector)
        note(text, vector, is_calm=found is None)
        return found

    async def _in_turn(self, text: str) -> Finding | None:
        async with self._one_at_a_time:
            started = time.monotonic()
            found = self._check.find(text)
            if found is None:
                await asyncio.sleep(REST * (time.monotonic() - started))
            return found
