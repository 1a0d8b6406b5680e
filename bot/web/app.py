"""The front server as a Starlette application: what it is put together from. `create_app` opens everything it needs."""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from bot.encoder import shared_encoder
from bot.finder import load_finder
from bot.language import Language
from bot.later import Later
from bot.live import Live, Places
from bot.paths import ANSWERS, CLINIC, DATA, ROOT
from bot.redaction_settings import read_settings
from bot.safety import SafetyCheck, load_check
from bot.store.counts import Counts
from bot.store.database import open_database
from bot.store.questions import Questions
from bot.store.retention import Retention
from bot.store.upkeep import Upkeep
from bot.tidy import keep_tidy
from bot.web.chat import Chat
from bot.web.conversations import Conversations, load_secret
from bot.web.danger_reader import DangerReader
from bot.web.desk.content import ContentPage
from bot.web.desk.counts import CountsPage
from bot.web.desk.desk import Desk, routes
from bot.web.desk.find import Find
from bot.web.desk.inbox import Inbox
from bot.web.desk.provider import has_local_sign_in, load_provider
from bot.web.desk.sign_in import SignIn
from bot.web.desk.single_sign_on import SingleSignOn
from bot.web.door import Door
from bot.web.errors import ApiError, as_api_error, error_response
from bot.web.feedback import Feedback
from bot.web.headers import Outermost, security_headers
from bot.web.intake import Intake
from bot.web.kept_latches import KeptLatches
from bot.web.latch import Latches, SharedLatches
from bot.web.limits import Limits
from bot.web.metrics import Metrics
from bot.web.questions import SentQuestions
from bot.web.rasa_client import RasaClient, rasa_urls
from bot.web.settings import FrontSettings, load_settings
from bot.web.site import Site, site_of

if TYPE_CHECKING:
    from bot.redaction import Redactor

STATIC = Path(__file__).parent / "static"
SECRET_FILE = ROOT / "var" / "secret_key"
SETTLED_AFTER_S = 15.0  # a start has the processors for what visitors wait for; staff who come sooner wait themselves


def create_app(
    environ: Mapping[str, str] = os.environ, rasa: RasaClient | None = None, safety: SafetyCheck | None = None
) -> Starlette:
    """Return the application, with settings, answers and the safety check loaded.

    Raises SettingsFault or YamlFault where clinic.yml or the data cannot be used, StoreFault where DATABASE_URL is no
    address, ValueError where the trained reader of danger is missing. A database that is away stops nothing: the chat
    must answer. `rasa` replaces the client of the Rasa servers at RASA_URLS, `safety` the detector.
    """
    settings = load_settings(environ)
    live = Live(site_of, Places(DATA, ANSWERS, CLINIC), environ)
    clinic, renderer = live.now.clinic, live.made.renderer
    secret = environ.get("CLINIC_SECRET") or load_secret(SECRET_FILE)
    conversations = Conversations(secret)
    metrics = Metrics(renderer.answers.version)
    database = open_database(environ, on_failure=partial(metrics.failed, "database"))
    counts = Counts(database, clinic.time_zone, clinic.languages[0])
    retention = Retention(clinic.counts_kept_months, clinic.questions_kept_days)
    read_settings(DATA / "redaction.yml")  # a fault in it is told at the start
    upkeep = Upkeep(database, counts, retention, clinic.time_zone)
    limits = Limits(settings, secret, on_failure=partial(metrics.failed, "redis"))
    latches = make_latches(settings, metrics)
    client = rasa or RasaClient(rasa_urls(environ), share=bool(settings.redis_url))
    encoder = shared_encoder()
    safety = safety or load_check(encoder)
    chat = Chat(renderer, DangerReader(safety, encoder.embed), client, conversations, latches, limits, metrics, counts)
    door = Door(live.made, settings, chat, client, conversations, metrics)
    feedback = Feedback(chat, renderer, counts)
    questions = Questions(database, encoder.embed)
    redactor = Later(load_redactor)
    sent = SentQuestions(chat, redactor, Language(safety.english), questions, live)
    provider = load_provider(environ)
    desk = Desk(live, database, secret, environ)
    finder = load_finder(live.now.content, environ.get("MODEL"), encoder)

    sign_in = SignIn(desk, provider, is_local=has_local_sign_in(environ, provider))
    single_sign_on = [SingleSignOn(desk, sign_in, provider, secret)] if provider else []
    pages = Find(desk, safety, finder), ContentPage(desk), CountsPage(desk), Inbox(desk, questions)
    parts = *pages, sign_in, *single_sign_on

    def take(site: Site) -> None:
        """Say the words of a changed content from now on."""
        renderer.renew(*site.words)
        door.renew(dataclasses.replace(site, renderer=renderer))
        finder.renew(live.now.content)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        keep_tidy()
        loop = asyncio.get_running_loop()
        live.watch(lambda site: loop.call_soon_threadsafe(take, site), check_first=True)
        upkeep.start()
        finder.prepare(SETTLED_AFTER_S)
        redactor.begin(SETTLED_AFTER_S)
        yield
        live.stop()
        await anyio.to_thread.run_sync(upkeep.stop)
        await client.close()
        await latches.disconnect()

    def failed(request: Request, error: Exception) -> Response:
        return error_response(as_api_error(error), renderer.frame.emergency_line)

    app = Starlette(
        routes=[
            *public_routes(door, feedback, sent),
            *routes(desk, *parts),
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
    app.state.database, app.state.counts, app.state.questions = database, counts, questions
    return app


def make_latches(settings: FrontSettings, metrics: Metrics) -> Latches:
    """Return what remembers danger: among several front servers, through a start anew, or in this process alone."""
    if settings.redis_url:
        return SharedLatches(settings.redis_url, partial(metrics.failed, "redis"))
    return KeptLatches(Path(settings.latches_file)) if settings.latches_file else Latches()


def load_redactor() -> "Redactor":
    """Return the redactor. Its libraries are imported only now: no visitor's reply waits for them."""
    from bot.redaction import load_redactor

    return load_redactor()


def public_routes(door: Door, feedback: Feedback, sent: SentQuestions) -> list[BaseRoute]:
    """Return the addresses that need no sign-in."""
    return [
        Route("/", door.page),
        Route("/widget.js", door.widget),
        Route("/api/chat", door.chat, methods=["POST"]),
        Route("/api/conversations/{conversation}", door.forget, methods=["DELETE"]),
        Route("/api/feedback", feedback.endpoint, methods=["POST"]),
        Route("/api/questions", sent.endpoint, methods=["POST"]),
        Route("/api/answers", door.answers),
        Route("/api/answers/{id:path}", door.answer),
        Route("/openapi.json", door.description),
        Route("/.well-known/security.txt", door.security_contact),
        Route("/healthz", door.healthz),
        Route("/readyz", door.readyz),
        Route("/metrics", door.metrics),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def proxies_believed(addresses: Sequence[str]) -> list[Middleware]:
    """Return what reads a visitor's address from X-Forwarded-For, where one of these proxies sent it."""
    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=list(addresses))] if addresses else []


def sites_allowed(origins: Sequence[str]) -> list[Middleware]:
    """Return what lets the clinic's other sites use the interface. No cookie is ever taken along."""
    if not origins:
        return []
    methods, headers = ["GET", "POST", "DELETE"], ["Content-Type"]
    return [Middleware(CORSMiddleware, allow_origins=origins, allow_methods=methods, allow_headers=headers)]
