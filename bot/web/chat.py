"""POST /api/chat: one message or one tapped button in, one or two framed replies out, whatever is broken behind."""

import json
import logging
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from bot.abroad import Abroad
from bot.reply import CANNOT_CALL, HAVE_CALLED, NOT_NOW, URGENT, Renderer, Reply, payload
from bot.safety import Finding
from bot.store.counts import Counts
from bot.web.conversations import Conversations
from bot.web.danger_reader import DangerReader
from bot.web.errors import ApiError
from bot.web.intake import address_of
from bot.web.latch import Latch, Latches, is_safety
from bot.web.limits import Limits, Over, too_many
from bot.web.metrics import Metrics
from bot.web.rasa_client import RasaClient, RasaUnavailable

logger = logging.getLogger(__name__)

NOT_NOW_WITHIN_S = 1.0  # what a safety reply waits for Rasa to say which answer it would have given
WARNING = "K6"  # the caution that lists what to call for
MAX_TEXT = 1000  # characters after trimming
OVERLAP = 200  # characters that each piece of a longer text shares with the one before
MAX_BODY = 16 * 1024  # bytes: 1,000 characters of 4 bytes each, escaped, and an id
UNSURE = ("choice", "fallback", "not_covered", "out_of_scope", "advice")
FIELDS = {"conversation", "text", "choice"}
# Control characters but for the line break and tab; and what takes no room (zero width, direction) but for the joiner
# inside emoji: it may stand in the middle of a word.
_CONTROLS = re.compile(r"[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNSEEN = re.compile(r"[\xad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class TooLong(ApiError):
    """More was typed than the contract takes: `text` is looked through for danger all the same."""

    def __init__(self, text: str) -> None:
        super().__init__(400, "text_too_long", f"Your message is too long. Please use {MAX_TEXT} characters or fewer.")
        self.text = text


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
        danger: DangerReader,
        rasa: RasaClient,
        conversations: Conversations,
        latches: Latches,
        limits: Limits,
        metrics: Metrics,
        counts: Counts,
    ) -> None:
        self._renderer = renderer
        self._danger = danger
        self._counts = counts
        self._rasa = rasa
        self._conversations = conversations
        self._latches = latches
        self._limits = limits
        self._metrics = metrics
        self._abroad = Abroad(renderer.country)

    async def answer(self, request: Request) -> dict[str, Any]:
        """Return the reply object of the contract. Raises ApiError for a request that is not as the contract has it."""
        body = await read_json(request)
        try:
            turn = self._read(body)
        except TooLong as refusal:
            return await self._in_long_danger(body.get("conversation"), refusal)
        caller = self._limits.of_turn(address_of(request.scope), turn.conversation)
        over = self._limits.count_here(caller)
        conversation = turn.conversation or self._conversations.issue()
        with self._metrics.stage("turn"):
            # First of all: danger is answered here, whatever the count, and when everything behind this is down.
            finding = await self._look_for_danger(turn.text, over)
            if not (finding or is_for_danger(turn) or await self._ends_danger(conversation, turn)):
                self._refuse(await self._limits.refusal(caller, over))
            replies = await self._replies(conversation, turn, finding, is_over_limit=over is not None)
        self._record(conversation, replies, finding.signs if finding else ())
        return {"conversation": conversation, "replies": replies}

    async def _look_for_danger(self, text: str | None, over: Over | None) -> Finding | None:
        if text is None:
            return None
        with self._metrics.stage("safety"):
            return await self._danger.find(text, is_over_limit=over is not None)

    async def _ends_danger(self, conversation: str, turn: Turn) -> bool:
        """Whether a turn taps the button that ends the conversation's danger: no count stands before that."""
        latch = await self._latches.of(conversation) if turn.choice else None
        return latch is not None and turn.choice in (HAVE_CALLED, latch.not_now)

    def _refuse(self, over: Over | None) -> None:
        if over:
            self._metrics.limited.labels(over.limit).inc()
            raise too_many(over)

    def _record(self, conversation: str, replies: list[Reply], signs: tuple[str, ...]) -> None:
        """Tell the log, the metrics and the counts what was answered: ids and kinds, never words."""
        self._metrics.replied(replies)
        self._metrics.latches.set(len(self._latches))
        for reply in replies:
            self._counts.turn(reply, self._renderer.answers.version, signs)
            what = {"conversation": short(conversation), "answer": reply["answer"], "kind": reply["kind"]}
            logger.info("conversation %(conversation)s: %(answer)s (%(kind)s)", what, extra=what)

    async def forget(self, conversation: str) -> None:
        """Drop what is held of a conversation here."""
        await self._latches.release(conversation)

    def refuse_unknown(self, conversation: str) -> None:
        """Raise ApiError where a conversation was not started here."""
        if not self._conversations.is_ours(conversation):
            raise ApiError(
                400, "unknown_conversation", "This chat was not started here. Leave the id out to start one."
            )

    async def in_danger(self, conversation: str, text: str) -> Reply | None:
        """Return the safety reply that a text asks for, None for one without danger. Nothing but the text is needed."""
        finding = await self._look_for_danger(text, None)
        if finding is None:
            return None
        reply = self._safety_reply(finding, text)
        await self._close_latch(conversation, reply)
        return reply

    async def _in_long_danger(self, conversation: str | None, refusal: TooLong) -> dict[str, Any]:
        """Return the safety reply that a text beyond the limit asks for. Raises the refusal where it asks for none."""
        if conversation is not None:
            self.refuse_unknown(conversation)
        for piece in pieces(refusal.text):
            if finding := await self._danger.find(piece, is_over_limit=True):
                conversation = conversation or self._conversations.issue()
                replies = await self._latched(conversation, [self._safety_reply(finding, piece)])
                self._record(conversation, replies, finding.signs)
                return {"conversation": conversation, "replies": replies}
        raise refusal

    def _read(self, body: Any) -> Turn:
        turn = parse_turn(body)
        if turn.conversation is not None:
            self.refuse_unknown(turn.conversation)
        if turn.choice is not None and turn.choice not in self._renderer.answers:
            raise ApiError(
                400, "unknown_choice", "There is no such button. Send the choice of a button you were given."
            )
        return turn

    async def _replies(
        self, conversation: str, turn: Turn, finding: Finding | None, *, is_over_limit: bool
    ) -> list[Reply]:
        if finding:
            replies = await self._in_danger(conversation, str(turn.text), finding, ask_rasa=not is_over_limit)
            return await self._latched(conversation, replies)
        latch = await self._latches.of(conversation) if turn.choice else None
        if is_over_limit and turn.choice and not (latch and turn.choice in (URGENT, HAVE_CALLED, latch.not_now)):
            replies = [self._renderer.reply(turn.choice)]  # no other gets here; what it says is known without Rasa
        elif turn.choice and latch:
            replies = await self._after_danger(conversation, turn, latch)
        else:
            replies = await self._ask(conversation, turn)
        return await self._latched(conversation, replies)

    async def _in_danger(self, conversation: str, text: str, finding: Finding, *, ask_rasa: bool) -> list[Reply]:
        """Return the safety reply, and behind it the answer to what else was asked.

        Rasa is told too: it knows the answer for a person in no danger, and the subject.
        """
        try:
            others = await self._rasa_replies(conversation, text, NOT_NOW_WITHIN_S) if ask_rasa else []
        except Exception as error:  # nothing behind this server may stand before the number to call
            logger.warning("conversation %s: safety reply without Rasa (%s)", short(conversation), type(error).__name__)
            others = []
        same = [other for other in others if other["answer"] == finding.answer and other["next"]]
        return [
            self._safety_reply(finding, text, same),
            *(other for other in others[1:] if same and other["kind"] == "answer"),
        ]

    def _safety_reply(self, finding: Finding, text: str, same: Sequence[Reply] = ()) -> Reply:
        """Return the reply to a danger; `same` is Rasa's, if there is one; its last button is its answer else."""
        return self._renderer.reply(
            finding.answer,
            variant=finding.variant,
            level=finding.level,
            also_crisis=finding.also_crisis,
            not_now=same[0]["next"][-1]["choice"] if same else None,
            abroad=self._abroad.says(text),
        )

    async def _after_danger(self, conversation: str, turn: Turn, latch: Latch) -> list[Reply]:
        """Return the replies to a button tapped after a safety reply."""
        if turn.choice == URGENT:
            return [self._renderer.reply(URGENT, variant=CANNOT_CALL)]
        if turn.choice == HAVE_CALLED:
            await self._latches.release(conversation)
            return [self._renderer.reply(HAVE_CALLED, variant="safe")]
        replies = await self._ask(conversation, turn)
        if turn.choice == latch.not_now:
            await self._latches.release(conversation)
            return [self._with_warning(replies[0]), *replies[1:]]
        return replies

    def _with_warning(self, reply: Reply) -> Reply:
        warning = self._renderer.frame.cautions[WARNING]
        others = [words for words in reply["paragraphs"] if words != warning]
        return reply | {"paragraphs": [*others, warning]}

    async def _latched(self, conversation: str, replies: list[Reply]) -> list[Reply]:
        """Return the replies, the first with the number to call where the conversation was in danger before."""
        for reply in replies:
            if is_safety(reply):
                await self._close_latch(conversation, reply)
        first = replies[0]
        if is_safety(first) or (latch := await self._latches.of(conversation)) is None:
            return replies
        lines = [self._line_after(latch)]
        if latch.is_urgent and is_unsure(first):  # it may have asked what to do about the danger
            lines.append(self._renderer.frame.still_unsure)
        return [first | {"paragraphs": [*lines, *first["paragraphs"]]}, *replies[1:]]

    def _line_after(self, latch: Latch) -> str:
        """Return the line that repeats the number to call: the one that the safety reply gave."""
        frame = self._renderer.frame
        if latch.is_urgent:
            return frame.still_urgent
        return frame.still_violence if latch.is_violence else frame.still_crisis

    async def _close_latch(self, conversation: str, reply: Reply) -> None:
        is_violence = self._renderer.names_violence_line(reply)
        await self._latches.close(conversation, reply, is_violence=is_violence)

    async def _ask(self, conversation: str, turn: Turn) -> list[Reply]:
        try:  # the channel's edge: whatever goes wrong behind it, the visitor gets the emergency line
            return await self._rasa_replies(conversation, payload(turn.choice) if turn.choice else str(turn.text))
        except RasaUnavailable as reason:
            logger.warning("conversation %s: no answer from Rasa (%s)", short(conversation), reason)
        except Exception as error:
            logger.error("conversation %s: asking Rasa failed (%s)", short(conversation), type(error).__name__)
        return [self._renderer.unavailable()]

    async def _rasa_replies(self, conversation: str, message: str, within_s: float | None = None) -> list[Reply]:
        """Return what Rasa answers, timed and counted. Raises what the client raises."""
        try:
            with self._metrics.stage("rasa"), self._metrics.rasa_waiting.track_inprogress():
                return await self._rasa.ask(conversation, message, within_s=within_s)
        except RasaUnavailable as reason:
            self._metrics.failed("rasa", str(reason))
            raise
        except Exception as error:
            self._metrics.failed("rasa", type(error).__name__)
            raise


def is_for_danger(turn: Turn) -> bool:
    """Whether a turn taps the button of a safety reply: no count stands before those either."""
    return turn.choice in NOT_NOW


def is_unsure(reply: Reply) -> bool:
    """Whether a reply says nothing on the subject that was plainly asked for."""
    return reply["kind"] in UNSURE or reply["answer"].startswith("support/")


def short(conversation: str) -> str:
    """Return enough of an id to follow a conversation in the log, and too little to join it."""
    return conversation[:8]


async def read_json(request: Request) -> Any:
    """Return the request's JSON. Raises ApiError where it is too large, of another type, or no JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "not_json", "Send JSON, with the header Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(415, "not_json", "Send the JSON as it is, not packed: without the header Content-Encoding.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ApiError(413, "too_large", f"That is too long. Please send {MAX_TEXT} characters or fewer.")
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ApiError(400, "bad_json", "The request is not valid JSON in UTF-8. Mend it and send it again.") from None


def parse_turn(body: Any) -> Turn:
    """Return the turn in a request's JSON. Raises ApiError where it is not as the contract has it."""
    if not isinstance(body, dict):
        raise ApiError(400, "bad_request", "Send a JSON object with 'text' or 'choice'.")
    if set(body) - FIELDS:  # not named: no response repeats what was sent
        raise ApiError(400, "unknown_field", f"There is a field too many. Send only {', '.join(sorted(FIELDS))}.")
    given = {name: value for name, value in body.items() if value is not None}
    if not all(isinstance(value, str) for value in given.values()):
        raise ApiError(400, "bad_request", "'conversation', 'text' and 'choice' must be text.")
    if ("text" in given) == ("choice" in given):
        raise ApiError(400, "text_or_choice", "Send exactly one of 'text' and 'choice'.")
    text = clean_text(given["text"]) if "text" in given else None
    return Turn(given.get("conversation"), text, given.get("choice"))


def pieces(text: str) -> list[str]:
    """Return a text beyond the limit in pieces within it, the last one first: there stands what a story comes to."""
    starts = range(0, len(text) - OVERLAP, MAX_TEXT - OVERLAP)
    return [text[start : start + MAX_TEXT] for start in reversed(starts)]


def clean_text(raw: str) -> str:
    """Return what the person typed, fit to be read and never a command.

    Control characters go; a leading slash, which Rasa would take for a command, goes in every guise. Raises ApiError
    where nothing is left or more than 1,000 characters are.
    """
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", raw.encode("utf-8", "ignore").decode()))
    text = _CONTROLS.sub(" ", text).strip()
    if len(text) > MAX_TEXT:
        raise TooLong(text)
    text = text.lstrip("/ \n\t") or ("?" if text else "")  # only slashes: a message, though an empty one
    if not text:
        raise ApiError(400, "text_empty", "Your message is empty. Please type your question.")
    return text
