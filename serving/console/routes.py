"""The console's pages: login, the list of experiments, one experiment, its exports."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from experiments.design import PLAIN_NAME
from features.database.records import ExperimentRecord, LogEntry
from features.database.store import Database
from serving.console import gate
from serving.console.database import read
from serving.console.export import csv_file, download
from serving.console.frame import ConsoleRoute
from serving.console.pages import language_of, page, protect, render, style
from serving.console.report_view import Report
from serving.console.sessions import forget
from serving.console.view import experiment_page, list_page
from serving.problems import ProblemError
from serving.responses import cacheable

router = APIRouter(prefix="/console", include_in_schema=False, route_class=ConsoleRoute)
READ = ["GET", "HEAD"]
STYLE_SECONDS = 3600
Found = tuple[ExperimentRecord, Report | None, list[LogEntry]]


@router.api_route("", methods=READ)
async def without_slash() -> Response:
    """The address as people type it."""
    return RedirectResponse(gate.HOME, 303)


@router.api_route("/style.css", methods=READ)
async def style_sheet(request: Request) -> Response:
    """The style sheet; its address in the pages changes with it."""
    return cacheable(request, style().encode(), "text/css", STYLE_SECONDS)


@router.api_route("/login", methods=READ)
async def login_form(request: Request) -> Response:
    """The form, with a session that it is bound to."""
    seen: gate.Visit = request.state.visit
    if seen.admitted:
        return RedirectResponse(gate.HOME, 303)
    return _login_page(request, seen, gate.inside(request.query_params.get("next", "")))


@router.post("/login")
async def login(request: Request) -> Response:
    """Log in with a key."""
    seen: gate.Visit = request.state.visit
    fields = await gate.form(request)
    gate.check_form(seen, fields.get("token", ""))
    target = gate.inside(fields.get("next", ""))
    key_id = gate.key_id_for_console(seen.keys, fields.get("key", "").strip())
    if key_id is None:
        return _login_page(request, seen, target, refused=True)
    response = RedirectResponse(target, 303)
    seen.sessions.keep(request, response, seen.sessions.begin(key_id))
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session."""
    seen: gate.Visit = request.state.visit
    gate.check_form(seen, (await gate.form(request)).get("token", ""))
    response = RedirectResponse("/console/login", 303)
    forget(response)
    return response


@router.api_route("/", methods=READ)
async def experiments(request: Request) -> Response:
    """Every experiment with what its newest report says."""
    services = request.app.state.services
    shop = services.settings.shop
    found = await read(services.database, _every)
    cards = list_page(found, language_of(request, shop), shop)
    return page(request, "experiments.html", cards=cards, form_token=request.state.visit.form_token)


@router.api_route("/experiments/{key}", methods=READ)
async def experiment(request: Request, key: str) -> Response:
    """One experiment."""
    shown = await _shown(request, key)
    return page(request, "experiment.html", e=shown, form_token=request.state.visit.form_token)


@router.api_route("/experiments/{key}/report.html", methods=READ)
async def report_file(request: Request, key: str) -> Response:
    """The page as one file that needs nothing else."""
    shop = request.app.state.services.settings.shop
    shown = await _shown(request, key)
    text = render("report.html", language_of(request, shop), shop, e=shown, style=style())
    return protect(download(text.encode(), f"{key}.html", "text/html"), inline_style=True)


@router.api_route("/experiments/{key}/report.csv", methods=READ)
async def numbers_file(request: Request, key: str) -> Response:
    """Every number of the newest report, one row each metric, variant and segment."""
    _, report, _ = await _found(request, key)
    return download(csv_file(report), f"{key}.csv", "text/csv")


@router.api_route("/{rest:path}", methods=[*READ, "POST"])
async def nothing_here(request: Request, rest: str) -> Response:  # noqa: ARG001 — any other address
    """What is not there, to those who may look."""
    raise _not_found()


def _login_page(request: Request, seen: gate.Visit, target: str, refused: bool = False) -> Response:
    session = seen.session or seen.sessions.begin()
    token = seen.sessions.form_token(session)
    status = 403 if refused else 200
    response = page(request, "login.html", status, token=token, next=target, refused=refused)
    seen.sessions.keep(request, response, session)
    return response


async def _shown(request: Request, key: str) -> dict[str, Any]:
    record, report, log = await _found(request, key)
    shop = request.app.state.services.settings.shop
    return experiment_page(record, report, log, language_of(request, shop), shop)


async def _found(request: Request, key: str) -> Found:
    """An experiment with its newest report and its log.

    Raises:
        ProblemError: there is none of this key (404).
    """

    def look(database: Database) -> Found | None:
        record = database.experiments.get(key)
        if record is None:
            return None
        return record, _newest_report(database, key), database.experiments.log(key)

    found = await read(request.app.state.services.database, look) if PLAIN_NAME.fullmatch(key) else None
    if found is None:
        raise _not_found()
    return found


def _every(database: Database) -> list[tuple[ExperimentRecord, Report | None]]:
    return [(record, _newest_report(database, record.key)) for record in database.experiments.list()]


def _newest_report(database: Database, key: str) -> Report | None:
    """Parsed here, in the database's thread: a report with its charts is large, and the loop serves others.

    orjson refuses NaN and infinity, so none can reach a page.
    """
    stored = database.experiments.latest_report(key)
    return None if stored is None else orjson.loads(stored.body)


def _not_found() -> ProblemError:
    return ProblemError(404, "not_found", "There is no such page.")
