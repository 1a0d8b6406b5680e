"""POST /api/chat: one message or one tapped button in, one or two framed replies out, whatever is broken behind."""

import json
import logging
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from bot.reply import CANNOT_CALL, HAVE_CALLED, URGENT, Renderer, Reply, payload
from bot.safety import Finding, SafetyCheck
from bot.store.counts import Counts
from bot.web.conversations import Conversations
from bot.web.errors import ApiError
from bot.web.latch import Latch, Latches, is_safety
from bot.web.rasa_client import RasaClient, RasaUnavailable

logger = logging.getLogger(__name__)

NOT_NOW_WITHIN_S = 1.0  # what a safety reply waits for Rasa to say which answer it would have given
WARNING = "K6"  # the caution that lists what to call for
MAX_TEXT = 1000  # characters after trimming
MAX_BODY = 16 * 1024  # bytes: 1,000 characters of 4 bytes each, escaped, and an id
FIELDS = {"conversation", "text", "choice"}
# Control and format characters (zero width, direction) but for the line break, tab and the joiner inside emoji.
_CONTROLS = re.compile(
    r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Turn:
    """One valid request: exactly one of `text` and `choice` is set."""

    conversation: str | None
    text: str | None
    choice: str | None


class Chat:
    """Answers turns. Safety is looked at before anything else is asked, and needs nothing else to work."""

    def __init__(
        self,
        renderer: Renderer,
        safety: SafetyCheck,
        rasa: RasaClient,
        conversations: Conversations,
        counts: Counts,
    ) -> None:
        self._renderer = renderer
        self._counts = counts
        self._safety = safety
        self._rasa = rasa
        self._conversations = conversations
        self._latches = Latches()

    async def answer(self, request: Request) -> dict[str, Any]:
        """Return the reply object of the contract. Raises ApiError for a request that is not as the contract has it."""
        turn = self._read(await read_json(request))
        conversation = turn.conversation or self._conversations.issue()
        finding = self._safety.find(turn.text) if turn.text else None
        replies = await self._replies(conversation, turn, finding)
        for reply in replies:
            self._counts.turn(reply, self._renderer.answers.version, finding.signs if finding else ())
            logger.info("conversation %s: %s (%s)", short(conversation), reply["answer"], reply["kind"])
        return {"conversation": conversation, "replies": replies}

    def forget(self, conversation: str) -> None:
        """Drop what is held of a conversation here."""
        self._latches.release(conversation)

    def refuse_unknown(self, conversation: str) -> None:
        """Raise ApiError where a conversation was not started here."""
        if not self._conversations.is_ours(conversation):
            raise ApiError(
                400, "unknown_conversation", "This chat was not started here. Leave the id out to start one."
            )

    def in_danger(self, conversation: str, text: str) -> Reply | None:
        """Return the safety reply that a text asks for, None for one without danger. Nothing but the text is needed."""
        finding = self._safety.find(text)
        if finding is None:
            return None
        reply = self._safety_reply(finding)
        self._latches.close(conversation, reply)
        return reply

    def _read(self, body: Any) -> Turn:
        turn = parse_turn(body)
        if turn.conversation is not None:
            self.refuse_unknown(turn.conversation)
        if turn.choice is not None and turn.choice not in self._renderer.answers:
            raise ApiError(
                400, "unknown_choice", "There is no such button. Send the choice of a button you were given."
            )
        return turn

    async def _replies(self, conversation: str, turn: Turn, finding: Finding | None) -> list[Reply]:
        latch = self._latches.of(conversation)
        # First of all: danger is answered here, even when everything behind this server is down.
        if turn.text and finding:
            replies = [await self._in_danger(conversation, turn.text, finding)]
        elif turn.choice and latch:
            replies = await self._after_danger(conversation, turn, latch)
        else:
            replies = await self._ask(conversation, turn)
        return self._latched(conversation, replies)

    async def _in_danger(self, conversation: str, text: str, finding: Finding) -> Reply:
        """Return the safety reply. Rasa is told too: it knows the answer for a person in no danger, and the subject."""
        try:
            others = await self._rasa.ask(conversation, text, within_s=NOT_NOW_WITHIN_S)
        except Exception as error:  # nothing behind this server may stand before the number to call
            logger.warning("conversation %s: safety reply without Rasa (%s)", short(conversation), type(error).__name__)
            others = []
        same = [other for other in others if other["answer"] == finding.answer and other["next"]]
        return self._safety_reply(finding, same[0]["next"][-1]["choice"] if same else None)

    def _safety_reply(self, finding: Finding, not_now: str | None = None) -> Reply:
        return self._renderer.reply(
            finding.answer,
            variant=finding.variant,
            level=finding.level,
            also_crisis=finding.also_crisis,
            not_now=not_now,
        )

    async def _after_danger(self, conversation: str, turn: Turn, latch: Latch) -> list[Reply]:
        """Return the replies to a button tapped after a safety reply."""
        if turn.choice == URGENT:
            return [self._renderer.reply(URGENT, variant=CANNOT_CALL)]
        if turn.choice == HAVE_CALLED:
            self._latches.release(conversation)
            return [self._renderer.reply(HAVE_CALLED, variant="safe")]
        replies = await self._ask(conversation, turn)
        if turn.choice == latch.not_now:
            self._latches.release(conversation)
            return [self._with_warning(replies[0]), *replies[1:]]
        return replies

    def _with_warning(self, reply: Reply) -> Reply:
        warning = self._renderer.frame.cautions[WARNING]
        others = [words for words in reply["paragraphs"] if words != warning]
        return reply | {"paragraphs": [*others, warning]}

    def _latched(self, conversation: str, replies: list[Reply]) -> list[Reply]:
        """Return the replies, the first with the number to call where the conversation was in danger before."""
        for reply in replies:
            if is_safety(reply):
                self._latches.close(conversation, reply)
        latch, first = self._latches.of(conversation), replies[0]
        if latch is None or is_safety(first):
            return replies
        frame = self._renderer.frame
        line = frame.still_urgent if latch.is_urgent else frame.still_crisis
        return [first | {"paragraphs": [line, *first["paragraphs"]]}, *replies[1:]]

    async def _ask(self, conversation: str, turn: Turn) -> list[Reply]:
        try:  # the channel's edge: whatever goes wrong behind it, the visitor gets the emergency line
            return await self._rasa.ask(conversation, payload(turn.choice) if turn.choice else str(turn.text))
        except RasaUnavailable as reason:
            logger.warning("conversation %s: no answer from Rasa (%s)", short(conversation), reason)
        except Exception as error:
            logger.error("conversation %s: asking Rasa failed (%s)", short(conversation), type(error).__name__)
        return [self._renderer.unavailable()]


def short(conversation: str) -> str:
    """Return enough of an id to follow a conversation in the log, and too little to join it."""
    return conversation[:8]


async def read_json(request: Request) -> Any:
    """Return the request's JSON. Raises ApiError where it is too large, of another type, or no JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "not_json", "Send JSON, with the header Content-Type: application/json.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ApiError(413, "too_large", f"That is too long. Please send {MAX_TEXT} characters or fewer.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "bad_json", "The request is not valid JSON in UTF-8. Mend it and send it again.") from None


def parse_turn(body: Any) -> Turn:
    """Return the turn in a request's JSON. Raises ApiError where it is not as the contract has it."""
    if not isinstance(body, dict):
        raise ApiError(400, "bad_request", "Send a JSON object with 'text' or 'choice'.")
    if unknown := sorted(set(body) - FIELDS):
        raise ApiError(
            400, "unknown_field", f"Unknown field {unknown[0][:40]!r}. Send only {', '.join(sorted(FIELDS))}."
        )
    given = {name: value for name, value in body.items() if value is not None}
    if not all(isinstance(value, str) for value in given.values()):
        raise ApiError(400, "bad_request", "'conversation', 'text' and 'choice' must be text.")
    if ("text" in given) == ("choice" in given):
        raise ApiError(400, "text_or_choice", "Send exactly one of 'text' and 'choice'.")
    text = clean_text(given["text"]) if "text" in given else None
    return Turn(given.get("conversation"), text, given.get("choice"))


def clean_text(raw: str) -> str:
    """Return what the person typed, fit to be read and never a command.

    Control characters go; a leading slash, which Rasa would take for a command, goes in every guise. Raises ApiError
    where nothing is left or more than 1,000 characters are.
    """
    text = _CONTROLS.sub(" ", unicodedata.normalize("NFC", raw.encode("utf-8", "ignore").decode())).strip()
    if len(text) > MAX_TEXT:
        raise ApiError(400, "text_too_long", f"Your message is too long. Please use {MAX_TEXT} characters or fewer.")
    text = text.lstrip("/ \n\t") or ("?" if text else "")  # only slashes: a message, though an empty one
    if not text:
        raise ApiError(400, "text_empty", "Your message is empty. Please type your question.")
    return text
