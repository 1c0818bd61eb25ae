"""Who may see the console: this machine while no key exists, else a browser that logged in with a key."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from features.database.store import Database
from serving.api_keys import KeyRing
from serving.console.database import read
from serving.console.sessions import Session, Sessions
from serving.problems import ProblemError
from serving.security import known_keys, only_this_machine

SCOPES = {"marketing", "admin"}
HOME = "/console/"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the console.

    Attributes:
        sessions: the signer.
        session: the browser's; None if it has none that holds.
        keys: those that hold now.
    """

    sessions: Sessions
    session: Session | None
    keys: KeyRing

    @property
    def admitted(self) -> bool:
        """Whether it may see anything; asked of the keys every time."""
        if self.keys.open:
            return True
        key_id = self.session.key_id if self.session is not None else ""
        return bool(SCOPES & set(self.keys.scopes_of(key_id) or ()))

    @property
    def form_token(self) -> str:
        """For the form that logs out; empty where nobody logged in."""
        if self.keys.open or self.session is None:
            return ""
        return self.sessions.form_token(self.session)


async def visit(request: Request) -> Visit:
    """Learn who asks.

    Raises:
        ProblemError: 401 or 403 for other machines while no key exists; 503 while the keys are not known.
    """
    check_machine(request)
    services = request.app.state.services
    keys = known_keys(services.watcher.keys)
    secret: bytes | None = getattr(request.app.state, "console_secret", None)
    if secret is None:
        secret = await read(services.database, _secret)
        request.app.state.console_secret = secret
    sessions = Sessions(secret, services.clock)
    return Visit(sessions, sessions.of(request), keys)


def check_machine(request: Request) -> None:
    """Without keys, let only this machine pass.

    Raises:
        ProblemError: 401 or 403.
    """
    keys = request.app.state.services.watcher.keys
    if keys is not None and keys.open:
        only_this_machine(request)


def _secret(database: Database) -> bytes:
    return database.server_secret("console")


def login_needed(request: Request) -> Response:
    """To the login, in the language asked for, and from there back to here."""
    wanted = {"next": request.scope["path"], "lang": request.query_params.get("lang", "")}
    return RedirectResponse(f"/console/login?{urlencode(wanted)}", 303)


def inside(address: str) -> str:
    """An address within the console; its home for any other, which a link may have smuggled in."""
    return address if address.startswith(HOME) and "\\" not in address else HOME


async def form(request: Request) -> dict[str, str]:
    """The fields of a form; none where the body is not one. The frame has bounded its size."""
    try:
        fields = parse_qs((await request.body()).decode("utf-8"), max_num_fields=20, strict_parsing=True)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def key_id_for_console(keys: KeyRing, key: str) -> str | None:
    """The id of a key that opens the console; None for every other, without saying why."""
    scopes = keys.scopes(key)
    return key.split("_")[1] if scopes is not None and SCOPES & set(scopes) else None


def check_form(visit: Visit, token: str) -> None:
    """Refuse a form that another site sent.

    Raises:
        ProblemError: 403.
    """
    if not visit.sessions.is_form_of(visit.session, token):
        raise ProblemError(403, "form_out_of_date", "The form did not come from this console.")
