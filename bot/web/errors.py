"""Errors of the front server in the one shape of the contract."""

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

logger = logging.getLogger(__name__)

HTTP_MESSAGES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method. See the documentation of the interface.",
}


class ApiError(Exception):
    """A request that cannot be served; `message` says what to do."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def error_response(error: ApiError, emergency_line: str) -> JSONResponse:
    """Return the error as JSON. A visitor may see it, so it ends with the emergency line."""
    body = {"error": {"code": error.code, "message": f"{error.message} {emergency_line}"}}
    return JSONResponse(body, error.status, error.headers)


def as_api_error(error: Exception) -> ApiError:
    """Return any error as one of the contract's. What went wrong inside stays inside."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        message = HTTP_MESSAGES.get(error.status_code, str(error.detail))
        return ApiError(error.status_code, f"http_{error.status_code}", message, dict(error.headers or {}))
    logger.error("request failed: %s", type(error).__name__)  # no traceback: its values may hold a visitor's words
    return ApiError(500, "internal", "Something went wrong here. Please try again in a minute.")
