"""Somebody at the front desk's pages, without a browser: signs in, opens pages, sends forms."""

import html
import re
from collections.abc import Mapping

from httpx import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

EDITOR, READER = "dana", "rosa.m"
PASSWORDS = {EDITOR: "three blue teapots", READER: "seven slow rivers"}


class Visitor(TestClient):
    """One browser at the desk. It follows no redirection by itself."""

    def __init__(self, app: Starlette, address: str = "192.0.2.1", base_url: str = "http://testserver") -> None:
        super().__init__(app, base_url, raise_server_exceptions=False, client=(address, 50000), follow_redirects=False)

    def token(self, path: str = "/desk/account") -> str:
        """Return the token in the first form of a page."""
        found = re.search(r'name="csrf" value="(\w+)"', self.get(path).text)
        assert found, path
        return found[1]

    def submit(self, path: str, fields: Mapping[str, str] = {}, *, page: str | None = None) -> Response:
        """Send a form with the token of a page, of its own path where none is named."""
        return self.post(path, data={"csrf": self.token(page or path), **fields})

    def sign_in(self, name: str = EDITOR, password: str | None = None, to: str = "/desk") -> Response:
        """Send the sign-in; the password is the right one unless another is given."""
        fields = {"name": name, "password": password or PASSWORDS.get(name, "something wrong"), "next": to}
        return self.submit("/desk/sign-in", fields)

    def is_in(self) -> bool:
        """Whether the desk lets this browser in."""
        return self.get("/desk").status_code == 200

    def words(self, path: str) -> str:
        """Return a page's text as a person reads it."""
        return plain(self.get(path).text)


def plain(page: str) -> str:
    """Return the words of a page, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
