"""POST /api/questions: a visitor's own tap sends a question to the clinic. What is kept is redacted, and shown before.

Safety is looked at before anything else, here as in the chat: a text that tells of danger is answered with the reply
that has the number to call.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.language import Language
from bot.later import Later
from bot.live import Live
from bot.store.database import StoreFault
from bot.store.questions import InboxFull, Questions
from bot.web.chat import Chat, clean_text, read_json
from bot.web.errors import ApiError

if TYPE_CHECKING:  # it takes a second to import, and nothing waits for it
    from bot.redaction import Redactor

logger = logging.getLogger(__name__)

FIELDS = {"conversation", "text"}
ENGLISH_ONLY = "Only a question in English can be sent. Please call {clinic_phone}."
NOT_KEPT = "Your question could not be sent. Please try again in a minute, or call {clinic_phone}."
FULL = "The clinic can't take more questions right now. Please call {clinic_phone}."


@dataclass(frozen=True)
class SentQuestions:
    """The endpoint. What is said with a question stands in data/page.yml."""

    chat: Chat
    redactor: "Later[Redactor]"
    language: Language
    questions: Questions
    live: Live

    async def endpoint(self, request: Request) -> Response:
        """Show what would be kept of a question, or keep it."""
        return JSONResponse(await self.answer(request))

    async def answer(self, request: Request) -> dict[str, Any]:
        """Return the reply for somebody in danger (or None), the redacted text and what happens with it.

        With `?preview=1` nothing is kept. Raises ApiError.
        """
        conversation, text = self._read(await read_json(request))
        is_preview = parse_preview(request.query_params.multi_items())
        reply = await self.chat.in_danger(conversation, text)
        if self.language.is_foreign(text):  # names in another language would not be found
            raise self._error(400, "not_english", ENGLISH_ONLY)
        redacted = await asyncio.to_thread(self._redacted, text)
        if not is_preview:
            await self._keep(redacted, in_danger=reply is not None)
        notice = self.live.made.page["questions"]["preview" if is_preview else "sent"]
        return {"reply": reply, "text": redacted, "notice": notice}

    def _read(self, body: Any) -> tuple[str, str]:
        """Return the conversation and the text of a request. Raises ApiError."""
        given = fields(body, FIELDS)
        if not all(isinstance(value, str) for value in given.values()):
            raise ApiError(400, "bad_request", "'conversation' and 'text' must be text.")
        self.chat.refuse_unknown(given["conversation"])
        return given["conversation"], clean_text(given["text"])

    def _redacted(self, text: str) -> str:
        try:
            redactor = self.redactor.now
        except (OSError, ValueError):  # what it is made of is missing; Later has told which
            raise self._error(503, "not_kept", NOT_KEPT) from None
        return redactor.redact(text)

    async def _keep(self, redacted: str, in_danger: bool) -> None:
        clinic = self.live.now.clinic
        today = datetime.now(ZoneInfo(clinic.time_zone)).date()
        keep = partial(self.questions.keep, redacted, in_danger=in_danger, language=clinic.languages[0], today=today)
        try:
            await asyncio.to_thread(keep)
        except InboxFull:
            raise self._error(503, "inbox_full", FULL) from None
        except StoreFault as fault:
            logger.error("a question was not kept: %s", fault)
            raise self._error(503, "not_kept", NOT_KEPT) from None

    def _error(self, status: int, code: str, message: str) -> ApiError:
        return ApiError(status, code, message.format_map(self.live.now.clinic.words))


def fields(body: Any, wanted: set[str]) -> dict[str, Any]:
    """Return the fields of a request, which must be just these. Raises ApiError."""
    if not isinstance(body, dict):
        raise ApiError(400, "bad_request", f"Send a JSON object with {listed(wanted)}.")
    if unknown := sorted(set(body) - wanted):
        raise ApiError(400, "unknown_field", f"Unknown field {unknown[0][:40]!r}. Send only {listed(wanted)}.")
    if missing := sorted(name for name in wanted if body.get(name) is None):
        raise ApiError(400, "missing_field", f"{missing[0]!r} is missing. Send {listed(wanted)}.")
    return body


def listed(names: set[str]) -> str:
    """Return names as they are told in a message."""
    return ", ".join(sorted(names))


def parse_preview(query: list[tuple[str, str]]) -> bool:
    """Whether only a preview is asked for. Raises ApiError for what is neither: keeping is never a guess."""
    if query not in ([], [("preview", "0")], [("preview", "1")]):
        raise ApiError(400, "bad_preview", "'preview' is 1 (show, keep nothing) or left out (keep).")
    return query == [("preview", "1")]
