"""One browser and one served product for all tests here: real Chromium, and the real processes of `make run`."""

import contextlib
import http.server
import io
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pypdf
import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from bot.paths import CLINIC
from bot.web import app
from tests.browser.widget import Widget
from tests.product import Run, free_port, running

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 740}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.model)


@pytest.fixture(scope="package")
def product() -> Iterator[Run]:
    with running() as bot:
        yield bot


# Not for the whole session: while Playwright runs, no other test of this process could use asyncio.run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: sh scripts/install_browser.sh"  # a failure, never a skip
    with sync_playwright() as playwright:
        args = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, product) -> Iterator[Callable[..., Widget]]:
    """Return a function that opens a page as a new visitor: `visit(path, wait=True, **options of the context)`.

    A page that logs an error or a refusal of its content policy fails the test, but for what `widget.errors` was
    cleared of.
    """
    opened: list[Widget] = []

    def open_page(path: str = "/", wait: bool = True, **options) -> Widget:
        context = browser.new_context(**{"viewport": DESK, "base_url": product.url, "locale": "en-US", **options})
        context.set_default_timeout(8_000)
        widget = Widget(context.new_page())
        opened.append(widget)
        widget.page.goto(path)
        if wait:
            widget.root.locator(".launcher, dialog").first.wait_for(state="attached")
        return widget

    yield open_page
    errors = [error for widget in opened for error in widget.errors]
    for widget in opened:
        widget.page.context.close()
    assert errors == []


@pytest.fixture
def widget(visit) -> Widget:
    """The demonstration page, as a visitor first meets it: the panel is open."""
    return visit()


@pytest.fixture
def on_paper() -> Callable[[Widget], str]:
    """Return a function that prints the page and gives the words on the paper, with single spaces."""

    def printed(widget: Widget) -> str:
        pages = pypdf.PdfReader(io.BytesIO(widget.page.pdf())).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())

    return printed


class Relay:
    """The connection to a server, which can be cut, and can lose answers on their way to the visitor."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: list[socket.socket] = []
        self.is_cut = self.loses_answers = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, *, is_cut: bool = False, loses_answers: bool = False) -> None:
        """Change what the connection does, also to what is open now."""
        self.is_cut, self.loses_answers = is_cut, loses_answers
        for each in self._open:
            hang_up(each)
        self._open.clear()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                visitor, _ = self._socket.accept()
                if self.is_cut:
                    hang_up(visitor)
                    continue
                server = socket.create_connection(("127.0.0.1", self._to))
                self._open += [visitor, server]
                for source, target in ((visitor, server), (server, visitor)):
                    threading.Thread(target=self._carry, args=(source, target, target is visitor), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)) and not (is_answer and self.loses_answers):
                target.sendall(data)
        for each in (source, target):
            hang_up(each)

    def close(self) -> None:
        self.set(is_cut=True)
        self._socket.close()


def hang_up(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


@pytest.fixture
def relay(product) -> Iterator[Relay]:
    """A connection to the product that a test can cut."""
    line = Relay(product.port)
    yield line
    line.close()


# Other sites, and other front servers before the same Rasa.


class Host:
    """A website of somebody's own, at another origin: `pages` maps a path to its headers and its HTML."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[Mapping[str, str], str]] = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path: str, body: str, headers: Mapping[str, str] = {}) -> str:
        """Serve this HTML (or, by its name, a style or a script) and return its address."""
        self.pages[path] = (headers, body)
        return self.url + path

    def _handler(self):
        pages = self.pages

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                headers, body = pages.get(self.path.partition("?")[0], ({}, ""))
                kinds = {".css": "text/css", ".js": "text/javascript"}
                self.send_response(200)
                for name, value in {"Content-Type": kinds.get(Path(self.path).suffix, "text/html"), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args):
                pass

        return Handler


@pytest.fixture(scope="package")
def host() -> Iterator[Host]:
    site = Host()
    yield site
    site.server.shutdown()


def rasa_of(product: Run) -> str:
    """Return the address of the product's own Rasa."""
    (process,) = product.processes("rasa run")
    words = process.cmdline()
    return f"http://127.0.0.1:{words[words.index('--port') + 1]}"


class Fronts:
    """More front servers: `serve(rasa_url)` starts one, with changes of clinic.yml, and returns its address."""

    def __init__(self, folder: Callable[[str], Path], environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self.running: dict[int, tuple[uvicorn.Server, threading.Thread]] = {}

    def __call__(self, rasa_url: str, *, port: int | None = None, secret: str = "", **settings: str) -> str:
        path = self._folder("clinic") / "clinic.yml"
        text = CLINIC.read_text()
        for name, value in settings.items():
            text = re.sub(rf"^  (# )?{name}: .*$", f"  {name}: {value}", text, flags=re.MULTILINE)
        path.write_text(text)
        own = {"CLINIC_SECRET": secret} if secret else {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app, "CLINIC", path)
            application = app.create_app({**self._environ, "RASA_URL": rasa_url, **own})
        port = port or free_port()
        server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, daemon=True)
        self.running[port] = server, thread
        thread.start()
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{port}"

    def stop(self, port: int) -> None:
        server, thread = self.running.pop(port)
        server.should_exit = server.force_exit = True
        thread.join(20)


@pytest.fixture(scope="package")
def serve(tmp_path_factory, environ) -> Iterator[Fronts]:
    fronts = Fronts(tmp_path_factory.mktemp, environ)
    yield fronts
    for port in [*fronts.running]:
        fronts.stop(port)


@pytest.fixture(scope="package")
def door(product, serve, host) -> str:
    """A front server that another site of the clinic may use."""
    return serve(rasa_of(product), widget_origins=f'["https://www.clinic.example", "{host.url}"]')


@pytest.fixture(scope="package")
def broken_door(serve) -> str:
    """A front server whose Rasa is down."""
    return serve(f"http://127.0.0.1:{free_port()}")
