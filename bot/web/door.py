"""The public endpoints of the front server, each a thin coat."""

import json
import logging
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.templating import Jinja2Templates

from bot.clinic import tel
from bot.web.chat import Chat, short
from bot.web.conversations import Conversations
from bot.web.description import load_description
from bot.web.errors import HTTP_MESSAGES, ApiError
from bot.web.made_once import MadeOnce
from bot.web.metrics import Metrics, metrics_response
from bot.web.rasa_client import RasaClient, RasaUnavailable
from bot.web.settings import FrontSettings
from bot.web.site import Site

logger = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parent / "templates"
PROBE_QUESTION, PROBE_ANSWER = "what causes recurrent miscarriage", "causes/overview"
CONTACT_EXPIRES = timedelta(days=180)  # RFC 9116: less than a year ahead
NOT_FORGOTTEN = (
    "The chat could not be reached to forget this at once. It forgets 30 minutes after the last message, or try again."
)


class Door:
    """The endpoints."""

    def __init__(
        self,
        site: Site,
        settings: FrontSettings,
        chat: Chat,
        rasa: RasaClient,
        conversations: Conversations,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._chat = chat
        self._rasa = rasa
        self._conversations = conversations
        self._metrics = metrics
        self._templates = Jinja2Templates(directory=TEMPLATES)
        self._description = MadeOnce(json.dumps(load_description()), "application/json")
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
            raise ApiError(404, "http_404", HTTP_MESSAGES[404])
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
