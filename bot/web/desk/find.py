"""Find: every answer, by subject."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.web.desk.desk import Desk


class Find:
    """The first page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.first_page = desk.guarded(self.browse)

    def routes(self) -> list[BaseRoute]:
        """Return the addresses below /desk."""
        return []

    async def browse(self, request: Request) -> Response:
        """The search, and every answer by subject."""
        return await self._desk.page(request, "find.html")
