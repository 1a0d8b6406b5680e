"""What all pages of the desk share: templates, the words of data/desk.yml, the headers, and what a form may send."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from bot.clinic import tel

HERE = Path(__file__).parent
LONGEST_FORM = 16 * 1024  # bytes
MOST_FIELDS = 50
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class BadForm(ValueError):
    """A form that is too large, or none at all."""


def templates() -> Jinja2Templates:
    """Return the desk's templates: every value is escaped, and a word that is not there is an error."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["tel"] = tel
    return Jinja2Templates(env=environment)


def with_headers(response: Response, status: int | None = None) -> Response:
    """Return the response with the desk's own policy: it has forms, where the demonstration page has none."""
    response.headers.update(HEADERS)
    response.status_code = status or response.status_code
    return response


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form, the last of each name. Raises BadForm."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise BadForm("no form")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise BadForm("too large")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise BadForm("not readable") from None
