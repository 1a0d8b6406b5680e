"""The desk as a whole: who may see a page, its layout, and the routes. A page's own work is in its own module.

Every page but the sign-in and the search goes through `guarded`; the search looks for red flags before all else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from jinja2 import pass_context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.live import Live
from bot.store.database import Database, StoreFault
from bot.web.desk.accounts import EDITOR, READER, AccountFault, Accounts, Session
from bot.web.desk.cookies import PATH, SESSION, Cookies
from bot.web.desk.layout import HERE, BadForm, read_form, templates, with_headers
from bot.web.page import filled

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
IDLE_MINUTES = 30
FIRST_ACCOUNT = USER, PASSWORD = "DESK_USER", "DESK_PASSWORD"


class Desk:
    """Gives pages their frame and lets only those in who may come."""

    def __init__(self, live: Live, database: Database, secret: str, environ: Mapping[str, str]) -> None:
        """Raises ValueError where DESK_IDLE_MINUTES is no number of minutes, or the first account can't be made."""
        self.live = live
        self.database = database
        self.cookies = Cookies(secret, environ)
        self.accounts = Accounts(database, secret, timedelta(minutes=idle_minutes(environ)))
        self._templates = templates()
        self._templates.env.globals["csrf_field"] = _csrf_field
        make_first_account(self.accounts, environ)

    @property
    def words(self) -> dict[str, Any]:
        """The words of data/desk.yml, with the clinic's settings filled in."""
        return filled(self.live.now.desk_words, self.live.now.clinic.words)

    def guarded(self, endpoint: Endpoint, role: str = READER) -> Endpoint:
        """Return the endpoint for those who are signed in with this role, or a higher one; a form must be ours too."""

        async def guard(request: Request) -> Response:
            try:
                session = await self.session(request)
                if session is None:
                    return await self._to_sign_in(request)
                request.state.session = session
                if role == EDITOR and not session.is_editor:
                    return await self.message(request, "not_allowed", 403)
                if request.method == "POST":
                    request.state.form = await self._form(request, session)
                return await endpoint(request)
            except BadForm:
                return await self.message(request, "bad_form", 403)
            except StoreFault as fault:
                logger.error("the desk: %s", fault)
                return await self.message(request, "no_database", 503)

        return guard

    async def session(self, request: Request) -> Session | None:
        """Return who is signed in, None where nobody is. Raises StoreFault."""
        token = self.cookies.read(request, SESSION)
        return await asyncio.to_thread(self.accounts.session, token) if token else None

    async def page(self, request: Request, name: str, status: int = 200, **context: Any) -> Response:
        """Return a page of the desk, rendered in its layout."""
        session = getattr(request.state, "session", None)
        shared = {
            "words": self.words,
            "clinic": self.live.now.clinic,
            "frame": self.live.now.renderer.frame,
            "session": session,
            "faults": self.live.faults if session else (),
            "form_token": self.cookies.form_token(session.token) if session else "",
        }
        return with_headers(self._templates.TemplateResponse(request, name, {**shared, **context}), status)

    async def message(self, request: Request, name: str, status: int) -> Response:
        """Return a page that says what is wrong and what to do, from `messages` in data/desk.yml."""
        return await self.page(request, "message.html", status, message=self.words["messages"][name])

    async def audit(self, request: Request, deed: str, about: str = "") -> None:
        """Write down what the person signed in has done. Raises StoreFault."""
        await asyncio.to_thread(self.accounts.note, request.state.session, deed, about, address(request))

    async def _form(self, request: Request, session: Session) -> Mapping[str, str]:
        form = await read_form(request)
        if is_from_elsewhere(request) or not self.cookies.is_form_token(form.get("csrf", ""), session.token):
            raise BadForm("not sent from our page")
        return form

    async def _to_sign_in(self, request: Request) -> Response:
        to = f"{PATH}/sign-in"
        if request.method == "GET" and request.url.path != PATH:
            to += f"?next={request.url.path}"
        response = with_headers(RedirectResponse(to, 303))
        self.cookies.drop(request, response, SESSION)
        return response


def routes(desk: Desk, *parts: Any) -> list[BaseRoute]:
    """Return the desk's addresses: each part is one module's, and has routes of its own."""
    own = [route for part in parts for route in part.routes()]
    static = Mount("/static", StaticFiles(directory=HERE / "static"))
    first = parts[0].first_page
    return [Mount(PATH, routes=[Route("/", first), *own, static]), Route(PATH, first)]


def address(request: Request) -> str:
    """Return the address that the request came from."""
    return request.client.host if request.client else ""


def is_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent this."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def idle_minutes(environ: Mapping[str, str]) -> int:
    """Return after how many minutes without use a session ends. Raises ValueError."""
    written = environ.get("DESK_IDLE_MINUTES") or str(IDLE_MINUTES)
    if not written.isdecimal() or not 1 <= int(written) <= 720:
        raise ValueError(f"DESK_IDLE_MINUTES is {written!r}; use a number of minutes from 1 to 720")
    return int(written)


def make_first_account(accounts: Accounts, environ: Mapping[str, str]) -> None:
    """Make the account that the environment names, where there is none yet. Raises ValueError where it can't be."""
    name, password = environ.get(USER), environ.get(PASSWORD)
    if not name and not password:
        return
    if not name or not password:
        raise ValueError("DESK_USER and DESK_PASSWORD make the first account together; set both or neither")
    if accounts.exist():
        return
    try:
        accounts.save(name, EDITOR, password)
    except AccountFault as fault:
        raise ValueError(f"DESK_USER and DESK_PASSWORD: {fault}") from None


@pass_context
def _csrf_field(context: Any) -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(context["form_token"])
