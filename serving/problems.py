"""Problem documents (RFC 9457): every error of the API has the same shape and a code to act on."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

PROBLEM_TYPE = "application/problem+json"
NO_STORE = {"Cache-Control": "private, no-store"}
_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
}


class FieldError(BaseModel):
    """One field that is wrong, and why."""

    field: str
    detail: str


class ProblemDocument(BaseModel):
    """What every error looks like (`application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] = []


class ProblemError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        code: what a program decides on; never changes.
        detail: what is wrong and what to do about it, for a person.
        errors: the fields that are wrong.
        headers: further headers, such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def response(self, request_id: str) -> Response:
        """The problem as a response."""
        document = {
            "type": f"urn:huitou:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            "errors": self.errors,
        }
        return Response(
            orjson.dumps(document), self.status, {**NO_STORE, **self.headers}, media_type=PROBLEM_TYPE
        )


def not_ready() -> ProblemError:
    """No release can be served."""
    return ProblemError(
        503,
        "not_ready",
        "No release is being served yet. Run: huitou publish",
        headers={"Retry-After": "1"},
    )


def database_unavailable(remedy: str) -> ProblemError:
    """The database is out, and this call needs it."""
    detail = f"The database is not answering. {remedy}"
    return ProblemError(503, "database_unavailable", detail, headers={"Retry-After": "1"})


def unknown(what: str, identity: str) -> ProblemError:
    """A customer, product or offer that the live release does not know."""
    return ProblemError(
        404,
        f"unknown_{what}",
        f"The live release knows no {what} {identity!r}. Check the id, or wait for the next release.",
    )


def field_errors(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Pydantic's errors as field and detail; `body.filter.price.min` is reported as `filter.price.min`."""
    return [{"field": _field(error), "detail": _detail(error)} for error in errors]


def _field(error: Mapping[str, Any]) -> str:
    parts = [str(part) for part in error["loc"]]
    if parts and parts[0] in ("body", "query", "path", "header"):
        parts = parts[1:] if error["type"] != "json_invalid" else []
    return ".".join(parts) or "body"


def _detail(error: Mapping[str, Any]) -> str:
    if error["type"] == "json_invalid":
        reason = error.get("ctx", {}).get("error", "it cannot be parsed")
        return f"The body is not JSON: {reason}. Send one JSON object in UTF-8."
    return str(error["msg"]).removeprefix("Value error, ")


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""

    async def stated(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, ProblemError)  # noqa: S101 — narrows the type the framework gives
        return problem.response(request.state.request_id)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 — narrows the type
        errors = field_errors(error.errors())
        detail = "; ".join(f"{item['field']}: {item['detail']}" for item in errors[:3])
        return ProblemError(422, "invalid_request", detail, errors).response(request.state.request_id)

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 — narrows the type
        code = _CODES.get(error.status_code, "http_error")
        detail = f"{request.method} {request.url.path}: {error.detail}. The calls are listed at /docs."
        problem = ProblemError(error.status_code, code, detail, headers=error.headers)
        return problem.response(request.state.request_id)

    app.add_exception_handler(ProblemError, stated)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, routing)
