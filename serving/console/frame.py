"""The frame around every page: who may see it, its headers, and errors in the console's own look."""

import logging
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from serving.console import gate
from serving.console.pages import page, protect
from serving.problems import ProblemError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
logger = logging.getLogger("huitou.serving")
LOGIN, STYLE = "/console/login", "/console/style.css"
# Problems with words of their own; the others have those of their status.
WORDED = {"form_out_of_date": "403", "host_not_allowed": "local", "unauthorized": "local"}


class ConsoleRoute(APIRoute):
    """A route whose every answer is protected, and whose errors are pages; `APIRouter(route_class=…)`."""

    def get_route_handler(self) -> Handler:
        """The framework's handler within the frame; it finds who asks in `request.state.visit`."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await _answer(request, handler)
            except ProblemError as problem:
                response = _problem_page(request, problem)
            except Exception as error:
                # As the request frame does: the places, but not the message, which may name a customer.
                places = "".join(traceback.format_tb(error.__traceback__))
                request_id = request.state.request_id
                logger.error("unexpected %s in request %s\n%s", type(error).__name__, request_id, places)
                response = _problem_page(request, ProblemError(500, "internal_error", ""))
            return protect(response)

        return handle


async def _answer(request: Request, handler: Handler) -> Response:
    if request.scope["path"] == STYLE:
        # Pages that say that the database is gone need it too.
        gate.check_machine(request)
        return await handler(request)
    seen = request.state.visit = await gate.visit(request)
    is_allowed = seen.admitted or request.scope["path"] == LOGIN
    return await handler(request) if is_allowed else gate.login_needed(request)


def _problem_page(request: Request, problem: ProblemError) -> Response:
    words = WORDED.get(problem.code, str(problem.status))
    response = page(request, "problem.html", problem.status, words=words, number=request.state.request_id)
    response.headers.update(problem.headers)
    return response
