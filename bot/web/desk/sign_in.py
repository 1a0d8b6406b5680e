"""Signing in and out, and one's own account. What the answer says is the same for every failure."""

import asyncio
import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.store.database import StoreFault
from bot.web.desk.accounts import EDITOR, AccountFault, Session
from bot.web.desk.cookies import PATH, SESSION, VISIT
from bot.web.desk.desk import Desk, address, is_from_elsewhere
from bot.web.desk.layout import BadForm, read_form, with_headers
from bot.web.desk.provider import ProviderSettings

# Only a page of the desk's own, so that a link to the sign-in can't lead on to another site.
_OWN_PAGE = re.compile(r"/desk(/[a-z0-9_]+)*")
AT_ONCE = 2  # passwords checked at the same time: each takes 64 MB and a core for a moment
LAST_DEEDS, OWN_DEEDS = 300, 10


class SignIn:
    """The pages for signing in and out, the own account, and the audit."""

    def __init__(self, desk: Desk, provider: ProviderSettings | None = None, *, is_local: bool = True) -> None:
        """`provider` is the clinic's sign-in service; where not `is_local` it alone lets in."""
        self._desk = desk
        self._provider = provider
        self._is_local = is_local
        self._checking = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Return the addresses below /desk."""
        guarded = self._desk.guarded
        return [
            Route("/sign-in", self.form),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", guarded(self.sign_out), methods=["POST"]),
            Route("/account", guarded(self.account)),
            Route("/account", guarded(self.change_password), methods=["POST"]),
            Route("/audit", guarded(self.audit, EDITOR)),
        ]

    async def form(self, request: Request) -> Response:
        """The form, or how to make the first account."""
        return await self._form(request, own_page(request.query_params.get("next")))

    async def sign_in(self, request: Request) -> Response:
        """Name and password: in, or the form again."""
        try:
            form = await read_form(request)
            visit = self._desk.cookies.read(request, VISIT)
            if is_from_elsewhere(request) or not self._desk.cookies.is_form_token(form.get("csrf", ""), visit):
                return await self._form(request, own_page(form.get("next")), fault="again", status=403)
            if not self._is_local:
                return await self._form(request, own_page(form.get("next")), fault="not_here", status=403)
            before = await self._desk.session(request)
            session = await self._checked(form.get("name", ""), form.get("password", ""), request)
            if session is None:
                return await self._form(request, own_page(form.get("next")), fault="wrong", status=403)
            if before:
                await asyncio.to_thread(self._desk.accounts.sign_out, before, address(request))
        except BadForm:
            return await self._form(request, PATH, fault="again", status=400)
        except StoreFault:
            return await self._desk.message(request, "no_database", 503)
        return self.signed_in(request, session, own_page(form.get("next")))

    async def form_again(self, request: Request, to: str, fault: str) -> Response:
        """Return the form with what was wrong, one of `sign_in` in data/desk.yml."""
        return await self._form(request, to, fault, 403)

    def signed_in(self, request: Request, session: Session, to: str) -> Response:
        """Return the way to a page, with a cookie for a new session: one from before is never taken over."""
        response = with_headers(RedirectResponse(to, 303))
        self._desk.cookies.set(request, response, SESSION, session.token)
        self._desk.cookies.drop(request, response, VISIT)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        await asyncio.to_thread(self._desk.accounts.sign_out, request.state.session, address(request))
        response = with_headers(RedirectResponse(f"{PATH}/sign-in", 303))
        self._desk.cookies.drop(request, response, SESSION)
        return response

    async def account(self, request: Request) -> Response:
        """One's own account: who one is, what was last done, a new password."""
        return await self._account(request)

    async def change_password(self, request: Request) -> Response:
        """A new password for oneself; every other session of one's own ends."""
        form, session = request.state.form, request.state.session
        if not session.has_password:
            return await self._desk.message(request, "bad_form", 400)
        if form.get("new") != form.get("again"):
            return await self._account(request, fault=self._desk.words["account"]["not_the_same"], status=400)
        try:
            async with self._checking:
                is_changed = await asyncio.to_thread(
                    self._desk.accounts.change_password,
                    session,
                    form.get("old", ""),
                    form.get("new", ""),
                    address(request),
                )
        except AccountFault as fault:
            return await self._account(request, fault=f"{fault}.".capitalize(), status=400)
        if not is_changed:
            return await self._account(request, fault=self._desk.words["account"]["wrong_old"], status=403)
        return await self._account(request, done=self._desk.words["account"]["changed"])

    async def audit(self, request: Request) -> Response:
        """Who did what, for editors."""
        deeds = await asyncio.to_thread(self._desk.accounts.deeds, LAST_DEEDS)
        return await self._desk.page(request, "audit.html", deeds=deeds)

    async def _checked(self, name: str, password: str, request: Request) -> Session | None:
        async with self._checking:
            return await asyncio.to_thread(self._desk.accounts.sign_in, name, password, address(request))

    async def _form(self, request: Request, to: str, fault: str | None = None, status: int = 200) -> Response:
        cookies = self._desk.cookies
        try:
            has_accounts = await asyncio.to_thread(self._desk.accounts.exist)
        except StoreFault:
            return await self._desk.message(request, "no_database", 503)
        visit = cookies.read(request, VISIT) or secrets.token_urlsafe(16)
        context: dict[str, Any] = {"form_token": cookies.form_token(visit), "next": to, "fault": fault}
        context |= {"provider": self._provider, "is_local": self._is_local, "has_accounts": has_accounts}
        response = await self._desk.page(request, "sign_in.html", status, **context)
        cookies.set(request, response, VISIT, visit)
        return response

    async def _account(self, request: Request, *, fault: str = "", done: str = "", status: int = 200) -> Response:
        deeds = await asyncio.to_thread(self._desk.accounts.deeds, OWN_DEEDS, request.state.session.name)
        return await self._desk.page(request, "account.html", status, fault=fault, done=done, deeds=deeds)


def own_page(to: str | None) -> str:
    """Return where to go after signing in: a page of the desk, whatever was asked for."""
    return to if to and _OWN_PAGE.fullmatch(to) else PATH
