"""The front server as a Starlette application: routes, headers and errors. `create_app` opens everything it needs."""

import contextlib
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from bot.answers import load_answers
from bot.clinic import Clinic, load_clinic, tel
from bot.encoder import MiniLMEncoder
from bot.paths import ANSWERS, CLINIC, DATA, ROOT, SOURCES
from bot.reply import Renderer
from bot.safety import SafetyCheck, load_check
from bot.sources import load_sources
from bot.tidy import keep_tidy
from bot.web.chat import Chat, short
from bot.web.conversations import Conversations, load_secret
from bot.web.danger_reader import DangerReader
from bot.web.description import load_description
from bot.web.errors import ApiError, error_response
from bot.web.latch import Latches, SharedLatches
from bot.web.headers import Outermost, security_headers
from bot.web.intake import Intake
from bot.web.limits import Limits
from bot.web.made_once import MadeOnce
from bot.web.metrics import Metrics, metrics_response
from bot.web.page import load_page
from bot.web.rasa_client import RasaClient, RasaUnavailable, rasa_urls
from bot.web.settings import FrontSettings, load_settings
from bot.web.widget_file import widget_file

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
SECRET_FILE = ROOT / "var" / "secret_key"
CONTACT_EXPIRES = timedelta(days=180)  # RFC 9116: less than a year ahead
PROBE_QUESTION, PROBE_ANSWER = "what causes recurrent miscarriage", "causes/overview"
# Any site may load the widget's file, and asks each time whether it is still the same. Who may use the interface
# is widget_origins in clinic.yml.
WIDGET_HEADERS = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}


def create_app(
    environ: Mapping[str, str] = os.environ, rasa: RasaClient | None = None, safety: SafetyCheck | None = None
) -> Starlette:
    """Return the application, with settings, answers and the safety check loaded.

    Raises SettingsFault or YamlFault where clinic.yml or the data cannot be used, ValueError where the trained reader
    of danger is missing. `rasa` replaces the client of the Rasa servers at RASA_URLS, `safety` the detector.
    """
    settings = load_settings(environ)
    clinic = load_clinic(CLINIC, environ)
    renderer = Renderer(load_answers(ANSWERS), load_sources(SOURCES), clinic)
    client = rasa or RasaClient(rasa_urls(environ), share=bool(settings.redis_url))
    latches = SharedLatches(settings.redis_url) if settings.redis_url else Latches()
    secret = environ.get("CLINIC_SECRET") or load_secret(SECRET_FILE)
    conversations = Conversations(secret)
    answers = MadeOnce(all_answers(renderer), "application/json")
    metrics = Metrics(answers.version)
    limits = Limits(settings, secret, on_failure=lambda reason: metrics.failed("redis", reason))
    reader = DangerReader(safety or load_check(MiniLMEncoder()))
    chat = Chat(renderer, reader, client, conversations, latches, limits, metrics)
    door = Door(clinic, settings, renderer, chat, client, conversations, answers, metrics)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        keep_tidy()
        yield
        await client.close()
        await latches.disconnect()

    def failed(request: Request, error: Exception) -> Response:
        return error_response(as_api_error(error), renderer.frame.emergency_line)

    app = Starlette(
        routes=[
            Route("/", door.page),
            Route("/widget.js", door.widget),
            Route("/api/chat", door.chat, methods=["POST"]),
            Route("/api/conversations/{conversation}", door.forget, methods=["DELETE"]),
            Route("/api/answers", door.answers),
            Route("/api/answers/{id:path}", door.answer),
            Route("/openapi.json", door.description),
            Route("/.well-known/security.txt", door.security_contact),
            Route("/healthz", door.healthz),
            Route("/readyz", door.readyz),
            Route("/metrics", door.metrics),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[
            *proxies_believed(settings.trusted_proxies),
            Middleware(
                Outermost,
                on_error=failed,
                headers=security_headers(is_production=settings.is_production),
                metrics=metrics,
            ),
            *sites_allowed(clinic.widget_origins),
            Middleware(Intake, limits=limits, metrics=metrics, on_error=failed),
        ],
        exception_handlers={ApiError: failed, HTTPException: failed},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would send visitors to whatever site the Host header names
    return app


def all_answers(renderer: Renderer) -> str:
    """Return every answer as a visitor gets it, as JSON."""
    return json.dumps({"answers": [renderer.reply(id) for id in renderer.answers]}, ensure_ascii=False)


def proxies_believed(addresses: Sequence[str]) -> list[Middleware]:
    """Return what reads a visitor's address from X-Forwarded-For, where one of these proxies sent it."""
    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=list(addresses))] if addresses else []


def sites_allowed(origins: Sequence[str]) -> list[Middleware]:
    """Return what lets the clinic's other sites use the interface. No cookie is ever taken along."""
    if not origins:
        return []
    methods, headers = ["GET", "POST", "DELETE"], ["Content-Type"]
    return [Middleware(CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=headers)]


class Door:
    """The endpoints, each a thin coat."""

    def __init__(
        self,
        clinic: Clinic,
        settings: FrontSettings,
        renderer: Renderer,
        chat: Chat,
        rasa: RasaClient,
        conversations: Conversations,
        answers: MadeOnce,
        metrics: Metrics,
    ) -> None:
        self._clinic = clinic
        self._settings = settings
        self._renderer = renderer
        self._chat = chat
        self._rasa = rasa
        self._conversations = conversations
        self._page = load_page(DATA / "page.yml", clinic.words, renderer.answers)
        self._templates = Jinja2Templates(directory=HERE / "templates")
        self._widget = MadeOnce(widget_file(renderer, clinic, self._page), "text/javascript", WIDGET_HEADERS)
        self._answers = answers
        self._description = MadeOnce(json.dumps(load_description()), "application/json")
        self._metrics = metrics

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
        await self._chat.forget(conversation)
        try:
            await self._rasa.forget(conversation)
        except RasaUnavailable as reason:
            logger.warning("conversation %s: not forgotten yet (%s)", short(conversation), reason)
            self._metrics.failed("rasa", str(reason))
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

    async def description(self, request: Request) -> Response:
        """The description of this interface, for programs."""
        return self._description.answer(request)

    async def security_contact(self, request: Request) -> Response:
        """Whom to tell of a weakness (RFC 9116), where the clinic says so."""
        if not self._clinic.security_contact:
            raise ApiError(404, "http_404", _HTTP[404])
        until = (datetime.now(UTC) + CONTACT_EXPIRES).strftime("%Y-%m-%dT00:00:00Z")
        languages = ", ".join(self._clinic.languages)
        return PlainTextResponse(
            f"Contact: {self._clinic.security_contact}\nExpires: {until}\nPreferred-Languages: {languages}\n"
        )

    async def metrics(self, request: Request) -> Response:
        """What this server counts of itself, for Prometheus."""
        return metrics_response(request, self._metrics, self._settings.metrics_token)

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
