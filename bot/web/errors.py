"""Errors of the front server in the one shape of the contract."""

from collections.abc import Mapping

from starlette.responses import JSONResponse


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
