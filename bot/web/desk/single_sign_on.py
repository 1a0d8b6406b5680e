"""Signing in through the clinic's own sign-in service, where one is set: the way there and the way back.

What is needed on the way back (state, nonce, PKCE's verifier) lies in a signed cookie of ten minutes for these two
addresses alone. The way there is a link, not a form: the pages' policy lets no form lead to another site.
"""

import asyncio
import logging

from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.store.database import StoreFault
from bot.web.desk.cookies import PATH, prefixed
from bot.web.desk.desk import Desk, address
from bot.web.desk.layout import with_headers
from bot.web.desk.provider import NotVouchedFor, Provider, ProviderAway, ProviderSettings
from bot.web.desk.sign_in import SignIn, own_page

logger = logging.getLogger(__name__)

THERE, BACK = "/single-sign-on", "/single-sign-on/back"
COOKIE = "desk-way"
WAY_S = 600  # to sign in at the provider


class SingleSignOn:
    """The two addresses."""

    def __init__(self, desk: Desk, sign_in: SignIn, settings: ProviderSettings, secret: str) -> None:
        self._desk = desk
        self._sign_in = sign_in
        self._provider = Provider(settings, PATH + BACK)
        self._cookie = Middleware(
            SessionMiddleware,
            secret_key=f"single sign-on {secret}",
            session_cookie=prefixed(COOKIE, is_secure=settings.is_secure),
            max_age=WAY_S,
            path=PATH + THERE,
            https_only=settings.is_secure,
        )

    def routes(self) -> list[BaseRoute]:
        """Return the addresses below /desk."""
        cookie = [self._cookie]
        return [Route(THERE, self.there, middleware=cookie), Route(BACK, self.back, middleware=cookie)]

    async def there(self, request: Request) -> Response:
        """The way to the provider."""
        request.session.clear()
        request.session["to"] = own_page(request.query_params.get("next"))
        try:
            return with_headers(await self._provider.way_there(request))
        except ProviderAway as reason:
            return await self._away(request, reason)

    async def back(self, request: Request) -> Response:
        """Back from the provider: in, or why not."""
        to = own_page(request.session.get("to"))
        try:
            person = await self._provider.person(request)
            request.session.clear()
            before = await self._desk.session(request)
            session = await asyncio.to_thread(self._desk.accounts.sign_in_as, person, address(request))
            if session is None:
                return await self._sign_in.form_again(request, to, "no_role")
            if before:
                await asyncio.to_thread(self._desk.accounts.sign_out, before, address(request))
        except NotVouchedFor as reason:
            logger.warning("the desk: the sign-in service vouched for nobody (%s)", reason)
            return await self._sign_in.form_again(request, to, "not_vouched_for")
        except ProviderAway as reason:
            return await self._away(request, reason)
        except StoreFault as fault:
            logger.error("the desk: %s", fault)
            return await self._desk.message(request, "no_database", 503)
        return self._sign_in.signed_in(request, session, to)

    async def _away(self, request: Request, reason: ProviderAway) -> Response:
        logger.error("the desk: the sign-in service can't be asked (%s); see DESK_OIDC_ISSUER", reason)
        return await self._desk.message(request, "no_provider", 503)
