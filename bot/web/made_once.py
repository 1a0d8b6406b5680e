"""A response that is the same for everybody: made at start, kept gzipped as well, and known again by its ETag."""

import hashlib
from collections.abc import Mapping

import zopfli.gzip as zopfli
from starlette.requests import Request
from starlette.responses import Response


class MadeOnce:
    """Answers requests with one text."""

    def __init__(self, text: str, media_type: str, headers: Mapping[str, str] = {}) -> None:
        self._plain = text.encode()
        self._gzipped = zopfli.compress(self._plain)
        self._media_type = media_type
        self.version = hashlib.sha256(self._plain).hexdigest()[:20]
        self._headers = {
            **headers,
            "ETag": f'"{self.version}"',
            "Vary": "Accept-Encoding",
        }

    def answer(self, request: Request) -> Response:
        """Return the text, gzipped where the browser can read that, or 304 where it has it already."""
        if request.headers.get("if-none-match") == self._headers["ETag"]:
            return Response(status_code=304, headers=self._headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self._plain, headers=self._headers, media_type=self._media_type)
        headers = {**self._headers, "Content-Encoding": "gzip"}
        return Response(self._gzipped, headers=headers, media_type=self._media_type)
