"""Bodies are JSON and say so; whatever else arrives is the same kind of problem, with its remedy."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from serving.problems import ProblemError

_METHODS_WITH_BODY = ("POST", "PUT", "PATCH")


class JsonRoute(APIRoute):
    """A route whose body must be JSON; `APIRouter(route_class=JsonRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler behind a check of the content type and a stricter parser."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.method in _METHODS_WITH_BODY:
                _check_content_type(request.headers.get("content-type", ""))
                request = _JsonRequest(request.scope, request.receive)
            return await handler(request)

        return handle


class _JsonRequest(Request):
    async def json(self) -> Any:
        # The standard library raises four kinds of errors for bodies that are no JSON (not UTF-8, nested too
        # deeply, endless numbers) and accepts NaN. This parser has one error, which the framework knows.
        return orjson.loads(await self.body())


def _check_content_type(given: str) -> None:
    kind, _, subtype = given.partition(";")[0].strip().lower().partition("/")
    if kind == "application" and (subtype == "json" or subtype.endswith("+json")):
        return
    sent = f"with Content-Type {given[:100]!r}" if given else "without a Content-Type"
    detail = f"The body was sent {sent}. Send JSON with Content-Type: application/json."
    raise ProblemError(422, "invalid_request", f"body: {detail}", [{"field": "body", "detail": detail}])
