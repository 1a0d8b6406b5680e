"""POST /api/feedback: one tap on whether an answer helped. Counted; who tapped is not kept, and nobody counts twice.

Never asked, and not taken, after safety, grief and other replies that are no ordinary answers.
"""

from typing import Any

from cachetools import TTLCache
from starlette.requests import Request
from starlette.responses import Response

from bot.answers import Answer
from bot.reply import Renderer
from bot.store.counts import Counts
from bot.web.chat import Chat, read_json
from bot.web.errors import ApiError
from bot.web.questions import fields

FIELDS = {"conversation", "answer", "helpful"}
GRIEF = "support"  # the facet
ONCE_WITHIN_S = 30 * 60  # as long as a conversation lives
TAPS_REMEMBERED = 50_000


class Feedback:
    """The endpoint."""

    def __init__(self, chat: Chat, renderer: Renderer, counts: Counts) -> None:
        self._chat = chat
        self._renderer = renderer  # whose answers change with their files
        self._counts = counts
        # In memory only, so that a second tap on the same answer is not a second count.
        self._tapped: TTLCache[tuple[str, str], bool] = TTLCache(TAPS_REMEMBERED, ONCE_WITHIN_S)

    async def endpoint(self, request: Request) -> Response:
        """Count one tap; there is nothing to say to it."""
        await self.take(request)
        return Response(status_code=204)

    async def take(self, request: Request) -> None:
        """Count the tap in a request. Raises ApiError."""
        given = self._read(await read_json(request))
        once = given["conversation"], given["answer"]
        if once not in self._tapped:
            self._tapped[once] = True
            self._counts.feedback(given["answer"], given["helpful"], self._renderer.answers.version)

    def _read(self, body: Any) -> dict[str, Any]:
        given = fields(body, FIELDS)
        texts = (given["conversation"], given["answer"])
        if not all(isinstance(value, str) for value in texts) or not isinstance(given["helpful"], bool):
            raise ApiError(400, "bad_request", "'conversation' and 'answer' must be text, 'helpful' true or false.")
        self._chat.refuse_unknown(given["conversation"])
        answer = self._renderer.answers.get(given["answer"])
        if answer is None:
            raise ApiError(400, "unknown_answer", "There is no such answer. Send the id of an answer that was given.")
        if not is_asked_after(answer):
            raise ApiError(400, "not_asked", "Whether this reply helped is not asked. Send only ordinary answers.")
        return given


def is_asked_after(answer: Answer) -> bool:
    """Whether a visitor is asked if this helped."""
    return answer.kind == "answer" and answer.facet not in (GRIEF, "meta", "safety")
