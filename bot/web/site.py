"""What the public sees of one content: the page, the widget's file and the list of answers, each made once."""

import json
from dataclasses import dataclass
from typing import Any

from bot.answers import Answers
from bot.clinic import Clinic
from bot.live import Published
from bot.paths import DATA
from bot.reply import Renderer
from bot.sources import Sources
from bot.web.made_once import MadeOnce
from bot.web.page import load_page
from bot.web.widget_file import widget_file

# Any site may load the widget's file, and asks each time whether it is still the same. Who may use the interface
# is widget_origins in clinic.yml.
WIDGET_HEADERS = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}


@dataclass(frozen=True)
class Site:
    """What this server makes of one content."""

    clinic: Clinic
    renderer: Renderer
    words: tuple[Answers, Sources, Clinic]
    page: dict[str, Any]
    widget: MadeOnce
    answers: MadeOnce


def site_of(published: Published) -> Site:
    """Return the site. Raises YamlFault where data/page.yml leads to an answer that does not exist."""
    clinic, renderer, content = published.clinic, published.renderer, published.content
    page = load_page(DATA / "page.yml", clinic.words, renderer.answers)
    answers = json.dumps({"answers": [renderer.reply(id) for id in renderer.answers]}, ensure_ascii=False)
    return Site(
        clinic,
        renderer,
        (content.answers, content.sources, clinic),
        page,
        MadeOnce(widget_file(renderer, clinic, page), "text/javascript", WIDGET_HEADERS),
        MadeOnce(answers, "application/json"),
    )
