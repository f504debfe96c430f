"""RFC 9457 problem+json of every error: the same codes as the commands print, titles in Chinese or English."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.errors import Unauthenticated
from api.messages import preferred, title
from core.errors import CarbonSealError, Forbidden, FormError, InputError, NotFound, Refused, Unavailable

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:carbonseal:problem:"
RETRY_AFTER_S = 2

_log = logging.getLogger("carbonseal.api")


class InternalError(CarbonSealError):
    """A bug of ours; the details are in the node's log and nowhere else."""

    http_status = 500


class MethodNotAllowed(Refused):
    """The resource exists, the method does not."""

    http_status = 405


def problem(error: CarbonSealError, *, instance: str, language: str) -> dict[str, Any]:
    """The problem document: type, title, status, detail, instance; code, where, hint and the error's own values."""
    body = {
        "type": TYPE_PREFIX + error.code, "title": title(error, language), "status": error.http_status,
        "detail": error.message, "instance": instance,
    }
    return {**error.as_dict(), **body}


def respond(request: Request, error: CarbonSealError) -> Response:
    """The answer for an error, in the language the client asks for."""
    language = preferred(request.headers.get("accept-language", ""))
    body = problem(error, instance=request.url.path, language=language)
    headers = {"content-language": language}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(RETRY_AFTER_S)
    content = json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
    return Response(content, status_code=error.http_status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem."""

    @app.exception_handler(CarbonSealError)
    async def ours(request: Request, error: CarbonSealError) -> Response:
        return respond(request, error)

    @app.exception_handler(OperationalError)
    async def database(request: Request, error: OperationalError) -> Response:
        return respond(request, of_database(error))

    @app.exception_handler(PoolTimeout)
    async def crowded(request: Request, error: PoolTimeout) -> Response:
        return respond(request, of_database(error))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _error: ClientDisconnect) -> Response:
        # Nobody reads this; without it every sender that hangs up would be logged as an error of ours.
        return respond(request, FormError("body-incomplete", "the sender hung up"))

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        return respond(request, _of_validation(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return respond(request, _of_http(error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        _log.error("internal error at %s %s", request.method, request.url.path, exc_info=error)
        return respond(request, InternalError("internal-error", "the node met an error of its own",
                                              hint="look into the node's log, or report it"))


def of_database(error: OperationalError | PoolTimeout) -> Unavailable:
    """What the sender is told when the database, or a connection to it, could not be had."""
    if isinstance(error, PoolTimeout):
        return Unavailable("database-unavailable", "too many requests wait for the database",
                           hint="send again in a moment")
    return Unavailable("database-unavailable", f"the database did not answer: {error.orig}",
                       hint="check disk space and the database server, then send again")


def _of_validation(error: RequestValidationError) -> CarbonSealError:
    first = error.errors()[0]
    place = "/".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return FormError("json-malformed", "the body is not JSON", where=place)
    return InputError("parameter-invalid", str(first["msg"]), where=place, hint="see /openapi.json")


def _of_http(error: HTTPException) -> CarbonSealError:
    if error.status_code == 404:
        return NotFound("route-unknown", "there is no such resource", hint="see /docs")
    if error.status_code == 405:
        return MethodNotAllowed("method-not-allowed", "the resource does not take this method", hint="see /docs")
    if error.status_code < 500:
        return Forbidden("request-refused", str(error.detail))
    return InternalError("internal-error", str(error.detail))
