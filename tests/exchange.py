"""What stands between the front server and a stand-in for Rasa: requests and responses of httpx, without a network.

The real connections (bot/web/rasa_client.py, KeptConnections) have tests of their own, and every test of the whole bot.
"""

import inspect
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from bot.web.rasa_client import RasaClient

NOWHERE = ConnectionKey("rasa.invalid", 80, False, None, None, None, None)


class StoodIn:
    """Has `handle` answer each request; what it raises or sends comes back as it would from a connection."""

    def __init__(self, handle: Callable[[httpx.Request], Any]) -> None:
        self._handle = handle

    async def __call__(self, method: str, url: str, body: Any = None) -> bytes:
        try:
            response = self._handle(httpx.Request(method, url, json=body) if body else httpx.Request(method, url))
            response = await response if inspect.isawaitable(response) else response
        except httpx.ConnectError:
            raise aiohttp.ClientConnectorError(NOWHERE, OSError()) from None
        except httpx.HTTPError as error:
            raise aiohttp.ClientConnectionError from error
        if not response.is_success:
            raise aiohttp.ClientResponseError(_request(method, url), (), status=response.status_code)
        return response.content

    async def close(self) -> None:
        """There is nothing to close."""


def before(handle: Callable[[httpx.Request], Any]) -> RasaClient:
    """Return a client before a stand-in for one Rasa server."""
    return RasaClient("http://rasa.invalid", StoodIn(handle))


def _request(method: str, url: str) -> aiohttp.RequestInfo:
    return aiohttp.RequestInfo(URL(url), method, {}, URL(url))  # type: ignore[arg-type]
