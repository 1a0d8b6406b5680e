"""The desk's two cookies and the tokens in its forms.

The session's cookie holds a signed random token; what it stands for is in the database. The other one is set by the
sign-in page, so that a form there comes from this browser too. Both are sent to /desk alone, and read by no script.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from itsdangerous import BadSignature, Signer
from starlette.requests import Request
from starlette.responses import Response

from bot.clinic import PRODUCTION

PATH = "/desk"
SESSION, VISIT = "desk", "desk-visit"


class Cookies:
    """Sets, reads and takes back the cookies, and makes the tokens of forms."""

    def __init__(self, secret: str, environ: Mapping[str, str]) -> None:
        self._secret = secret.encode()
        self._signer = Signer(secret, salt="desk")
        self._always_secure = environ.get("CLINIC_ENV") == PRODUCTION

    def read(self, request: Request, name: str) -> str | None:
        """Return the token in a cookie, None where there is none or its signature is not ours."""
        try:
            return self._signer.unsign(request.cookies.get(self._name(request, name), "")).decode()
        except (BadSignature, UnicodeError):
            return None

    def set(self, request: Request, response: Response, name: str, token: str) -> None:
        """Give the browser a token, until it is closed."""
        response.set_cookie(
            self._name(request, name),
            self._signer.sign(token).decode(),
            path=PATH,
            secure=self._is_secure(request),
            httponly=True,
            samesite="lax",
        )

    def drop(self, request: Request, response: Response, name: str) -> None:
        """Take a cookie back."""
        name = self._name(request, name)
        response.delete_cookie(name, path=PATH, secure=self._is_secure(request), httponly=True, samesite="lax")

    def form_token(self, token: str) -> str:
        """Return what a form must carry that is sent with this cookie: another site can't know it."""
        return hmac.new(self._secret, f"form {token}".encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, given: str, token: str | None) -> bool:
        """Whether a form carries the token that belongs to its cookie."""
        return token is not None and secrets.compare_digest(given.encode(), self.form_token(token).encode())

    def _is_secure(self, request: Request) -> bool:
        return self._always_secure or request.url.scheme == "https"

    def _name(self, request: Request, name: str) -> str:
        return prefixed(name, is_secure=self._is_secure(request))


def prefixed(name: str, *, is_secure: bool) -> str:
    """Return a cookie's name: over TLS with the prefix of those that nobody but this site can set, over TLS."""
    return f"__Secure-{name}" if is_secure else name
