"""Inbox: the questions that visitors sent, in groups that ask the same, and what the desk decides on each.

Whoever decides on a group that somebody else decided on meanwhile is shown what that was, and changes nothing by it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.store.questions import (
    DECISIONS,
    FREQUENT,
    IGNORED,
    MEANS,
    NEEDS_ANSWER,
    NEWEST,
    OPEN,
    PAGE,
    STATES,
    DecidedMeanwhile,
    Questions,
)
from bot.store.tables import NONE, QuestionGroup
from bot.web.desk.accounts import EDITOR
from bot.web.desk.desk import Desk

UNDOABLE = (MEANS, NEEDS_ANSWER, IGNORED)
SEPARATE, DELETE = "separate", "delete"
HERE = "/desk/inbox"


class Inbox:
    """The page, and what its forms do."""

    def __init__(self, desk: Desk, questions: Questions) -> None:
        self._desk = desk
        self._questions = questions

    def routes(self) -> list[BaseRoute]:
        """Return the addresses below /desk."""
        guarded = self._desk.guarded
        return [
            Route("/inbox", guarded(self.inbox)),
            Route("/inbox", guarded(self.decide, EDITOR), methods=["POST"]),
        ]

    async def inbox(self, request: Request) -> Response:
        """A page of the groups in one state."""
        return await self._page(request)

    async def decide(self, request: Request) -> Response:
        """Do what a form says, if its group is as the form showed it, and show the page again."""
        form = request.state.form
        deed, group, version = form.get("deed", ""), number(form.get("group")), number(form.get("version"))
        answer = form.get("answer", NONE) if deed == MEANS else NONE
        if group is None or version is None or deed not in (*DECISIONS, SEPARATE, DELETE):
            return await self._desk.message(request, "bad_form", 400)
        if deed == MEANS and answer not in self._desk.live.now.content.answers:
            return await self._page(request, fault="no_answer", status=400)
        try:
            await self._do(request, deed, group, version, answer)
        except DecidedMeanwhile as told:
            return await self._page(request, meanwhile=told.group, is_late=True, status=409)
        await self._desk.audit(request, f"inbox_{deed}", f"group {group} {answer}".strip())
        undoable = f"&group={group}" if deed in UNDOABLE else ""
        return RedirectResponse(f"{HERE}?{self._where(request)}&done={deed}{undoable}", 303)

    async def _do(self, request: Request, deed: str, group: int, version: int, answer: str) -> None:
        questions, to_thread = self._questions, asyncio.to_thread
        if deed == SEPARATE:
            question = number(request.state.form.get("question")) or 0
            await to_thread(questions.separate, group, version, question)
        elif deed == DELETE:
            await to_thread(questions.delete, group, version)
        else:
            by = request.state.session.name
            await to_thread(lambda: questions.decide(group, version, deed, by=by, answer=answer))

    def _where(self, request: Request) -> str:
        """Return the part of an address that says which page of the list is shown."""
        given = request.query_params
        return (
            f"state={asked_state(given.get('state'))}&order={asked_order(given)}&page={number(given.get('page')) or 0}"
        )

    async def _undoable(self, given: Mapping[str, str]) -> QuestionGroup | None:
        """Return the group that was just decided on, if it still is what was decided."""
        id, done = number(given.get("group")), given.get("done")
        group = await asyncio.to_thread(self._questions.group, id) if id and done in UNDOABLE else None
        return group if group and group.state == done else None

    async def _page(self, request: Request, status: int = 200, **told: Any) -> Response:
        given = request.query_params
        state, order, at = asked_state(given.get("state")), asked_order(given), number(given.get("page")) or 0
        page = await asyncio.to_thread(self._questions.page, state, order, at)
        last = max(0, (page.total - 1) // PAGE)
        if at > last:  # its questions were decided on meanwhile
            at, page = last, await asyncio.to_thread(self._questions.page, state, order, last)
        counts = await asyncio.to_thread(self._questions.counts)
        answers = self._desk.live.now.content.answers
        choices = sorted((answer.title, id) for id, answer in answers.items() if answer.kind == "answer")
        unless_told = {"fault": None, "meanwhile": None, "is_late": False}
        context = {
            "page": page, "state": state, "order": order, "at": at, "last": last,
            "counts": counts, "states": STATES, "answers": answers, "choices": choices,
            "undoable": await self._undoable(given),
            "done": given.get("done") if given.get("done") in (*DECISIONS, SEPARATE, DELETE) else None,
        }  # fmt: skip
        return await self._desk.page(request, "inbox.html", status, **context, **(unless_told | told))


def asked_state(name: str | None) -> str:
    """Return the state that a page shows: the open groups, unless another is named."""
    return name if name in STATES else OPEN


def asked_order(given: Mapping[str, str]) -> str:
    """Return the order that a page shows: the newest first, unless the most frequent are asked for."""
    return FREQUENT if given.get("order") == FREQUENT else NEWEST


def number(written: str | None) -> int | None:
    """Return a whole number as a form holds it, None for anything else."""
    return int(written) if written and written.isascii() and written.isdecimal() and len(written) < 10 else None
