"""How soon the launcher is there, beside RasaHQ's chat-widget in one run: `python -m tests.browser.beside <folder>`.

The folder is `packages/ui/dist` of a build of that widget, which no registry has. Slow 4G, a processor four times
slower, five visits of each in turn, both compressed alike; prints the medians.
"""

import gzip
import http.server
import shutil
import statistics
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.test_bars import SLOW_4G
from tests.browser.widget import page
from tests.product import running

VISITS = 5
THEIRS = (
    '<!doctype html><html lang="en"><head><title>A site</title>'
    '<script type="module" src="/rasa-chatwidget/rasa-chatwidget.esm.js"></script>'
    '<link rel="stylesheet" href="/rasa-chatwidget/rasa-chatwidget.css"></head>'
    '<body><main><h1>A site</h1></main><rasa-chatbot-widget server-url="http://127.0.0.1:9"></rasa-chatbot-widget></body>'
)
KINDS = {".js": "text/javascript", ".css": "text/css", "": "text/html"}
# A visible control of either, however deep in shadow trees.
SHOWN = """requestAnimationFrame(function look() {
  const isShown = (e) => e.matches('button, [role=button]') && e.checkVisibility() && e.offsetWidth > 10;
  const has = (root) => [...root.querySelectorAll('*')].some((e) => isShown(e) || (e.shadowRoot && has(e.shadowRoot)));
  if (document.body && has(document)) window.shownAt = performance.now();
  else requestAnimationFrame(look);
});"""


def main(folder: Path) -> None:
    """Measure both in turn."""
    with running() as bot, sync_playwright() as playwright:
        ours = page(bot.url, data="").replace("<button>Its button</button>", "")
        site = served({"/theirs": THEIRS, "/ours": ours}, folder)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        times: dict[str, list[float]] = {"/theirs": [], "/ours": []}
        for path in [*times] * VISITS:
            times[path].append(shown_after(browser, site + path))
        browser.close()
    theirs, own = (statistics.median(each) for each in times.values())
    print(
        f"RasaHQ's after {theirs:.0f} ms, ours after {own:.0f} ms: {1 - own / theirs:.0%} sooner (median of {VISITS})"
    )


def shown_after(browser: Browser, address: str) -> float:
    """Return the milliseconds until a new visitor sees a launcher."""
    context = browser.new_context(viewport={"width": 375, "height": 740})
    visit = context.new_page()
    session = context.new_cdp_session(visit)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    visit.add_init_script(SHOWN)
    visit.goto(address, wait_until="commit")
    visit.wait_for_function("window.shownAt", timeout=60_000)
    time = visit.evaluate("shownAt")
    context.close()
    return time


def served(pages: Mapping[str, str], folder: Path) -> str:
    """Serve the pages and the files of a folder, compressed, and return the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            file = folder / path.lstrip("/")
            body = pages[path].encode() if path in pages else file.read_bytes() if file.is_file() else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", KINDS.get(Path(path).suffix, "application/octet-stream"))
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(gzip.compress(body))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
