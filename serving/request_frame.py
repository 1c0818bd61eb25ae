"""The frame around every request: admission, an id, bounds on its body, metrics,
a last resort for the unexpected.
"""

import asyncio
import logging
import re
import time
import traceback
import uuid

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.settings import ServingSettings
from serving.problems import ProblemError
from serving.security import METHODS_WITH_BODY, admit
from serving.service_metrics import ServiceMetrics

logger = logging.getLogger("huitou.serving")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestFrame:
    """ASGI middleware, written without the framework's helpers because every request passes it.

    Args:
        app: what is framed.
        settings: bounds on bodies.
        metrics: counts requests and their latency.
    """

    def __init__(self, app: ASGIApp, settings: ServingSettings, metrics: ServiceMetrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode("ascii")))
            await send(message)

        try:
            admit(HTTPConnection(scope))
            if scope["method"] in METHODS_WITH_BODY:
                receive = _replay(await self._body(scope, receive), receive)
            await self._app(scope, receive, send_with_id)
        except ProblemError as problem:
            await problem.response(request_id)(scope, receive, send_with_id)
        except Exception as error:
            _log_unexpected(error, request_id)
            if status:
                raise  # the answer has begun: only the server can cut it off
            unexpected = ProblemError(500, "internal_error", "Something went wrong; quote the request_id.")
            await unexpected.response(request_id)(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.request(route, status, time.perf_counter() - started)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        limit = self._settings.max_body_bytes
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise _too_large(limit)
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.body_timeout_ms / 1000):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ProblemError(400, "bad_request", "The client closed the connection early.")
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    if size > limit:
                        raise _too_large(limit)
                    more = message.get("more_body", False)
        except TimeoutError:
            raise ProblemError(408, "body_too_slow", "The request body took too long to arrive.") from None
        return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    delivered = False

    async def replayed() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return str(given)
    return uuid.uuid4().hex


def _too_large(limit: int) -> ProblemError:
    return ProblemError(413, "body_too_large", f"The body is larger than {limit} bytes. Send it in parts.")


def _log_unexpected(error: Exception, request_id: str) -> None:
    # The places but not the message: an exception's message may carry a customer id.
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("unexpected %s in request %s\n%s", type(error).__name__, request_id, places)
