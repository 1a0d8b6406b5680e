"""What is taken in of a request: so many bytes, within so many seconds, at such a rate. Around every route.

Slow headers and idle connections are ended earlier, in bot/web/connections.py.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import given
from bot.web.errors import ApiError
from bot.web.limits import Limits, too_many
from bot.web.metrics import Metrics

MAX_BODY = 64 * 1024  # bytes: the desk's longest form; a turn of a chat has a limit of its own
BODY_WITHIN_S = 10.0  # for the whole body: a slow telephone sends 16 kB in 2 s
COUNTED = ("/api/", "/readyz")
TURN = "/api/chat"  # counts by itself, once danger is looked for
_TOO_LARGE = ApiError(413, "too_large", "That is too long. Please send less.")
_TOO_SLOW = ApiError(408, "too_slow", "The request did not arrive in time. Please send it again.")


class Intake:
    """Ends bodies that are too long or too slow, refuses those who ask too often, and lets go of what they said."""

    def __init__(
        self, app: ASGIApp, limits: Limits, metrics: Metrics, on_error: Callable[[Request, Exception], Response]
    ) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_counted(scope["path"]) and (refused := await self._refusal(scope)):
            # Answered here and not raised: what lets other sites read it stands further out.
            await self._on_error(Request(scope), refused)(scope, receive, send)
            return
        try:
            await self._app(scope, limited(receive) if scope["type"] == "http" else receive, send)
        finally:
            given.forget()

    async def _refusal(self, scope: Scope) -> ApiError | None:
        caller = self._limits.of_other(address_of(scope))
        over = await self._limits.refusal(caller, self._limits.count_here(caller))
        if over is None:
            return None
        self._metrics.limited.labels(over.limit).inc()
        return too_many(over)


def is_counted(path: str) -> bool:
    """Whether requests to this address are counted: all that ask more of the server than a ready file."""
    return path.startswith(COUNTED) and path != TURN


def address_of(scope: Scope) -> str | None:
    """Return where a request came from: the nearest address that is no trusted proxy."""
    return scope["client"][0] if scope.get("client") else None


def limited(receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return `receive`, which raises ApiError once the body is too long or has taken too long."""
    taken, started = 0, time.monotonic()
    is_whole = False

    async def receive_in_time() -> Message:
        nonlocal taken, is_whole
        if is_whole:  # now it waits for the visitor to go, which may take as long as the answer
            return await receive()
        try:
            async with asyncio.timeout(started + BODY_WITHIN_S - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise _TOO_SLOW from None
        taken += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if taken > MAX_BODY:
            raise _TOO_LARGE
        return message

    return receive_in_time
