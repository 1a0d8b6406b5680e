"""The front server as a Starlette application: routes, headers and errors. `create_app` opens everything it needs."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.answers import Answers
from bot.clinic import Clinic, tel
from bot.encoder import MiniLMEncoder
from bot.finder import load_finder
from bot.language import Language
from bot.live import Live, Places, Published
from bot.paths import ANSWERS, CLINIC, DATA, ROOT
from bot.redaction import load_redactor
from bot.reply import Renderer
from bot.safety import SafetyCheck, load_check
from bot.sources import Sources
from bot.store.counts import Counts
from bot.store.database import open_database
from bot.store.questions import Questions
from bot.store.retention import Retention
from bot.store.upkeep import Upkeep
from bot.web.chat import Chat, short
from bot.web.conversations import Conversations, load_secret
from bot.web.desk.content import ContentPage
from bot.web.desk.counts import Counts as CountsPage
from bot.web.desk.desk import Desk, routes
from bot.web.desk.find import Find
from bot.web.desk.inbox import Inbox
from bot.web.desk.sign_in import SignIn
from bot.web.errors import ApiError, error_response
from bot.web.feedback import Feedback
from bot.web.made_once import MadeOnce
from bot.web.page import load_page
from bot.web.questions import SentQuestions
from bot.web.rasa_client import RasaClient, RasaUnavailable
from bot.web.widget_file import widget_file

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
SECRET_FILE = ROOT / "var" / "secret_key"
PROBE_QUESTION, PROBE_ANSWER = "what causes recurrent miscarriage", "causes/overview"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
# Any site may load the widget's file, and asks each time whether it is still the same. Who may use the interface
# is widget_origins in clinic.yml.
WIDGET_HEADERS = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}


def create_app(
    environ: Mapping[str, str] = os.environ, rasa: RasaClient | None = None, safety: SafetyCheck | None = None
) -> Starlette:
    """Return the application, with settings, answers and the safety check loaded.

    Raises SettingsFault or YamlFault where clinic.yml or the data cannot be used, StoreFault where DATABASE_URL is no
    address, ValueError where the trained reader of danger is missing. A database that is away stops nothing: the chat
    must answer. `rasa` replaces the client of the Rasa server at RASA_URL, `safety` the detector.
    """
    live = Live(site_of, Places(DATA, ANSWERS, CLINIC), environ)
    clinic, renderer = live.now.clinic, live.made.renderer
    client = rasa or RasaClient(environ.get("RASA_URL", "http://127.0.0.1:5005"))
    secret = environ.get("CLINIC_SECRET") or load_secret(SECRET_FILE)
    conversations = Conversations(secret)
    database = open_database(environ)
    counts = Counts(database, clinic.time_zone, clinic.languages[0])
    retention = Retention(clinic.counts_kept_months, clinic.questions_kept_days)
    upkeep = Upkeep(database, counts, retention, clinic.time_zone)
    encoder = MiniLMEncoder()
    safety = safety or load_check(encoder)
    chat = Chat(renderer, safety, client, conversations, counts)
    door = Door(live.made, chat, client, conversations)
    questions = Questions(database, encoder.embed)
    sent = SentQuestions(chat, load_redactor(), Language(safety.english), questions, live)
    feedback = Feedback(chat, renderer, counts)
    desk = Desk(live, database, secret, environ)
    finder = load_finder(live.now.content, environ.get("MODEL"), encoder)

    parts = Find(desk, safety, finder), ContentPage(desk), CountsPage(desk), Inbox(desk, questions), SignIn(desk)

    def take(site: Site) -> None:
        """Say the words of a changed content from now on."""
        renderer.renew(*site.words)
        door.renew(dataclasses.replace(site, renderer=renderer))
        finder.renew(live.now.content)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        live.watch(lambda site: loop.call_soon_threadsafe(take, site), check_first=True)
        upkeep.start()
        yield
        live.stop()
        await anyio.to_thread.run_sync(upkeep.stop)
        await client.close()

    def failed(request: Request, error: Exception) -> Response:
        return error_response(as_api_error(error), renderer.frame.emergency_line)

    app = Starlette(
        routes=[
            Route("/", door.page),
            Route("/widget.js", door.widget),
            Route("/api/chat", door.chat, methods=["POST"]),
            Route("/api/conversations/{conversation}", door.forget, methods=["DELETE"]),
            Route("/api/feedback", feedback.endpoint, methods=["POST"]),
            Route("/api/questions", sent.endpoint, methods=["POST"]),
            Route("/api/answers", door.answers),
            Route("/api/answers/{id:path}", door.answer),
            Route("/healthz", door.healthz),
            Route("/readyz", door.readyz),
            Mount("/static", StaticFiles(directory=HERE / "static")),
            *routes(desk, *parts),
        ],
        middleware=[Middleware(Outermost, on_error=failed), *sites_allowed(clinic.widget_origins)],
        exception_handlers={ApiError: failed, HTTPException: failed},
        lifespan=lifespan,
    )
    app.state.database, app.state.counts, app.state.questions = database, counts, questions
    return app


@dataclasses.dataclass(frozen=True)
class Site:
    """What this server makes of one content: all that the public sees of it."""

    clinic: Clinic
    renderer: Renderer
    words: tuple[Answers, Sources, Clinic]
    page: dict[str, Any]
    widget: MadeOnce
    answers: MadeOnce


def site_of(published: Published) -> Site:
    """Return the site. Raises YamlFault where data/page.yml leads to an answer that does not exist."""
    clinic, renderer, content = published.clinic, published.renderer, published.content
    page = load_page(DATA / "page.yml", clinic.words, renderer.answers)
    answers = json.dumps({"answers": [renderer.reply(id) for id in renderer.answers]}, ensure_ascii=False)
    return Site(
        clinic,
        renderer,
        (content.answers, content.sources, clinic),
        page,
        MadeOnce(widget_file(renderer, clinic, page), "text/javascript", WIDGET_HEADERS),
        MadeOnce(answers, "application/json"),
    )


def sites_allowed(origins: Sequence[str]) -> list[Middleware]:
    """Return what lets the clinic's other sites use the interface. No cookie is ever taken along."""
    if not origins:
        return []
    methods, headers = ["GET", "POST", "DELETE"], ["Content-Type"]
    return [Middleware(CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=headers)]


