"""widget.js: the one file that puts the chat on a page, made at start from the parts in bot/web/widget.

The server writes the words and settings before the parts, so that one request brings everything, and has a minifier
write it all short. There is no build step: what is served is made from the files as they are at start.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import minify

from bot.answers import Frame
from bot.clinic import Clinic
from bot.reply import Renderer, Reply

HERE = Path(__file__).parent / "widget"
PARTS = ("elements", "replies", "danger", "server", "memory", "chat", "sheet", "answers", "panel", "widget")


def widget_file(renderer: Renderer, clinic: Clinic, page: Mapping[str, Any]) -> str:
    """Return the script of the widget with one clinic's words and numbers; `page` has the words of data/page.yml."""
    parts = "".join((HERE / f"{part}.js").read_text() for part in PARTS)
    script = minify.string("application/javascript", f"(()=>{{{parts}}})()")
    styles = minify.string("text/css", (HERE / "widget.css").read_text())
    settings = widget_settings(renderer, clinic, page)
    return f"(()=>{{'use strict';const WIDGET={as_script(settings)},STYLES={as_script(styles)};{script}}})();\n"


def as_script(value: Any) -> str:
    """Return the value as JSON that is safe inside a script, wherever that stands: ASCII, and no '<'."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def widget_settings(renderer: Renderer, clinic: Clinic, page: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the parts know as WIDGET (its type stands in widget.d.ts)."""
    widget = page["widget"]
    return {
        "lang": clinic.languages[0],
        "words": {name: words for name, words in widget.items() if isinstance(words, str)},
        "subjects": list(widget["subjects"].items()),
        "lines": list(lines(clinic)),
        "clinic": {"name": clinic.name, "exit": clinic.exit_url},
        "frame": frame_words(renderer.frame),
        "alarms": {id: shown(renderer.reply(id)) for id in page["phrases"]},
        "phrases": page["phrases"],
    }


def shown(reply: Reply) -> Reply:
    """Return the parts of a reply that the widget shows and that are not empty."""
    return {name: reply[name] for name in ("kind", "title", "paragraphs", "disclaimer", "consultation")}


def frame_words(frame: Frame) -> dict[str, str]:
    """Return the words of the frame that the widget shows by itself."""
    return {"disclaimer": frame.disclaimer, "emergency": frame.emergency_line, "privacy": frame.privacy_line}


def lines(clinic: Clinic) -> Iterable[dict[str, Any]]:
    """Yield each number of the clinic once, with the ways to use it."""
    calls = (clinic.emergency_number, clinic.crisis_line, clinic.dv_line, clinic.urgent_line, clinic.phone,
             clinic.after_hours_line, clinic.maternal_crisis_line, clinic.poison_line, clinic.child_line)  # fmt: skip
    texts = {
        clinic.emergency_number: clinic.emergency_text_number,
        clinic.crisis_line: clinic.crisis_text,
        clinic.dv_line: clinic.dv_text,
    }
    chats = {clinic.crisis_line: clinic.crisis_chat_url, clinic.dv_line: clinic.dv_chat_url}
    for number in dict.fromkeys(filter(None, calls)):
        yield line(number, True, texts.get(number), chats.get(number))
    for number in dict.fromkeys(filter(None, texts.values())):
        if number not in calls:
            yield line(number, False, number, None)


def line(number: str, call: bool, text: str | None, chat: str | None) -> dict[str, Any]:
    """Return one number: whether it takes calls, its number for texts, its address for a chat."""
    ways = {"number": number, "call": call, "text": text, "chat": chat}
    return {name: value for name, value in ways.items() if value is not None}
