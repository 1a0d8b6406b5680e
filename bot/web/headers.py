"""The security headers that every response carries, and the last place that an error can reach."""

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.metrics import Metrics

# Where a response has one of these already, its own stands: the widget's file may be loaded by any site.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation",
            "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
            "publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
        )
    ),
    "Cache-Control": "no-store",
}  # fmt: skip
# Two years, as the list of sites that browsers know beforehand asks for. A browser heeds it over TLS only.
HSTS = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def security_headers(*, is_production: bool) -> Mapping[str, str]:
    """Return the headers for every response."""
    return HEADERS | HSTS if is_production else HEADERS


class Outermost:
    """Adds the security headers to every response, counts it, and lets no error out.

    An error that leaves the application is logged by uvicorn with its message, which may hold a visitor's words.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_error: Callable[[Request, Exception], Response],
        headers: Mapping[str, str],
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._on_error = on_error
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._metrics.in_flight.track_inprogress():
            try:
                await self._app(scope, receive, self._finished(scope, send))
            except Exception as error:
                await self._on_error(Request(scope), error)(scope, receive, self._finished(scope, send))

    def _finished(self, scope: Scope, send: Send) -> Send:
        """Return `send` with the security headers added to the start of a response, but for those it has."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in self._headers if each[0] not in given)]
                self._metrics.requests.labels(route_of(scope), method_of(scope), message["status"]).inc()
            await send(message)

        return send_with_headers


def route_of(scope: Scope) -> str:
    """Return the address of a request as the routes have it: '/api/answers/{id:path}', never what was asked for."""
    return getattr(scope.get("route"), "path", None) or "other"


def method_of(scope: Scope) -> str:
    """Return the method where it is a common one: anybody can make up others without end."""
    return (
        scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
    )
