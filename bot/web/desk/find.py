"""Find: from what staff type to the approved words, and one answer's page and sheet.

Red flags are looked for before anything else, also before it is known who asks, and shown also when the search fails.
What is typed comes in the body of a request, never in an address, and is dropped with it.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.finder import Finder, first_sentences
from bot.reply import CRISIS, URGENT
from bot.safety import Finding, SafetyCheck
from bot.store.database import StoreFault
from bot.web.desk.answer_view import OVERDUE, plain_text, review_state, script, view, visit_note
from bot.web.desk.desk import Desk
from bot.web.desk.layout import LONGEST_FORM, BadForm, read_form, with_headers

logger = logging.getLogger(__name__)

# What the pages of the two safety records open with.
FLAGS = {URGENT: Finding(URGENT, "E", None, ()), CRISIS: Finding(CRISIS, None, None, ())}
LONGEST = 1000  # characters that are searched for
JSON = "application/json"


class Find:
    """The search, the list of all answers, and the pages of each."""

    def __init__(self, desk: Desk, safety: SafetyCheck, finder: Finder) -> None:
        self._desk = desk
        self._safety = safety
        self._finder = finder
        self.first_page = desk.guarded(self.browse)

    def routes(self) -> list[BaseRoute]:
        """Return the addresses below /desk."""
        guarded = self._desk.guarded
        return [
            Route("/find", self.find, methods=["POST"]),
            Route("/answers/{facet}/{topic}", guarded(self.answer)),
            Route("/answers/{facet}/{topic}/sheet", guarded(self.sheet)),
        ]

    async def browse(self, request: Request) -> Response:
        """The search, and every answer by subject."""
        return await self._page(request)

    async def find(self, request: Request) -> Response:
        """Results for what was typed: as JSON for the page's script, as a page for a form without one."""
        is_script = request.headers.get("content-type", "").startswith(JSON)
        try:
            form = await read_json(request) if is_script else await read_form(request)
        except BadForm:
            return await self._desk.message(request, "bad_form", 400)
        text = form.get("text", "")
        flag = await asyncio.to_thread(self.flag, text)
        try:
            request.state.session = await self._desk.session(request)
        except StoreFault as fault:
            logger.error("the desk: %s", fault)
            request.state.session = None
        if request.state.session is None:
            nobody = as_shown(flag, [], self._desk.words["find"]["signed_out"])
            return with_headers(JSONResponse(nobody), 401) if is_script else await self._page(request, **nobody)
        results = await asyncio.to_thread(self.results, flag, text)
        return with_headers(JSONResponse(results)) if is_script else await self._page(request, **results)

    def flag(self, text: str) -> dict[str, Any] | None:
        """Return the staff script where what was typed tells of danger: as typed, or with shorthand written out."""
        now = self._desk.live.now
        for reading in dict.fromkeys((text, self._finder.in_full(text))):
            if finding := self._safety.find(reading):
                return {"title": self._desk.words["find"]["flag"], **script(now, finding)}
        return None

    def found(self, text: str) -> list[dict[str, str]] | None:
        """Return the answers to what was typed, best first, None where the search fails."""
        try:
            words = self._desk.words
            return [self._entry(id, words) for id in self._finder.find(text[:LONGEST])]
        except Exception as error:  # the red flag above must be shown whatever is wrong here
            logger.error("the desk: the search failed (%s)", type(error).__name__)
            return None

    def results(self, flag: dict[str, Any] | None, text: str) -> dict[str, Any]:
        """Return what the page shows for what was typed. In danger the answer that says what to do comes first."""
        found, words = self.found(text), self._desk.words
        note = said_of(found, text, words["find"])
        if not self._finder.understands:
            note = f"{note} {words['find']['simple']}"
        if flag and found is not None:
            first = self._entry(flag["answer"], words)
            found = [first, *(entry for entry in found if entry["id"] != first["id"])]
        needs_visit = not flag and self._safety.needs_visit(text)
        return as_shown(flag, found or [], note, visit_note(self._desk.live.now) if needs_visit else ())

    async def answer(self, request: Request) -> Response:
        """One answer: what to say, what to send, and what is for staff alone."""
        shown = self._view(request)
        if shown is None:
            return await self._desk.message(request, "no_answer", 404)
        now, words = self._desk.live.now, self._desk.words
        grades = await asyncio.to_thread(lambda: now.grades)
        return await self._desk.page(
            request,
            "answer.html",
            shown=shown,
            plain=plain_text(shown, words),
            grade=grades[shown.answer.id],
            related=[self._entry(id, words) for id in shown.answer.next if id in now.content.answers],
            flag=script(now, FLAGS[shown.answer.id]) if shown.answer.id in FLAGS else None,
        )

    async def sheet(self, request: Request) -> Response:
        """The answer as a page to print for the patient: nothing for staff is on it."""
        shown = self._view(request)
        if shown is None or shown.answer.id in FLAGS:  # in danger nobody is sent a paper
            return await self._desk.message(request, "no_answer", 404)
        return await self._desk.page(request, "sheet.html", shown=shown)

    def _view(self, request: Request) -> Any:
        id = f"{request.path_params['facet']}/{request.path_params['topic']}"
        now = self._desk.live.now
        return view(now, id, date.today()) if id in now.content.answers else None

    async def _page(self, request: Request, **results: Any) -> Response:
        by_facet: dict[str, list[dict[str, str]]] = {}
        words = self._desk.words
        for id, answer in self._desk.live.now.content.answers.items():
            by_facet.setdefault(answer.facet, []).append(self._entry(id, words))
        shown = results or as_shown(None, [], "")
        return await self._desk.page(request, "find.html", by_facet=by_facet, **shown)

    def _entry(self, id: str, words: dict[str, Any]) -> dict[str, str]:
        now = self._desk.live.now
        answer, reply = now.content.answers[id], now.renderer.reply(id)
        overdue = words["content"][OVERDUE] if review_state(answer, date.today()) == OVERDUE else ""
        return {
            "id": id,
            "title": reply["title"],
            "say": first_sentences(reply["paragraphs"]),
            "facet": words["find"]["facets"].get(answer.facet, answer.facet),
            "overdue": overdue,
        }


def as_shown(flag: Any, found: list[dict[str, str]], note: str, visit: Sequence[str] = ()) -> dict[str, Any]:
    """Return the parts that the page shows, as its script reads them."""
    return {"flag": flag, "visit": list(visit), "found": found, "note": note}


def said_of(found: list[dict[str, str]] | None, text: str, words: dict[str, Any]) -> str:
    """Return the line about the results: how many, none, or that the search failed."""
    if found is None:
        return str(words["not_reached"])
    if len(text) > LONGEST:
        return str(words["too_long"])
    if not found:
        return str(words["none"]) if text.strip() else ""
    return str(words["one"] if len(found) == 1 else words["count"].format(n=len(found)))


async def read_json(request: Request) -> dict[str, str]:
    """Return the JSON object of a request, its texts alone. Raises BadForm."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise BadForm("too large")
    try:
        return {name: value for name, value in json.loads(body).items() if isinstance(value, str)}
    except (ValueError, AttributeError, RecursionError):
        raise BadForm("not readable") from None