class Door:
    """The endpoints, each a thin coat."""

    def __init__(self, site: Site, chat: Chat, rasa: RasaClient, conversations: Conversations) -> None:
        self._chat = chat
        self._rasa = rasa
        self._conversations = conversations
        self._templates = Jinja2Templates(directory=HERE / "templates")
        self.renew(site)

    def renew(self, site: Site) -> None:
        """Show this content from now on."""
        self._clinic = site.clinic
        self._renderer = site.renderer
        self._page = site.page
        self._widget = site.widget
        self._answers = site.answers

    async def page(self, request: Request) -> Response:
        """The demo page with the chat on it."""
        context = {"clinic": self._clinic, "frame": self._renderer.frame, "site": self._page["site"], "tel": tel}
        return self._templates.TemplateResponse(request, "page.html", context)

    async def widget(self, request: Request) -> Response:
        """The one file that puts the chat on a page."""
        return self._widget.answer(request)

    async def chat(self, request: Request) -> Response:
        """One turn of a chat."""
        return JSONResponse(await self._chat.answer(request))

    async def forget(self, request: Request) -> Response:
        """Forget a chat: at once, and everywhere."""
        conversation = request.path_params["conversation"]
        if not self._conversations.is_ours(conversation):
            raise ApiError(
                400, "unknown_conversation", "This chat was not started here, so nothing of it is kept here."
            )
        self._chat.forget(conversation)
        try:
            await self._rasa.forget(conversation)
        except RasaUnavailable as reason:
            logger.warning("conversation %s: not forgotten yet (%s)", short(conversation), reason)
            raise ApiError(503, "not_forgotten_yet", NOT_FORGOTTEN) from None
        logger.info("conversation %s: forgotten", short(conversation))
        return Response(status_code=204)

    async def answers(self, request: Request) -> Response:
        """The visitor's text of every answer."""
        return self._answers.answer(request)

    async def answer(self, request: Request) -> Response:
        """The visitor's text of one answer."""
        id = request.path_params["id"]
        if id not in self._renderer.answers:
            raise ApiError(404, "unknown_answer", "There is no such answer. See /api/answers for all of them.")
        return JSONResponse(self._renderer.reply(id))

    async def healthz(self, request: Request) -> Response:
        """Alive: this process answers."""
        return PlainTextResponse("ok")

    async def readyz(self, request: Request) -> Response:
        """Ready: a known question went the whole way and came back with its answer."""
        try:
            replies = await self._rasa.ask(f"readyz-{secrets.token_hex(8)}", PROBE_QUESTION)
        except RasaUnavailable as reason:
            return PlainTextResponse(f"not ready: {reason}", 503)
        if replies[0]["answer"] != PROBE_ANSWER:
            return PlainTextResponse(f"not ready: the probe was answered with {replies[0]['answer']}", 503)
        return PlainTextResponse("ready")


def as_api_error(error: Exception) -> ApiError:
    """Return any error as one of the contract's. What went wrong inside stays inside."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        message = _HTTP.get(error.status_code, str(error.detail))
        return ApiError(error.status_code, f"http_{error.status_code}", message, dict(error.headers or {}))
    logger.error("request failed: %s", type(error).__name__)  # no traceback: its values may hold a visitor's words
    return ApiError(500, "internal", "Something went wrong here. Please try again in a minute.")


NOT_FORGOTTEN = (
    "The chat could not be reached to forget this at once. It forgets 30 minutes after the last message, or try again."
)
_HTTP = {
    404: "There is nothing at this address.",
    405: "This address does not take that method. See the documentation of the interface.",
}


class Outermost:
    """Adds the security headers to every response, and lets no error out.

    An error that leaves the application is logged by uvicorn with its message, which may hold a visitor's words.
    """

    def __init__(self, app: ASGIApp, on_error: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, with_headers(send))
        except Exception as error:
            await self._on_error(Request(scope), error)(scope, receive, with_headers(send))


def with_headers(send: Send) -> Callable:
    """Return `send` with the security headers added to the start of the response, but for those it has."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            ours = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] += [header for header in ours if header[0] not in given]
        await send(message)

    return send_with_headers
